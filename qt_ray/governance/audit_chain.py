"""Audit chain: every line bears the digest of itself and of all lines before, so no edit leaves the rest standing.

A line chains the digest of its record and not the record: what has grown too old is replaced by its digest, and the
chain still proves all that stays. Anchors, signed and kept elsewhere, hold single links fast, so not even a whole chain
written anew passes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.restore import restore
from qt_ray.governance.audit_records import AuditRecord

GENESIS: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class Line:
    """A record in its place; one that was deleted by right has left its digest."""

    sequence: int
    digest: str
    link: str
    record: AuditRecord | None

    def encoded(self) -> bytes:
        """Return the line as it stands in a file, its end included."""
        return canonical(self) + b"\n"

    def without_record(self) -> "Line":
        """Return what stays of the line when its record is deleted."""
        return Line(self.sequence, self.digest, self.link, None)


@dataclass(frozen=True, slots=True)
class Head:
    """The last line of a chain: how many there are, and the link that stands for all of them."""

    sequence: int = 0
    link: str = GENESIS

    def next(self, record: AuditRecord) -> Line:
        """Return the line of the record that follows."""
        digest = sha256(canonical(record)).hexdigest()
        return Line(self.sequence + 1, digest, linked(self.link, digest), record)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link held fast at a moment; `signature` is over all the rest."""

    sequence: int
    link: str
    at_ms: int
    signature: str = ""

    def signed_bytes(self) -> bytes:
        """Return what a signature is made of."""
        return canonical([self.sequence, self.link, self.at_ms])


def linked(previous: str, digest: str) -> str:
    """Return the link of a line that follows `previous`."""
    return sha256(f"{previous}{digest}".encode()).hexdigest()


def head_of(line: Line) -> Head:
    """Return the head of a chain that ends with `line`."""
    return Head(line.sequence, line.link)


def line_of(where: str, data: bytes) -> Line:
    """Return the line that a file's bytes spell; any other spelling of it is an edit."""
    try:
        found = restore(Line, decode(data), "line")
    except Invalid as error:
        raise Invalid(f"{where}: {error}") from error
    if found.encoded() != data:
        raise Invalid(f"{where}: a line is spelled as it was written, to its end")
    return found


def followed(lines: Iterable[tuple[str, bytes]], head: Head) -> Iterator[Line]:
    """Yield each line that follows from those before it; Invalid names the first that does not, and its place."""
    for where, data in lines:
        line = line_of(where, data)
        if line.sequence != head.sequence + 1:
            raise Invalid(f"{where}: line {head.sequence + 1} of the chain is here, was {line.sequence}")
        if line.record is not None and sha256(canonical(line.record)).hexdigest() != line.digest:
            raise Invalid(f"{where}: record {line.sequence} agrees with its digest")
        if linked(head.link, line.digest) != line.link:
            raise Invalid(f"{where}: line {line.sequence} follows from those before it")
        head = head_of(line)
        yield line


def why_not_anchored(anchor: Anchor, links: dict[int, str]) -> str | None:
    """Return why a chain is not the one that was anchored, or nothing; `links` holds those that anchors name."""
    found = links.get(anchor.sequence)
    if found is None:
        return f"line {anchor.sequence} was anchored at {anchor.at_ms} and is there, it is missing"
    if found != anchor.link:
        return f"line {anchor.sequence} is the one that was anchored at {anchor.at_ms}, it was written anew"
    return None
