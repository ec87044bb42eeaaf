"""Journal framing: a record is whole or it was never written, and a record that was written is never explained away.

Length and sequence have a checksum of their own, so a flipped bit in a length cannot make the rest of the file look
torn; a record ends in a mark that is not zero, so blocks that were never written cannot look like one. What ends
early is a torn tail and may be cut off; anything else that does not add up is refused with file, offset and rule.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Final, NoReturn

from qt_ray.core.errors import Invalid
from qt_ray.governance.checksum import crc32c
from qt_ray.governance.framing import FRAME_BYTES, MARK, OWN_AT, PREFIX_BYTES, laid_out

MAGIC: Final = b"QTJRNL01"
RECORD_BYTES_MAX: Final = 1 << 20
FIRST: Final = 1
ORIGIN: Final = bytes(32)

_HEAD: Final = Struct("<8sQQ32s")
_PREFIX: Final = Struct("<IQI")
_CRC: Final = Struct("<I")

HEAD_BYTES: Final = _HEAD.size + _CRC.size


@dataclass(frozen=True, slots=True)
class Head:
    """The first bytes of a segment: its place in the row, its first sequence, and the digest of the one before."""

    index: int
    first: int
    previous: bytes = ORIGIN

    def encoded(self) -> bytes:
        """Return the head as it stands in the file."""
        body = _HEAD.pack(MAGIC, self.index, self.first, self.previous)
        return body + _CRC.pack(crc32c(body))


@dataclass(frozen=True, slots=True)
class Record:
    """What was journalled, and its place in the one sequence; `end` is where the next record starts."""

    sequence: int
    payload: bytes
    end: int


def framed(first: int, payloads: Sequence[bytes]) -> bytes:
    """Return records as they stand in the file, the first of them numbered `first`."""
    for payload in payloads:
        if not 0 < len(payload) <= RECORD_BYTES_MAX:
            raise Invalid(f"a journal record has 1 to {RECORD_BYTES_MAX} bytes, was {len(payload)}")
    return laid_out(first, payloads)


def head_of(name: str, data: bytes) -> Head:
    """Return the head of a segment; it is written whole before its name exists, so a short one is damage."""
    if len(data) < HEAD_BYTES or crc32c(data[: _HEAD.size]) != _CRC.unpack_from(data, _HEAD.size)[0]:
        _refuse(name, 0, "a segment begins with a head and its checksum")
    magic, index, first, previous = _HEAD.unpack_from(data)
    if magic != MAGIC:
        _refuse(name, 0, f"a segment is of format {MAGIC.decode()}, was {magic!r}")
    return Head(index, first, previous)


def records(name: str, data: bytes, first: int, torn_may_end: bool) -> Iterator[Record]:
    """Yield the whole records of a segment; a torn tail ends the last segment and is damage in any other."""
    at, sequence = HEAD_BYTES, first
    written = len(data.rstrip(b"\0"))
    while at < len(data):
        record = _record_at(name, data, at, sequence, written)
        if record is None:
            if not torn_may_end:
                _refuse(name, at, "only the last segment may end in a torn record")
            return
        yield record
        at, sequence = record.end, sequence + 1


def follows(name: str, head: Head, before: Head, digest: bytes, sequence: int) -> None:
    """Refuse a segment that does not continue the one before: in place, in sequence and over the same bytes."""
    if head.index != before.index + 1:
        _refuse(name, 0, f"segments are consecutive, {before.index} is followed by {head.index}")
    if head.previous != digest:
        _refuse(name, 0, "a segment names the digest of the one before, and the one before has another")
    if head.first != sequence:
        _refuse(name, 0, f"sequences are consecutive, {sequence} is next, was {head.first}")


def digest_of(data: bytes) -> bytes:
    """Return the digest by which a segment is known to the next."""
    return sha256(data).digest()


def _record_at(name: str, data: bytes, at: int, sequence: int, written: int) -> Record | None:
    if written < at + PREFIX_BYTES:
        return None
    size, found, checksum = _PREFIX.unpack_from(data, at)
    (own,) = _CRC.unpack_from(data, at + OWN_AT)
    if crc32c(data[at : at + OWN_AT]) != own:
        _refuse(name, at, "length and sequence agree with their checksum")
    if found != sequence:
        _refuse(name, at, f"sequences are consecutive, {sequence} is next, was {found}")
    start, end = at + PREFIX_BYTES, at + FRAME_BYTES + size
    if written < end:
        return None
    payload = data[start : end - 1]
    if crc32c(payload) != checksum or data[end - 1] != MARK:
        _refuse(name, at, "a record agrees with its checksum")
    return Record(sequence, payload, end)


def _refuse(name: str, at: int, rule: str) -> NoReturn:
    raise Invalid(f"{name}: {rule}, at byte {at}")
