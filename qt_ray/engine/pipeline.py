"""Pipeline: one decision as three plain objects, the same kernels as a million.

    decision = guard.review(sizer.size(predictor.predict(snapshot)))

Each stage takes a value and returns the next one, so in the cluster the same three objects can live in three actors.
A snapshot is the fund after a bar has been observed; nothing in the chain touches the fund it was taken from.
"""

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.forecast import Floats, Forecasts, Predictor
from qt_ray.ai.forecast import Snapshot as Seen
from qt_ray.core.records import digest_of
from qt_ray.engine import burden
from qt_ray.engine.decide import review_all, size
from qt_ray.engine.tapes import Block, tape_of
from qt_ray.engine.world import Tape, World, build_journal, copied
from qt_ray.market.bars import Bars
from qt_ray.risk.hindrance import FREE, Hindrance

DISAGREED = "others were granted both ways, and not all of it may fill"


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything a decision may know: one closed bar of every symbol, its features, and the fund as it stands.

    `past` are the bars before it, for a predictor that has not seen them: the last of them at least. `told` is the
    number of the books that the fund rests on.
    """

    bars: Bars
    features: Floats
    world: World
    past: Bars | None = None
    told: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Opinion:
    """A snapshot with what was forecast, by which version; who `is_behind` abstains until it is shown the past."""

    snapshot: Snapshot
    forecasts: Forecasts
    version: str = ""
    is_behind: bool = False

    @property
    def tape(self) -> Tape:
        """Return the opinion as the cycle reads it."""
        return tape_of(Block(0, self.snapshot.bars, self.forecasts))


@dataclass(frozen=True, slots=True, eq=False)
class Sized:
    """An opinion with the wishes that follow from it; `world` is a copy that carries them."""

    opinion: Opinion
    world: World

    @property
    def wishes(self) -> NDArray[np.int64]:
        """Return the wished position of every symbol, in steps."""
        return self.world.wishes


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What was thought and granted: a row per symbol, the fund with its orders placed, and what else bound it."""

    sized: Sized
    rows: NDArray[np.void]
    world: World
    hindrance: Hindrance = FREE

    def digest(self) -> str:
        """Return the SHA-256 of the rows, which is what a replay must reproduce."""
        return digest_of(self.rows)


@runtime_checkable
class Remembering(Protocol):
    """A predictor whose opinion rests on bars that it has seen."""

    def remember(self, bars: Bars) -> None:
        """Take bars as past without an opinion on them."""


class Forecaster:
    """The first stage: any predictor, which is shown each bar once and never without the one before it."""

    def __init__(self, predictor: Predictor, version: str = "") -> None:
        self._predictor, self._version = predictor, version
        self._last_ms: int | None = None
        self._said: Forecasts | None = None

    def predict(self, snapshot: Snapshot) -> Opinion:
        """Return the predictor's opinion of the snapshot; of the same bar again it is the same opinion."""
        ts = int(snapshot.bars.ts[-1])
        if self._said is not None and ts == self._last_ms:
            return Opinion(snapshot, self._said, self._version)
        if not self._caught_up(snapshot):
            return Opinion(snapshot, abstained(snapshot.bars), self._version, is_behind=True)
        self._last_ms = ts
        self._said = self._predictor.predict(Seen(snapshot.bars, snapshot.features))
        return Opinion(snapshot, self._said, self._version)

    def _caught_up(self, snapshot: Snapshot) -> bool:
        """Show a predictor the past that it lacks, and return whether it knows the bar before this one now."""
        past, last_ms = snapshot.past, self._last_ms
        if past is None or not isinstance(self._predictor, Remembering) or not len(past):
            return True
        if (last_ms is None or last_ms < int(past.ts[0])) and len(past) == 1:
            return False
        lacking = past if last_ms is None else past.window(int(np.searchsorted(past.ts, last_ms, "right")), len(past))
        if len(lacking):
            self._predictor.remember(lacking)
            self._last_ms, self._said = int(lacking.ts[-1]), None
        return True


def abstained(bars: Bars) -> Forecasts:
    """Return no opinion about any symbol: what is held stays, exits run, and nothing grows."""
    shape = bars.close.shape
    return Forecasts(np.full(shape, np.nan), np.zeros(shape), np.zeros(shape, np.uint8), members=1)


class Sizer:
    """The second stage: how much of an opinion to hold."""

    def size(self, opinion: Opinion) -> Sized:
        """Return the wishes that follow from an opinion."""
        world = copied(opinion.snapshot.world)
        size(world, opinion.tape, 0)
        return Sized(opinion, world)


class Guard:
    """The last stage: every wish reviewed by every rule, and only what was granted planned."""

    def review(self, sized: Sized, hindrance: Hindrance = FREE) -> Decision:
        """Return the decision; where what others hold could end either way, nothing grows."""
        decision = _reviewed(sized, hindrance)
        if burden.overcommits(sized.world, decision.world, hindrance.committed):
            return _reviewed(sized, replace(hindrance, closed=hindrance.closed or DISAGREED))
        return decision


def _reviewed(sized: Sized, hindrance: Hindrance) -> Decision:
    world = copied(sized.world)
    journal = build_journal(1, len(sized.opinion.snapshot.bars.symbols), 1)
    held = burden.laid(world, hindrance)
    review_all(world, sized.opinion.tape, journal, 0)
    burden.lifted(world, held)
    return Decision(sized, journal.decisions[0], world, hindrance)


def abstaining(snapshot: Snapshot, why: str) -> Decision:
    """Return what is decided without any opinion: exits run, and nothing grows."""
    return Guard().review(Sizer().size(Opinion(snapshot, abstained(snapshot.bars))), Hindrance(closed=why))
