"""Weights: a network as one file of safetensors, its shape beside its numbers, and nothing in it that can run.

Equal weights are equal bytes, so a digest names them. A reader knows every dimension from the shape before it looks at
a number, and refuses a file that holds anything else.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from qt_ray.ai.members.member import Singles
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid

FORMAT = "qt.weights/1"
BYTES_MAX = 64 * 2**20
HEADER_MAX = 256 * 2**10
LENGTH_BYTES = 8
ALIGNMENT = 8
METADATA = "__metadata__"
TYPE = "F32"
ITEM = np.dtype("<f4")

Dimensions = Mapping[str, tuple[int, ...]]


def pack(kind: str, shape: Mapping[str, Any], tensors: Mapping[str, Singles]) -> bytes:
    """Return the file that holds the weights of a network of this kind and shape."""
    for name, values in tensors.items():
        if values.dtype != np.float32 or not np.isfinite(values).all():
            raise Invalid(f"weights: numbers are float32 and finite, was {values.dtype} in {name}")
    header = _header(kind, shape, {name: values.shape for name, values in tensors.items()})
    blocks = (tensors[name].astype(ITEM).tobytes() for name in sorted(tensors))
    blob = b"".join((len(header).to_bytes(LENGTH_BYTES, "little"), header, *blocks))
    _bounded(blob, len(header))
    return blob


def unpack(
    blob: bytes, kind: str, dimensions: Callable[[Mapping[str, Any]], Dimensions]
) -> tuple[Mapping[str, Any], dict[str, Singles]]:
    """Return the shape and the weights of a file; `dimensions` says which tensors a network of a shape has."""
    length = int.from_bytes(blob[:LENGTH_BYTES], "little")
    _bounded(blob, length)
    start = LENGTH_BYTES + length
    header = decode(blob[LENGTH_BYTES:start])
    found = header if isinstance(header, dict) else {}
    shape = _shape(found.pop(METADATA, None), kind)
    sizes = dimensions(shape)
    expected = _entries(sizes)
    _agreed(expected, found)
    if blob[LENGTH_BYTES:start] != _header(kind, shape, sizes):
        raise Invalid("weights: a header is spelled as `pack` spells it, was spelled otherwise")
    size = start + max((entry["data_offsets"][1] for entry in expected.values()), default=0)
    if len(blob) != size:
        raise Invalid(f"weights: a file has the bytes its header states, {size}, was {len(blob)}")
    return shape, {name: _values(blob, start, name, entry) for name, entry in expected.items()}


def _header(kind: str, shape: Mapping[str, Any], dimensions: Dimensions) -> bytes:
    stated = {"kind": kind, "format": FORMAT, "shape": canonical(shape).decode()}
    text = canonical({METADATA: stated, **_entries(dimensions)})
    return text + b" " * (-len(text) % ALIGNMENT)


def _bounded(blob: bytes, length: int) -> None:
    if len(blob) > BYTES_MAX:
        raise Invalid(f"weights: a file has at most {BYTES_MAX} bytes, was {len(blob)}")
    if not 2 <= length <= min(HEADER_MAX, len(blob) - LENGTH_BYTES):
        raise Invalid(f"weights: a header is in the file and has at most {HEADER_MAX} bytes, was {length}")


def _shape(stated: Any, kind: str) -> Mapping[str, Any]:
    stated = stated if isinstance(stated, dict) else {}
    for field, expected in (("format", FORMAT), ("kind", kind)):
        if stated.get(field) != expected:
            raise Invalid(f"weights: {field} is {expected}, was {stated.get(field)!r:.60}")
    text = stated.get("shape")
    shape = decode(text.encode()) if isinstance(text, str) else None
    if not isinstance(shape, dict):
        raise Invalid(f"weights: shape is an object of JSON, was {text!r:.60}")
    return shape


def _entries(dimensions: Dimensions) -> dict[str, Any]:
    entries, at = {}, 0
    for name, sizes in sorted(dimensions.items()):
        end = at + ITEM.itemsize * math.prod(sizes)
        entries[name] = {"dtype": TYPE, "shape": list(sizes), "data_offsets": [at, end]}
        at = end
    return entries


def _agreed(expected: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise Invalid(f"weights: {name!r:.60} is {_said(expected, name)}, was {_said(found, name)}")


def _said(entries: Mapping[str, Any], name: str) -> str:
    return f"{canonical(entries[name]).decode():.100}" if name in entries else "nothing"


def _values(blob: bytes, start: int, name: str, entry: Mapping[str, Any]) -> Singles:
    first, end = entry["data_offsets"]
    values = np.frombuffer(blob[start + first : start + end], ITEM).astype(np.float32).reshape(entry["shape"])
    if not np.isfinite(values).all():
        raise Invalid(f"weights: numbers are finite, was {values[~np.isfinite(values)][0]} in {name}")
    return values
