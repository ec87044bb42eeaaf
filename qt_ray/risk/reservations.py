"""Reservations: what was granted and is not in the books yet counts as taken for everybody else who asks.

Two phases: a grant is reserved with the answer that gives it, and is settled once the books hold it or released once
it never will be. Whoever forgets either is not waited for: a reservation ends by itself with its lease. Books that are
older than a settlement do not hold it, so for them it still counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from qt_ray.core.errors import Invalid
from qt_ray.risk.hindrance import Committed, Sides

LEASE_MS: Final = 10_000
GRANTS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Claim:
    """By how much one symbol's position will be larger than in the books, in 1e-8 of the quote; `net` is signed."""

    cluster: int
    gross: int
    net: int
    maintenance: int
    opens: bool

    def __post_init__(self) -> None:
        if self.gross < 0 or self.maintenance < 0:
            raise Invalid(f"a claim adds, gross and maintenance were {self.gross} and {self.maintenance}")


@dataclass(frozen=True, slots=True)
class Grant:
    """What one decision was granted; `settled` is the number of the books that hold it."""

    decision: str
    owner: str
    claims: tuple[Claim, ...]
    until_ms: int
    settled: int | None = None

    def counts(self, owner: str, books: int, at_ms: int) -> bool:
        """Return whether it is to be counted for `owner`, whose books are of that number."""
        is_known = self.owner == owner or (self.settled is not None and self.settled <= books)
        return at_ms < self.until_ms and not is_known


class Reservations:
    """Grants by decision."""

    def __init__(self, lease_ms: int = LEASE_MS) -> None:
        if lease_ms <= 0:
            raise Invalid(f"a reservation lasts for some time, was {lease_ms} ms")
        self._lease_ms = lease_ms
        self._grants: dict[str, Grant] = {}

    def __len__(self) -> int:
        return len(self._grants)

    def reserve(self, decision: str, owner: str, claims: Iterable[Claim], at_ms: int) -> None:
        """Reserve a grant; it takes the place of the owner's earlier ones, for it was given in knowledge of them."""
        kept = (grant for grant in self._grants.values() if at_ms < grant.until_ms)
        self._grants = {one.decision: one for one in kept if one.owner != owner or one.settled is not None}
        if len(self._grants) >= GRANTS_MAX:
            raise Invalid(f"at most {GRANTS_MAX} grants are under way at once")
        self._grants[decision] = Grant(decision, owner, tuple(claims), at_ms + self._lease_ms)

    def settle(self, decision: str, books: int, at_ms: int) -> bool:
        """Take in that books from that number on hold a grant; return whether it was known."""
        found = self._grants.get(decision)
        if found is None:
            return False
        self._grants[decision] = replace(found, settled=books, until_ms=at_ms + self._lease_ms)
        return True

    def release(self, decision: str) -> bool:
        """Take in that nothing will come of a grant; return whether it was known."""
        return self._grants.pop(decision, None) is not None

    def committed(self, owner: str, books: int, at_ms: int) -> Committed:
        """Return what all others were granted and the books of `owner` do not hold."""
        counted = [grant for grant in self._grants.values() if grant.counts(owner, books, at_ms)]
        claims = [claim for grant in counted for claim in grant.claims]
        return Committed(
            gross=sum(claim.gross for claim in claims),
            net=_sides(claims),
            maintenance=sum(claim.maintenance for claim in claims),
            positions=sum(claim.opens for claim in claims),
            clusters=_by_cluster(claims),
        )


def _sides(claims: Iterable[Claim]) -> Sides:
    amounts = [claim.net for claim in claims]
    return Sides(sum(max(amount, 0) for amount in amounts), sum(min(amount, 0) for amount in amounts))


def _by_cluster(claims: list[Claim]) -> Mapping[str, Sides]:
    return {
        str(number): _sides(claim for claim in claims if claim.cluster == number)
        for number in sorted({claim.cluster for claim in claims})
    }
