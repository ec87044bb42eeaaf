"""Reservations: what was granted and is not at the gateway yet counts as taken for everybody else who asks.

A grant is reserved with the answer that gives it. An order that comes of it is at the gateway within `HANDED_MS`, or
never; from then on the gateway tells of it (`at_work`), so a reservation ends by itself with its lease, and nobody has
to remember to give it back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from qt_ray.core.errors import Invalid
from qt_ray.risk.hindrance import Committed, Sides

LEASE_MS: Final = 10_000
HANDED_MS: Final = 6_000
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
    """What one decision was granted."""

    decision: str
    owner: str
    claims: tuple[Claim, ...]
    until_ms: int


class Reservations:
    """Grants by owner and decision."""

    def __init__(self, lease_ms: int = LEASE_MS) -> None:
        if lease_ms <= 0:
            raise Invalid(f"a reservation lasts for some time, was {lease_ms} ms")
        self._lease_ms = lease_ms
        self._grants: dict[tuple[str, str], Grant] = {}

    def __len__(self) -> int:
        return len(self._grants)

    def reserve(self, decision: str, owner: str, claims: Iterable[Claim], at_ms: int) -> None:
        """Reserve a grant beside the owner's earlier ones: he knows what became of them, and others may not yet."""
        self._grants = {name: grant for name, grant in self._grants.items() if at_ms < grant.until_ms}
        if len(self._grants) >= GRANTS_MAX:
            raise Invalid(f"at most {GRANTS_MAX} grants are under way at once")
        self._grants[owner, decision] = Grant(decision, owner, tuple(claims), at_ms + self._lease_ms)

    def claims(self, owner: str, at_ms: int) -> tuple[Claim, ...]:
        """Return what all others were granted of late."""
        others = (one for one in self._grants.values() if one.owner != owner and at_ms < one.until_ms)
        return tuple(claim for grant in others for claim in grant.claims)


def committed(claims: Iterable[Claim]) -> Committed:
    """Return what claims come to together, as if all of them had filled."""
    found = list(claims)
    return Committed(
        gross=sum(claim.gross for claim in found),
        net=_sides(found),
        maintenance=sum(claim.maintenance for claim in found),
        positions=sum(claim.opens for claim in found),
        clusters=_by_cluster(found),
    )


def _sides(claims: Iterable[Claim]) -> Sides:
    amounts = [claim.net for claim in claims]
    return Sides(sum(max(amount, 0) for amount in amounts), sum(min(amount, 0) for amount in amounts))


def _by_cluster(claims: list[Claim]) -> Mapping[str, Sides]:
    return {
        str(number): _sides(claim for claim in claims if claim.cluster == number)
        for number in sorted({claim.cluster for claim in claims})
    }
