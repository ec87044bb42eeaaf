import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qt_ray.adapters.models.vault import Missing, Vault, read_bounded
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

CONTENT = b"weights"
DIGEST = sha256(CONTENT).hexdigest()


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    made = Vault(tmp_path / "models", "objects", 100)
    made.put(CONTENT)
    return made


def path_of(vault: Vault, digest: str = DIGEST) -> Path:
    return vault.root / vault.folder / digest


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=100))
def test_what_is_put_is_got_under_its_hash(tmp_path: Path, content: bytes) -> None:
    vault = Vault(tmp_path, "objects", 100, ".bin")
    digest = vault.put(content)
    assert digest == sha256(content).hexdigest() == vault.put(content)
    assert vault.get(digest) == vault.get(digest, len(content)) == content
    assert (tmp_path / "objects" / f"{digest}.bin").read_bytes() == content


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 8 * len(CONTENT) - 1))
def test_a_flipped_bit_is_found_and_mended_by_the_content(vault: Vault, bit: int) -> None:
    broken = bytearray(CONTENT)
    broken[bit // 8] ^= 1 << bit % 8
    path_of(vault).write_bytes(broken)
    with pytest.raises(Invalid, match="bytes whose SHA-256 is the name"):
        vault.get(DIGEST)
    vault.put(CONTENT)
    assert vault.get(DIGEST) == CONTENT


def test_a_truncated_file_is_refused_by_its_size(vault: Vault) -> None:
    path_of(vault).write_bytes(CONTENT[:-1])
    with pytest.raises(Invalid, match=f"{DIGEST}: 7 bytes, was 6"):
        vault.get(DIGEST, len(CONTENT))


def test_a_file_over_the_bound_is_refused_unread(vault: Vault) -> None:
    with path_of(vault).open("wb") as stream:
        stream.truncate(1 << 40)  # a terabyte of nothing: reading it would not end
    with pytest.raises(Invalid, match="at most 100 bytes, was 1099511627776"):
        vault.get(DIGEST)
    with pytest.raises(Invalid, match="objects: at most 100 bytes, was 101"):
        vault.put(b"x" * 101)


@pytest.mark.parametrize("name", ["", "../../x", "/etc/passwd", "." * 64, DIGEST.upper(), DIGEST + "\n", DIGEST[:-1]])
def test_a_name_that_is_no_digest_reaches_no_file(vault: Vault, name: str) -> None:
    with pytest.raises(Invalid, match="objects: a digest is 64 hexadecimal digits"):
        vault.get(name)


def test_a_file_behind_a_link_is_refused_even_if_its_bytes_are_right(vault: Vault, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(CONTENT)
    path_of(vault).unlink()
    path_of(vault).symlink_to(tmp_path / "outside")
    with pytest.raises(Invalid, match="a file in real folders"):
        vault.get(DIGEST)
    vault.put(CONTENT)
    assert not path_of(vault).is_symlink()
    assert vault.get(DIGEST) == CONTENT


def test_a_folder_behind_a_link_is_neither_read_nor_written_nor_swept(vault: Vault, tmp_path: Path) -> None:
    home = path_of(vault).parent
    home.rename(tmp_path / "elsewhere")
    home.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Invalid, match="a file in real folders"):
        vault.get(DIGEST)
    for act in (lambda: vault.put(b"more"), lambda: vault.sweep(frozenset())):
        with pytest.raises(Invalid, match="a real folder, was a link"):
            act()
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == [DIGEST]


def test_a_root_behind_a_link_is_the_users_choice(vault: Vault, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(vault.root)
    assert Vault(tmp_path / "link", "objects", 100).get(DIGEST) == CONTENT


def test_neither_a_folder_nor_a_pipe_nor_nothing_is_a_file(vault: Vault) -> None:
    path_of(vault).unlink()
    with pytest.raises(Missing, match="was missing"):
        vault.get(DIGEST)
    path_of(vault).mkdir()
    with pytest.raises(Invalid, match="a regular file, was none"):
        vault.get(DIGEST)
    path_of(vault).rmdir()
    os.mkfifo(path_of(vault))
    with pytest.raises(Invalid, match="a regular file, was none"):
        vault.get(DIGEST)


def test_a_missing_root_and_a_file_in_its_place_are_one_line_each(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="none/a: a file that is there, was missing"):
        read_bounded(tmp_path / "none", "a", 100)
    (tmp_path / "file").touch()
    with pytest.raises(Invalid, match="file/a: a file in real folders, was: Not a directory"):
        read_bounded(tmp_path / "file", "a", 100)


def test_a_sweep_takes_drafts_and_what_is_not_kept_and_nothing_of_others(vault: Vault) -> None:
    home = path_of(vault).parent
    orphan = vault.put(b"orphan")
    draft = home / f".{DIGEST}.0123456789ab.tmp"
    for path in (draft, home / "README.md", home / ".keep"):
        path.touch()
    (home / ("0" * 64)).mkdir()
    assert vault.sweep(frozenset({DIGEST})) == sorted((f"objects/{orphan}", f"objects/{draft.name}"))
    assert {path.name for path in home.iterdir()} == {DIGEST, "README.md", ".keep", "0" * 64}
    assert Vault(vault.root, "nothing", 1).sweep(frozenset()) == []
