import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load

from qt_ray.adapters.models import weights
from qt_ray.adapters.models.weights import FORMAT, pack, unpack
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

SHAPE = {"inputs": 2, "outputs": 3}
TENSORS = {
    "weight": np.arange(6, dtype=np.float32).reshape(3, 2),
    "bias": np.array([-1.5, 0.0, 1e-30], np.float32),
}
BLOB = pack("linear", SHAPE, TENSORS)


def dimensions(shape: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    if shape.keys() != SHAPE.keys() or not all(type(size) is int for size in shape.values()):
        raise Invalid(f"linear: a shape is inputs and outputs, was {shape!r:.60}")
    return {"weight": (shape["outputs"], shape["inputs"]), "bias": (shape["outputs"],)}


def split(blob: bytes) -> tuple[dict[str, Any], bytes]:
    start = 8 + int.from_bytes(blob[:8], "little")
    return json.loads(blob[8:start]), blob[start:]


def joined(header: object, body: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body


def edited(change: Callable[[dict[str, Any]], object]) -> bytes:
    header, body = split(BLOB)
    change(header)
    return joined(header, body)


def stated(**fields: object) -> bytes:
    return edited(lambda header: header["__metadata__"].update(fields))


def entry(name: str, **fields: object) -> bytes:
    return edited(lambda header: header[name].update(fields))


def body_of(*values: float) -> bytes:
    header, _ = split(BLOB)
    return joined(header, np.array(values, "<f4").tobytes())


def test_what_was_packed_is_unpacked() -> None:
    shape, tensors = unpack(BLOB, "linear", dimensions)
    assert shape == SHAPE
    assert tensors.keys() == TENSORS.keys()
    for name, values in TENSORS.items():
        assert tensors[name].dtype == np.float32
        assert np.array_equal(tensors[name], values)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_equal_weights_are_equal_bytes_in_any_order(inputs: int, outputs: int, seed: int) -> None:
    dice = np.random.default_rng(seed)
    shape = {"outputs": outputs, "inputs": inputs}
    tensors = {name: dice.standard_normal(s).astype(np.float32) for name, s in dimensions(shape).items()}
    blob = pack("linear", shape, tensors)
    assert pack("linear", dict(reversed(shape.items())), dict(reversed(tensors.items()))) == blob
    assert pack("linear", *unpack(blob, "linear", dimensions)) == blob


def test_a_matrix_that_lies_across_is_packed_as_it_reads() -> None:
    across = TENSORS | {"weight": np.asfortranarray(TENSORS["weight"])}
    assert pack("linear", SHAPE, across) == BLOB


def test_others_can_read_the_file(tmp_path: Any) -> None:
    path = tmp_path / "linear.safetensors"
    path.write_bytes(BLOB)
    assert {name: values.tolist() for name, values in load(BLOB).items()} == {
        name: values.tolist() for name, values in TENSORS.items()
    }
    with safe_open(path, "numpy") as opened:
        assert opened.metadata() == {"kind": "linear", "format": FORMAT, "shape": '{"inputs":2,"outputs":3}'}


NUMBERS = (-1.5, 0.0, 1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
CULPRITS = [
    (b"", "a header is in the file"),
    (BLOB[:7], "a header is in the file"),
    (BLOB[:40], "a header is in the file"),
    (BLOB[:-1], "a file has the bytes its header states"),
    (BLOB + b"\0", "a file has the bytes its header states"),
    ((2**63).to_bytes(8, "little") + BLOB[8:], "has at most 262144 bytes"),
    (joined(b"{" + b" " * weights.HEADER_MAX + b"}", b""), "has at most 262144 bytes"),
    (joined(b"[" * 100_000, b""), "JSON"),
    (joined(b"\xff\xfe", b""), "JSON"),
    (joined([1, 2], b""), "format is qt.weights/1, was None"),
    (joined({}, b""), "format is qt.weights/1, was None"),
    (stated(format="qt.weights/2"), "format is qt.weights/1, was 'qt.weights/2'"),
    (stated(kind="cubic"), "kind is linear, was 'cubic'"),
    (stated(kind=["linear"]), "kind is linear"),
    (stated(shape="[1]"), "shape is an object of JSON"),
    (stated(shape={"inputs": 2, "outputs": 3}), "shape is an object of JSON"),
    (stated(shape='{"outputs":3,"inputs":2}'), "as `pack` spells it"),
    (stated(author="me"), "as `pack` spells it"),
    (stated(shape='{"inputs":2,"outputs":4}'), "'bias' is .*, was "),
    (edited(lambda header: header.pop("bias")), "'bias' is .*, was nothing"),
    (edited(lambda header: header.update(odd=header["bias"])), "'odd' is nothing, was "),
    (entry("weight", shape=[2, 3]), r"'weight' is .*\[3,2\].*, was .*\[2,3\]"),
    (entry("weight", shape=[3.0, 2.0]), "as `pack` spells it"),
    (entry("weight", dtype="F16"), "'weight' is .*F32.*, was .*F16"),
    (entry("weight", data_offsets=[0, 24]), "'weight' is .*, was "),
    (body_of(np.nan, *NUMBERS[1:]), "numbers are finite, was nan in bias"),
    (body_of(*NUMBERS[:-1], -np.inf), "numbers are finite, was -inf in weight"),
]


@pytest.mark.parametrize(("blob", "rule"), CULPRITS, ids=range(len(CULPRITS)))
def test_a_file_that_is_not_the_one_is_refused_in_one_line(blob: bytes, rule: str) -> None:
    with pytest.raises(Invalid, match=rf"^[^\n]*{rule}[^\n]*$") as refused:
        unpack(blob, "linear", dimensions)
    assert len(str(refused.value)) < 400


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(BLOB) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_is_another_number(at: int, flip: int) -> None:
    blob = BLOB[:at] + bytes([BLOB[at] ^ flip]) + BLOB[at + 1 :]
    try:
        shape, tensors = unpack(blob, "linear", dimensions)
    except Invalid:
        return
    assert at >= len(BLOB) - 36
    assert pack("linear", shape, tensors) == blob


def test_a_large_file_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "BYTES_MAX", len(BLOB) - 1)
    with pytest.raises(Invalid, match=rf"at most {len(BLOB) - 1} bytes, was {len(BLOB)}"):
        unpack(BLOB, "linear", dimensions)
    with pytest.raises(Invalid, match="at most"):
        pack("linear", SHAPE, TENSORS)


@pytest.mark.parametrize("bad", [np.array([np.inf], np.float32), np.array([1.0]), np.array([1], np.int32)])
def test_what_is_no_weight_is_not_packed(bad: np.ndarray) -> None:
    with pytest.raises(Invalid, match=r"numbers are float32 and finite, was .* in bias"):
        pack("linear", SHAPE, TENSORS | {"bias": bad})
