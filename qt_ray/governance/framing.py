"""Framing: many records laid out in one pass of compiled code, so that a group costs its sync and little else.

A record is length, sequence, checksum of the payload, checksum of these three, the payload, and a mark.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.compiled import compiled, inlined
from qt_ray.governance.checksum import TABLES, folded

LENGTH_AT: Final = 0
SEQUENCE_AT: Final = 4
CHECKSUM_AT: Final = 12
OWN_AT: Final = 16
PREFIX_BYTES: Final = 20
FRAME_BYTES: Final = PREFIX_BYTES + 1
MARK: Final = 0xA5

Bytes = NDArray[np.uint8]


def laid_out(first: int, payloads: Sequence[bytes]) -> bytes:
    """Return `payloads` as consecutive records, the first of them numbered `first`."""
    sizes = np.fromiter(map(len, payloads), np.int64, len(payloads))
    out = np.empty(int(sizes.sum()) + FRAME_BYTES * len(payloads), np.uint8)
    _lay_out(np.frombuffer(b"".join(payloads), np.uint8), sizes, np.uint64(first), TABLES, out)
    return out.tobytes()


@compiled
def _lay_out(
    payloads: Bytes, sizes: NDArray[np.int64], first: np.uint64, tables: NDArray[np.uint32], out: Bytes
) -> None:
    at, taken = 0, 0
    for place in range(len(sizes)):
        size = sizes[place]
        _put(out, at + LENGTH_AT, np.uint64(size), 4)
        _put(out, at + SEQUENCE_AT, first + np.uint64(place), 8)
        _put(out, at + CHECKSUM_AT, np.uint64(folded(payloads, taken, taken + size, tables)), 4)
        _put(out, at + OWN_AT, np.uint64(folded(out, at, at + OWN_AT, tables)), 4)
        start = at + PREFIX_BYTES
        for byte in range(size):
            out[start + byte] = payloads[taken + byte]
        out[start + size] = MARK
        at, taken = start + size + 1, taken + size


@inlined
def _put(out: Bytes, at: int, value: np.uint64, width: int) -> None:
    for byte in range(width):
        out[at + byte] = np.uint8((value >> np.uint64(8 * byte)) & np.uint64(255))
