import pickle
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from qt_ray.adapters.models.pickles import is_pickle

pytestmark = pytest.mark.unit


class Bomb:
    """What runs when its pickle is read: it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_known_in_every_protocol_and_never_run(tmp_path: Path, protocol: int) -> None:
    content = pickle.dumps(Bomb(tmp_path / "exploded"), protocol)
    assert is_pickle(content)
    assert is_pickle(content + b"\n")
    assert not (tmp_path / "exploded").exists()
    pickle.loads(content)
    assert (tmp_path / "exploded").exists()


def test_what_hides_behind_the_end_of_a_pickle_hides_nothing() -> None:
    assert is_pickle(pickle.dumps([1, 2]) + b"trailing")


def test_an_archive_may_hold_one() -> None:
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(1))
    assert is_pickle(packed.getvalue())


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 90), st.text("abcxyz", max_size=600))
def test_tensors_are_data(size: int, note: str) -> None:
    assert not is_pickle(save({"weight": np.zeros(size, np.float32)}, {"note": note}))


@pytest.mark.parametrize(
    "content",
    [
        b'{"learner":{"gradient_booster":{}}}',
        b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner{",
        b"tree\nversion=v4\nnum_class=1\n",
        b"CBM1\x00\x00",
        b"",
        b"\x80",
        b"\x80\x04",
        b"\x80\x02\x00\x00\x00\x00\x00\x00",
    ],
)
def test_native_formats_are_data(content: bytes) -> None:
    assert not is_pickle(content)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_get_an_answer(content: bytes) -> None:
    assert is_pickle(content) in (True, False)
    assert is_pickle(b"\x80\x04" + content) in (True, False)
