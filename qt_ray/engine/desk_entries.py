"""Desk entries: everything that a desk is told, one kind each, as its journal keeps it.

What a desk does follows from these and nothing else: what models said is in them, and so is what the guard knew beside
the fund, because neither could be asked again. Orders are not in them; they follow.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.forecast import Forecasts
from qt_ray.ai.votes import Ballot, OutlookRow, VoteRow
from qt_ray.core.codec import canonical, decode
from qt_ray.core.policy import Policy
from qt_ray.core.positions import AVERAGE, SHARE
from qt_ray.core.records import dtype
from qt_ray.core.restore import restore_as
from qt_ray.engine.columns import Rows, read, spelled
from qt_ray.engine.pipeline import Decision
from qt_ray.engine.setup import Setup
from qt_ray.engine.tidings import Stand, Tiding
from qt_ray.market.bars import Bars
from qt_ray.risk.ess import EssState
from qt_ray.risk.hindrance import Hindrance

# A row of a hundred symbols takes some eight kilobytes; so many at once stay far below what a record may have.
CELLS_PER_ENTRY = 8_192


@dataclass(frozen=True, slots=True)
class Began:
    """A desk begins: whose, with what setup, on which bars; how many orders may open something in one cycle."""

    kind: ClassVar[str] = "began"
    account: str
    strategy: str
    setup: Setup
    interval_ms: int
    start_ms: int
    openings_max: int

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return what is traded, in the order of every column."""
        return tuple(one.symbol for one in self.setup.instruments)

    def is_like(self, other: "Began") -> bool:
        """Return whether another desk of the same things could go on from here; policy and money move by themselves."""
        mine, theirs = (_lasting(one) for one in (self, other))
        return mine == theirs


@dataclass(frozen=True, slots=True)
class Ruled:
    """Another policy is in force, or the emergency stop or the governor moved."""

    kind: ClassVar[str] = "ruled"
    policy: Policy
    ess: EssState
    governor_bps: int


@dataclass(frozen=True, slots=True)
class Rated:
    """At which rates funding will settle next, by symbol."""

    kind: ClassVar[str] = "rated"
    rates: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Watched:
    """Bars closed that nobody decided on: history, and what an outage left behind."""

    kind: ClassVar[str] = "watched"
    rows: Rows


@dataclass(frozen=True, slots=True)
class Told:
    """What the keeper of the books told."""

    kind: ClassVar[str] = "told"
    tidings: tuple[Tiding, ...]

    @staticmethod
    def of(tidings: Iterable[Tiding]) -> "Told":
        """Return what was told as it is kept: an average entry is a quotient, and ends after eighteen places."""
        return Told(tuple(_kept(tiding) for tiding in tidings))


@dataclass(frozen=True, slots=True)
class Thought:
    """What was forecast, by which version, and the wishes that a sizer made of it; `why` says why nobody spoke."""

    version: str
    members: int
    score: str
    confidence: str
    agreement: str
    wishes: str
    causes: str
    votes: str = ""
    outlook: str = ""
    why: str = ""

    @staticmethod
    def of(decision: Decision, why: str = "") -> "Thought":
        """Return what was thought on the way to a decision."""
        opinion, world = decision.sized.opinion, decision.sized.world
        said, ballot = opinion.forecasts, opinion.forecasts.ballot
        return Thought(
            version=opinion.version,
            members=said.members,
            score=spelled(said.score),
            confidence=spelled(said.confidence),
            agreement=spelled(said.agreement),
            wishes=spelled(world.wishes),
            causes=spelled(world.causes),
            votes="" if ballot is None else spelled(ballot.votes),
            outlook="" if ballot is None else spelled(ballot.outlook),
            why=why,
        )

    def forecasts(self, count: int) -> Forecasts:
        """Return what was forecast of so many symbols."""
        shape = (1, count)
        ballot = None
        if self.votes:
            votes = read(self.votes, dtype(VoteRow), (*shape, self.members))
            ballot = Ballot(votes, read(self.outlook, dtype(OutlookRow), shape))
        score, confidence = read(self.score, "<f8", shape), read(self.confidence, "<f8", shape)
        return Forecasts(score, confidence, read(self.agreement, "u1", shape), self.members, ballot)

    def wished(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the wishes and their causes."""
        return read(self.wishes, "<i8", (count,)), read(self.causes, "<i8", (count,))


@dataclass(frozen=True, slots=True)
class Decided:
    """One bar was decided on; the digest is that of the rows, one for each symbol."""

    kind: ClassVar[str] = "decided"
    at_ms: int
    row: Rows
    thought: Thought
    hindrance: Hindrance
    digest: str


@dataclass(frozen=True, slots=True)
class Handed:
    """So many of the errands that were due have reached the gateway, the oldest first."""

    kind: ClassVar[str] = "handed"
    count: int


Entry = Began | Ruled | Rated | Watched | Told | Decided | Handed


def entry_of(data: bytes) -> Entry:
    """Return what the bytes of a journal record say."""
    found: Entry = restore_as(Entry, decode(data), "journal")
    return found


def encoded(entry: Entry) -> bytes:
    """Return an entry as a journal record."""
    return canonical(entry)


def watched(bars: Bars) -> Iterator[Watched]:
    """Yield bars as entries that each fit a record."""
    for part in bars.blocks(max(CELLS_PER_ENTRY // len(bars.symbols), 1)):
        yield Watched(Rows.of(part))


def _kept(tiding: Tiding) -> Tiding:
    stand = tiding.what
    if not isinstance(stand, Stand):
        return tiding
    held = {symbol: replace(one, entry=AVERAGE.quantize(one.entry, SHARE)) for symbol, one in stand.holdings.items()}
    return replace(tiding, what=replace(stand, holdings=held))


def _lasting(began: Began) -> Mapping[str, Any]:
    shown: dict[str, Any] = decode(canonical(began))
    del shown["start_ms"]
    for moving in ("policy", "initial"):
        del shown["setup"][moving]
    return shown
