"""Records: one declared row layout for Python, compiled code, digests and disk.

A class of annotated fields declares the row; `dtype` turns it into the packed little-endian layout.
Because the layout is fixed, the bytes of a row are its canonical form and can be hashed as they lie.
"""

from functools import cache
from hashlib import sha256
from typing import Annotated, Any, Generic, Protocol, TypeVar, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.compiled import is_interpreted

I64 = Annotated[int, "<i8"]
I32 = Annotated[int, "<i4"]
U32 = Annotated[int, "<u4"]
U8 = Annotated[int, "u1"]
F64 = Annotated[float, "<f8"]
F32 = Annotated[float, "<f4"]

RowT = TypeVar("RowT", covariant=True)


class Rows(Protocol, Generic[RowT]):
    """An array of records as a kernel sees it: `rows[i]` is a view, its fields are attributes."""

    def __getitem__(self, index: int, /) -> RowT: ...
    def __len__(self) -> int: ...


def dtype(row: type[Any]) -> np.dtype[np.void]:
    """Return the packed layout that `row` declares, fields in order of declaration."""
    declared: Any = row
    found: np.dtype[np.void] = _layout(declared)
    return found


@cache
def _layout(row: type[Any]) -> np.dtype[np.void]:
    hints = get_type_hints(row, include_extras=True)
    return np.dtype([(name, get_args(hint)[1]) for name, hint in hints.items()])


def digest_of(rows: NDArray[Any]) -> str:
    """Return the SHA-256 of the bytes of an array, as they lie."""
    return sha256(np.ascontiguousarray(rows).view(np.uint8).data).hexdigest()


def empty(row: type[RowT], count: int) -> NDArray[np.void]:
    """Return `count` zeroed rows; without a compiler their fields are attributes too, so kernels run interpreted."""
    rows = np.zeros(count, dtype(row))
    return rows.view(np.recarray) if is_interpreted() else rows
