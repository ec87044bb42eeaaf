"""Paired trial: whether a challenger earns more than the champion on the very same snapshots, looked at as it goes on.

What moves both cancels in their difference. Neighbouring decisions share a market, so blocks of time are the
witnesses; what still links one block to the next widens the doubt, and so do rare large losses. A block outlasts the
memory of what happens in it: shorter ones make noise look like proof. The looks are foreseen in blocks and each may
only spend its part of the permitted error, so asking more often changes nothing. A look that comes too early to say
yes has spent its part all the same, and one that finds no hope ends the trial; both can only make a false yes rarer.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.members.member import Floats, Ints
from qt_ray.ai.normal import above, as_normal, quantile
from qt_ray.ai.spending import ALPHA_MAX, LOOKS_MAX, bounds
from qt_ray.core.errors import Invalid

BLOCKS_MIN: Final = 20
BLOCKS_MAX: Final = 100_000
PAIRS_MAX: Final = 10_000_000
# A doubt that is so small a share of the gain is the rounding of blocks that are all the same.
DOUBT_MIN: Final = 1e-9


class Answer(StrEnum):
    """What a trial has come to; both but the first are final."""

    GOES_ON = "GOES_ON"
    BETTER = "BETTER"
    NOT_BETTER = "NOT_BETTER"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a trial is looked at, written down before it begins; with blocks of an hour it ends after four weeks.

    Hope is the chance of still passing if the challenger were as good as the plan was made to find with chance `power`.
    """

    alpha: float = 0.05
    looks: int = 12
    blocks_max: int = 672
    blocks_min: int = 56
    decisions_min: int = 1_000
    trades_min: int = 100
    power: float = 0.8
    hope_min: float = 0.2

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < ALPHA_MAX or not self.alpha < self.power < 1.0:
            raise Invalid(f"plan: 0 < alpha < {ALPHA_MAX}, alpha < power < 1, were {self.alpha} and {self.power}")
        if not 0.0 <= self.hope_min < self.power:
            raise Invalid(f"plan: hope_min is from 0 to below power, was {self.hope_min}")
        if not BLOCKS_MIN <= self.blocks_min <= self.blocks_max <= BLOCKS_MAX:
            raise Invalid(f"plan: {BLOCKS_MIN} to {BLOCKS_MAX} blocks, were {self.blocks_min} to {self.blocks_max}")
        if not 1 <= self.looks <= LOOKS_MAX or self.blocks_max < BLOCKS_MIN * self.looks:
            raise Invalid(f"plan: 1 to {LOOKS_MAX} looks, {BLOCKS_MIN} blocks between them, were {self.looks}")
        if min(self.decisions_min, self.trades_min) < 1:
            raise Invalid(f"plan: a decision and a trade at least, were {self.decisions_min} and {self.trades_min}")

    @property
    def foreseen(self) -> tuple[int, ...]:
        """Return after how many blocks each look comes."""
        return tuple(self.blocks_max * look // self.looks for look in range(1, self.looks + 1))

    @property
    def fractions(self) -> tuple[float, ...]:
        """Return the share of the information each look has."""
        return tuple(blocks / self.blocks_max for blocks in self.foreseen)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """A row for every decision both were asked for: their returns after costs, its block, and who traded for it.

    Who stayed out has a return of 0. `traded` is whether the challenger did. Only blocks that are over are here.
    """

    champion: Floats
    challenger: Floats
    block: Ints
    traded: NDArray[np.bool_]

    def __post_init__(self) -> None:
        lengths = {len(self.champion), len(self.challenger), len(self.block), len(self.traded)}
        if len(lengths) != 1 or max(lengths) > PAIRS_MAX:
            raise Invalid(f"pairs: columns of one length, {PAIRS_MAX} at most, were {sorted(lengths)}")
        known = np.isfinite(self.champion) & np.isfinite(self.challenger)
        if not known.all():
            raise Invalid(f"pairs: both returns are known, in row {int(np.argmin(known))} one is not")
        if (np.diff(self.block) < 0).any():
            raise Invalid("pairs: blocks come in order of time, were mixed")


@dataclass(frozen=True, slots=True)
class Look:
    """One look: what there was to see, the mean gain of a block with its doubt, and its score with what it must be."""

    answer: Answer
    blocks: int
    decisions: int
    trades: int
    gain: float
    error: float
    score: float
    bound: float
    hope: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a trial says now, and every look it rests on."""

    answer: Answer
    looks: tuple[Look, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What each block gained, and how many decisions and trades there were to its end."""

    gains: Floats
    decisions: Ints
    trades: Ints


def judged(plan: Plan, pairs: Pairs) -> Verdict:
    """Return what the foreseen looks say of all pairs so far; the first that is final stands."""
    seen, looks = _blocks(pairs), list[Look]()
    for number, blocks in enumerate(plan.foreseen):
        if blocks > len(seen.gains):
            break
        looks.append(_look(plan, seen, number))
        if looks[-1].answer is not Answer.GOES_ON:
            break
    return Verdict(looks[-1].answer if looks else Answer.GOES_ON, tuple(looks))


def _blocks(pairs: Pairs) -> _Seen:
    if not len(pairs.block):
        return _Seen(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64))
    _, first = np.unique(pairs.block, return_index=True)
    trades = np.add.reduceat(pairs.traded.astype(np.int64), first)
    return _Seen(
        gains=np.add.reduceat(pairs.challenger - pairs.champion, first),
        decisions=np.append(first[1:], len(pairs.block)).astype(np.int64),
        trades=np.cumsum(trades),
    )


def _look(plan: Plan, seen: _Seen, number: int) -> Look:
    blocks, limits = plan.foreseen[number], bounds(plan.alpha, plan.fractions)
    gain, error = float(seen.gains[:blocks].mean()), _error(seen.gains[:blocks])
    decisions, trades = int(seen.decisions[blocks - 1]), int(seen.trades[blocks - 1])
    score = as_normal(_ratio(seen.gains[:blocks], gain, error), blocks - 1)
    hope = _hope(plan, score, blocks / plan.blocks_max, limits[-1])
    enough = blocks >= plan.blocks_min and decisions >= plan.decisions_min and trades >= plan.trades_min
    answer = Answer.GOES_ON
    if enough and score >= limits[number]:
        answer = Answer.BETTER
    elif blocks == plan.blocks_max or hope < plan.hope_min:
        answer = Answer.NOT_BETTER
    return Look(answer, blocks, decisions, trades, gain, error, score, limits[number], hope)


def _error(gains: Floats) -> float:
    """Return the doubt of the mean gain; blocks that follow their neighbours tell less, and none tell more."""
    apart = gains - gains.mean()
    own, shared = float(apart @ apart), float(apart[1:] @ apart[:-1])
    return sqrt((own + 2.0 * max(shared, 0.0)) / (len(gains) - 1) / len(gains))


def _ratio(gains: Floats, gain: float, error: float) -> float:
    """Return Student's ratio, by Johnson's correction smaller where losses are rarer and larger than gains."""
    if error <= DOUBT_MIN * abs(gain):
        return 0.0
    ratio, apart = gain / error, gains - gain
    spread = float(apart.std())
    skew = float((apart**3).mean()) / spread**3
    return ratio + min(skew, 0.0) * (1.0 + 2.0 * ratio * ratio) / (6.0 * sqrt(len(gains)))


def _hope(plan: Plan, score: float, fraction: float, last: float) -> float:
    """Return the chance that the last look passes, if what is still to come is as good as was hoped for."""
    if fraction >= 1.0:
        return 0.0
    left, drift = 1.0 - fraction, quantile(plan.power) + quantile(1.0 - plan.alpha)
    return above((last - score * sqrt(fraction) - drift * left) / sqrt(left))
