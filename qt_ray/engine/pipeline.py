"""Pipeline: one decision as three plain objects, the same kernels as a million.

    decision = guard.review(sizer.size(predictor.predict(snapshot)))

Each stage takes a value and returns the next one, so in the cluster the same three objects can live in three actors.
A snapshot is the fund after a bar has been observed; nothing in the chain touches the fund it was taken from.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.forecast import Floats, Forecasts, Predictor
from qt_ray.ai.forecast import Snapshot as Seen
from qt_ray.core.records import digest_of
from qt_ray.engine.decide import review_all, size
from qt_ray.engine.tapes import Block, tape_of
from qt_ray.engine.world import Tape, World, build_journal, copied
from qt_ray.market.bars import Bars


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything a decision may know: one closed bar of every symbol, its features, and the fund as it stands."""

    bars: Bars
    features: Floats
    world: World


@dataclass(frozen=True, slots=True, eq=False)
class Opinion:
    """A snapshot with what was forecast."""

    snapshot: Snapshot
    forecasts: Forecasts

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
    """What was thought and granted: a row per symbol, and the fund with its orders placed."""

    sized: Sized
    rows: NDArray[np.void]
    world: World

    def digest(self) -> str:
        """Return the SHA-256 of the rows, which is what a replay must reproduce."""
        return digest_of(self.rows)


@dataclass(frozen=True, slots=True)
class Forecaster:
    """The first stage: any predictor."""

    predictor: Predictor

    def predict(self, snapshot: Snapshot) -> Opinion:
        """Return the predictor's opinion of the snapshot."""
        return Opinion(snapshot, self.predictor.predict(Seen(snapshot.bars, snapshot.features)))


class Sizer:
    """The second stage: how much of an opinion to hold."""

    def size(self, opinion: Opinion) -> Sized:
        """Return the wishes that follow from an opinion."""
        world = copied(opinion.snapshot.world)
        size(world, opinion.tape, 0)
        return Sized(opinion, world)


class Guard:
    """The last stage: every wish reviewed by every rule, and only what was granted planned."""

    def review(self, sized: Sized) -> Decision:
        """Return the decision."""
        world = copied(sized.world)
        journal = build_journal(1, len(sized.opinion.snapshot.bars.symbols), 1)
        review_all(world, sized.opinion.tape, journal, 0)
        return Decision(sized, journal.decisions[0], world)
