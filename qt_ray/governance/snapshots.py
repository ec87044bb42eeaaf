"""Snapshots: a short cut through the journal, trusted only as far as the journal vouches for it.

A snapshot is state at a sequence; its hash stands in the journal behind that sequence. One that is half, of another
format, not vouched for, or that the journal does not reach, is passed over with a word, and state is rebuilt from
the journal alone: slower, never wrong.
"""

from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import ClassVar, Final

from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.restore import restore

MAGIC: Final = b"QTSNAP02"
KEPT: Final = 3

_HEAD: Final = Struct("<8sQQ32s")
_MARK: Final = b'{"bytes_of_state":'


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All state after the record `sequence`."""

    sequence: int
    state: bytes

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the state, in hexadecimal."""
        return sha256(self.state).hexdigest()

    def encoded(self) -> bytes:
        """Return the snapshot as it stands in a file."""
        return _HEAD.pack(MAGIC, self.sequence, len(self.state), sha256(self.state).digest()) + self.state


@dataclass(frozen=True, slots=True)
class Vouched:
    """The journal's word for a snapshot; the first key is how it is known among other records."""

    kind: ClassVar[str] = "snapshot"
    bytes_of_state: int
    sequence: int
    state_digest: str

    def encoded(self) -> bytes:
        """Return the word as a journal record."""
        return canonical(self)


def vouched(snapshot: Snapshot) -> Vouched:
    """Return the word that the journal is to keep of a snapshot."""
    return Vouched(len(snapshot.state), snapshot.sequence, snapshot.digest)


def vouched_in(payload: bytes) -> Vouched | None:
    """Return the word of a snapshot that a journal record is, or nothing if it is another record."""
    return restore(Vouched, decode(payload), "snapshot") if payload.startswith(_MARK) else None


def snapshot_of(name: str, data: bytes) -> Snapshot:
    """Return the snapshot that a file's bytes spell; half of one, or one of another format, is refused."""
    if len(data) < _HEAD.size:
        raise Invalid(f"{name}: a snapshot begins with a head of {_HEAD.size} bytes, had {len(data)}")
    magic, sequence, size, digest = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise Invalid(f"{name}: a snapshot is of format {MAGIC.decode()}, was {magic!r}")
    state = data[_HEAD.size :]
    if len(state) != size or sha256(state).digest() != digest:
        raise Invalid(f"{name}: a snapshot agrees with its digest")
    return Snapshot(sequence, state)


def why_not(name: str, snapshot: Snapshot, words: frozenset[Vouched], first: int, last: int) -> str | None:
    """Return why a snapshot cannot be the start of a recovery, or nothing if the journal goes on from it."""
    if vouched(snapshot) not in words:
        return f"{name}: a snapshot is vouched for by the journal, this one is not"
    if not first - 1 <= snapshot.sequence <= last:
        return f"{name}: a journal from {first} to {last} goes on from a snapshot, was at {snapshot.sequence}"
    return None
