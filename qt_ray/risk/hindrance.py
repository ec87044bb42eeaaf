"""Hindrance: what a guard knows beside the fund that it is asked about, and what may only make the answer smaller.

A person's switch, a policy that is not fresh, and what others were granted that is not in the books yet. It stands in
the record of a decision, so that the same question gets the same answer whenever it is asked again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Sides:
    """What may still be added on either side, in 1e-8 of the quote; nobody knows which of it will be."""

    long: int = 0
    short: int = 0

    @property
    def net(self) -> int:
        """Return what both sides together add."""
        return self.long + self.short


@dataclass(frozen=True, slots=True)
class Committed:
    """What others were granted and is not in the books yet, as if all of it had filled; clusters by their number."""

    gross: int = 0
    net: Sides = Sides()
    maintenance: int = 0
    positions: int = 0
    clusters: Mapping[str, Sides] = field(default_factory=dict)

    def cluster(self, number: int) -> Sides:
        """Return what is committed in one cluster."""
        return self.clusters.get(str(number), _NOBODY)


_NOBODY: Final = Sides()
NOTHING: Final = Committed()


@dataclass(frozen=True, slots=True)
class Hindrance:
    """`killed` is a person's switch, `closed` why nothing may grow, or nothing."""

    killed: bool = False
    closed: str = ""
    committed: Committed = NOTHING

    @property
    def is_free(self) -> bool:
        """Return whether nothing but the fund itself bounds a wish."""
        return not self.killed and not self.closed and self.committed == NOTHING


FREE: Final = Hindrance()
