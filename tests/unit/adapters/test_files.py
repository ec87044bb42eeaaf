import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qt_ray.adapters.clock import monotonic_ns, now_ms
from qt_ray.adapters.files import replacing, sha256_of, write_atomic, write_text_atomic

pytestmark = pytest.mark.unit


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_the_last_write_is_the_whole_file(tmp_path: Path, first: bytes, second: bytes) -> None:
    path = tmp_path / "a" / "b.bin"
    write_atomic(path, first)
    write_atomic(path, second)
    assert path.read_bytes() == second
    assert sha256_of(path) == hashlib.sha256(second).hexdigest()
    assert [p.name for p in path.parent.iterdir()] == ["b.bin"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    write_text_atomic(path, "old")
    with pytest.raises(TypeError), replacing(path) as draft:
        draft.write_text(12)  # type: ignore[arg-type] # a writer that fails
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]


def test_nobody_sees_the_new_file_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "later.txt"
    with replacing(path) as draft:
        draft.write_text("half")
        assert not path.exists()
        draft.write_text("whole")
    assert path.read_text() == "whole"


def test_a_writer_that_replaces_the_draft_itself_still_ends_in_place(tmp_path: Path) -> None:
    path = tmp_path / "renamed.txt"
    with replacing(path) as draft:
        other = tmp_path / "other"
        other.write_text("by another way")
        other.replace(draft)
    assert path.read_text() == "by another way"


def test_a_large_file_hashes_like_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    content = bytes(range(256)) * 10_000
    path.write_bytes(content)
    assert sha256_of(path) == hashlib.sha256(content).hexdigest()


def test_durations_never_run_backwards_and_dates_are_milliseconds() -> None:
    first, second = monotonic_ns(), monotonic_ns()
    assert second >= first
    assert 1_500_000_000_000 < now_ms() < 10_000_000_000_000
