"""Canary: a promoted challenger first trades a small share, and cannot lose more than a budget that was set before.

How much the next decision may hold is what is left of the budget over what its stop would lose, so the decision that
would exceed it is never made; a wrong sign costs the budget and no more. What is left is measured from the best mark
of its own trades, so that a gain buys no later loss. Whatever is wrong with it ends it at once, and what is not known
permits nothing.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite
from typing import Final

from qt_ray.core.errors import Invalid
from qt_ray.core.money import BPS
from qt_ray.core.tables import Table

DAY_MS: Final = 86_400_000
DECISIONS_MAX: Final = 1_000_000


class CanaryState(StrEnum):
    """How far a promotion has come; after either end nobody is promoted for a while."""

    IDLE = "IDLE"
    CANARY = "CANARY"
    PROVEN = "PROVEN"
    ROLLED_BACK = "ROLLED_BACK"
    COOLING_DOWN = "COOLING_DOWN"


class CanarySignal(StrEnum):
    """What moves it: its course, and what is wrong with it."""

    PROMOTE = "promote"
    PROVE = "prove"
    SETTLE = "settle"
    REST = "rest"
    LOSS = "loss"
    NOT_FINITE = "not_finite"
    BIAS = "bias"
    LATENCY = "latency"
    UNPROVEN = "unproven"
    EMERGENCY = "emergency"


FAULTS: Final = (
    CanarySignal.EMERGENCY,
    CanarySignal.LOSS,
    CanarySignal.NOT_FINITE,
    CanarySignal.BIAS,
    CanarySignal.LATENCY,
    CanarySignal.UNPROVEN,
)

TRANSITIONS: Final = Table(
    name="canary",
    initial=CanaryState.IDLE,
    rows={
        (CanaryState.IDLE, CanarySignal.PROMOTE): CanaryState.CANARY,
        (CanaryState.CANARY, CanarySignal.PROVE): CanaryState.PROVEN,
        **{(CanaryState.CANARY, fault): CanaryState.ROLLED_BACK for fault in FAULTS},
        # Until everybody serves it with the whole capital it still trades its share, and is still watched.
        **{(CanaryState.PROVEN, fault): CanaryState.ROLLED_BACK for fault in FAULTS},
        (CanaryState.PROVEN, CanarySignal.SETTLE): CanaryState.COOLING_DOWN,
        (CanaryState.ROLLED_BACK, CanarySignal.SETTLE): CanaryState.COOLING_DOWN,
        (CanaryState.COOLING_DOWN, CanarySignal.REST): CanaryState.IDLE,
    },
)
TRADES: Final = frozenset({CanaryState.CANARY, CanaryState.PROVEN})


@dataclass(frozen=True, slots=True)
class Terms:
    """What a canary may hold and lose of equity, how long it is watched, and what ends it.

    It is over when `breach_bps` are lost, for with the rest it could hold next to nothing. A stop may slip, fees
    included, by `slip_bps` of the price. Its sides are judged once there are `sides_min` of them.
    """

    share_bps: int = 500
    loss_bps: int = 50
    breach_bps: int = 40
    slip_bps: int = 30
    decisions_min: int = 300
    served_ms_min: int = 3 * DAY_MS
    served_ms_max: int = 14 * DAY_MS
    rest_ms: int = 3 * DAY_MS
    latency_ms_max: int = 250
    late_in_row_max: int = 3
    sides_min: int = 50
    bias_bps_max: int = 9_000

    def __post_init__(self) -> None:
        if not 0 < self.share_bps <= BPS or not 0 < self.bias_bps_max <= BPS:
            raise Invalid(f"terms: shares are above 0 and at most all, were {self.share_bps} and {self.bias_bps_max}")
        if not 0 < self.breach_bps <= self.loss_bps <= self.share_bps:
            raise Invalid(f"terms: 0 < breach <= loss <= share, were {self.breach_bps}, {self.loss_bps}")
        if not 0 <= self.slip_bps <= BPS:
            raise Invalid(f"terms: a stop slips from 0 to {BPS} bps, was {self.slip_bps}")
        if not 0 < self.served_ms_min <= self.served_ms_max or self.rest_ms < 1:
            raise Invalid(f"terms: 0 < served_ms_min <= served_ms_max, were {self.served_ms_min}, {self.served_ms_max}")
        if min(self.decisions_min, self.latency_ms_max, self.late_in_row_max, self.sides_min) < 1:
            raise Invalid("terms: every number that is counted to is at least 1, one was not")


@dataclass(frozen=True, slots=True)
class Seen:
    """One decision of the canary: what it said (the sign is its side), how long it took, and how its trades stand.

    `mark` is what all its own trades earned, open ones at the mark, and `equity` the fund's; both in money units.
    """

    at_ms: int
    output: float | None
    latency_ms: float | None
    mark: int | None
    equity: int | None
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class Canary:
    """How a promotion stands; `equity` is the least since it began, `best` and `worst` bound what its trades earned."""

    state: CanaryState = TRANSITIONS.initial
    since_ms: int = 0
    equity: int = 0
    mark: int | None = None
    best: int = 0
    decisions: int = 0
    longs: int = 0
    shorts: int = 0
    late_in_row: int = 0
    fault: CanarySignal | None = None

    @property
    def lost(self) -> int:
        """Return how far its trades stand below their best mark, in money units."""
        return self.best - self.mark if self.mark is not None else 0


def begun(canary: Canary, equity: int, at_ms: int) -> Canary:
    """Return the canary after a promotion; nothing of an earlier one is left."""
    if equity <= 0:
        raise Invalid(f"equity: a canary is a share of something, was {equity}")
    return Canary(TRANSITIONS.advance(canary.state, CanarySignal.PROMOTE), at_ms, equity, mark=0)


def settled(canary: Canary, at_ms: int) -> Canary:
    """Return the canary after everybody serves what came of it: the challenger, or the champion again."""
    return replace(canary, state=TRANSITIONS.advance(canary.state, CanarySignal.SETTLE), since_ms=at_ms)


def rested(canary: Canary, terms: Terms, at_ms: int) -> Canary:
    """Return the canary, ready for another promotion if it has rested long enough."""
    if canary.state is not CanaryState.COOLING_DOWN or at_ms - canary.since_ms < terms.rest_ms:
        return canary
    return Canary(TRANSITIONS.advance(canary.state, CanarySignal.REST), at_ms)


def observed(canary: Canary, terms: Terms, seen: Seen) -> Canary:
    """Return the canary after one of its decisions; who does not trade is not watched."""
    if canary.state not in TRADES:
        return canary
    after = _counted(canary, terms, seen)
    fault = _fault(after, terms, seen)
    if fault is not None:
        return replace(after, state=TRANSITIONS.advance(after.state, fault), since_ms=seen.at_ms, fault=fault)
    served = seen.at_ms - after.since_ms
    proven = after.decisions >= terms.decisions_min and served >= terms.served_ms_min and after.mark is not None
    if after.state is CanaryState.CANARY and proven:
        return replace(after, state=TRANSITIONS.advance(after.state, CanarySignal.PROVE), since_ms=seen.at_ms)
    return after


def room(canary: Canary, terms: Terms, stop_bps: int, held: int = 0, at_risk: int = 0) -> int:
    """Return the notional the next decision's position may have at most, in money units.

    `held` is the notional of the canary's other positions and `at_risk` what those may still lose to their stops, slip
    included. A position that is held already counts as the decision's own. Exits need no room.
    """
    if canary.state not in TRADES or canary.mark is None or stop_bps <= 0 or min(held, at_risk) < 0:
        return 0
    left = canary.equity * terms.loss_bps // BPS - canary.lost - at_risk
    by_budget = left * BPS // (stop_bps + terms.slip_bps)
    by_share = canary.equity * terms.share_bps // BPS - held
    return max(min(by_budget, by_share), 0)


def _counted(canary: Canary, terms: Terms, seen: Seen) -> Canary:
    output, late = _known(seen.output), not 0.0 <= _known(seen.latency_ms) <= terms.latency_ms_max
    known = seen.mark is not None and seen.equity is not None
    return replace(
        canary,
        equity=min(canary.equity, seen.equity) if seen.equity is not None else canary.equity,
        mark=seen.mark if known else None,
        best=max(canary.best, seen.mark) if seen.mark is not None else canary.best,
        decisions=min(canary.decisions + 1, DECISIONS_MAX),
        longs=canary.longs + (output > 0.0),
        shorts=canary.shorts + (output < 0.0),
        late_in_row=canary.late_in_row + 1 if late else 0,
    )


def _known(value: float | None) -> float:
    """Return a number that is not known as one that answers no comparison."""
    return value if value is not None and isfinite(value) else float("nan")


def _fault(canary: Canary, terms: Terms, seen: Seen) -> CanarySignal | None:
    """Return what is wrong, the gravest first."""
    sides, served = canary.longs + canary.shorts, seen.at_ms - canary.since_ms
    wrong = {
        CanarySignal.EMERGENCY: seen.emergency,
        CanarySignal.LOSS: canary.lost * BPS >= canary.equity * terms.breach_bps,
        CanarySignal.NOT_FINITE: seen.output is None or not isfinite(seen.output),
        CanarySignal.BIAS: sides >= terms.sides_min
        and abs(canary.longs - canary.shorts) * BPS > sides * terms.bias_bps_max,
        CanarySignal.LATENCY: canary.late_in_row >= terms.late_in_row_max,
        CanarySignal.UNPROVEN: served > terms.served_ms_max,
    }
    return next((fault for fault in FAULTS if wrong[fault]), None)
