"""Promotion gate: a challenger replaces the champion when every condition of one table holds, and never otherwise.

A condition that cannot be judged, because what it asks for is missing or not a number, does not hold. Nobody can leave
one out, only add more, and one more never lets more pass. The answer names every condition with what was asked of it
and what was found, so that a refusal can be read and a promotion can be defended.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import IntEnum
from math import isfinite
from typing import Final

from qt_ray.ai.paired_trial import Answer
from qt_ray.core.errors import Invalid

MORE_MAX: Final = 100

# What is measured, or what must be the same; None is not known.
Value = float | str | None


class Refusal(IntEnum):
    """Why a challenger is not promoted; the list only ever grows at its end."""

    NOT_PROVEN_BETTER = 1
    CALIBRATION_WORSE = 2
    DEFLATED_SHARPE = 3
    OVERFITTING = 4
    DRAWDOWN_WORSE = 5
    TAIL_LOSS_WORSE = 6
    TURNOVER_WORSE = 7
    SHADOW_TOO_SHORT = 8
    EMERGENCY = 9
    ORDERS_IN_FLIGHT = 10
    COOL_DOWN = 11
    FEATURE_SCHEMA = 12
    ACTION_SCHEMA = 13

    @property
    def label(self) -> str:
        """Return the name used in logs, metrics and reports."""
        return self.name.lower()


class Sense(IntEnum):
    """How what was found is held against what was asked."""

    AT_LEAST = 0
    AT_MOST = 1
    SAME = 2


@dataclass(frozen=True, slots=True)
class Versus:
    """The same number of champion and challenger, over the same time."""

    champion: float | None = None
    challenger: float | None = None


@dataclass(frozen=True, slots=True)
class Schemas:
    """The hashes of what the champion reads or answers, and of what the challenger does."""

    champion: str | None = None
    challenger: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a challenger; losses are positive. A fund that promoted nothing yet says its own age."""

    trial: Answer | None = None
    calibration_error: Versus = Versus()
    deflated_sharpe: float | None = None
    overfitting: float | None = None
    drawdown_bps: Versus = Versus()
    tail_loss_bps: Versus = Versus()
    turnover_bps: Versus = Versus()
    shadow_decisions: int | None = None
    shadow_ms: int | None = None
    emergency: bool | None = None
    quiet_ms: int | None = None
    since_change_ms: int | None = None
    features: Schemas = Schemas()
    actions: Schemas = Schemas()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is asked of a challenger; no worse is a share of the champion's, or what nobody minds if that is more.

    Two equals of 8 000 outcomes differ by chance in their calibration errors, so the slack is about two deviations.
    """

    calibration_slack: float = 0.01
    deflated_sharpe_min: float = 0.95
    overfitting_max: float = 0.2
    risk_share_max: float = 1.1
    drawdown_free_bps: float = 50.0
    tail_loss_free_bps: float = 10.0
    turnover_free_bps: float = 100.0
    shadow_decisions_min: int = 1_000
    shadow_ms_min: int = 7 * 86_400_000
    quiet_ms_min: int = 60_000
    since_change_ms_min: int = 3 * 86_400_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isfinite(value) or value < 0:
                raise Invalid(f"{field.name}: a bound is known and not negative, was {value}")
        if min(self.shadow_decisions_min, self.shadow_ms_min) < 1:
            raise Invalid("shadow: a decision and a millisecond at least, was neither")


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing asked of a challenger, and the reason it is refused with."""

    refusal: Refusal
    sense: Sense
    found: Callable[[Evidence, Bounds], Value]
    bound: Callable[[Evidence, Bounds], Value]


@dataclass(frozen=True, slots=True)
class Finding:
    """A condition's answer."""

    refusal: Refusal
    sense: Sense
    found: Value
    bound: Value
    holds: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every condition's answer, in the order of the table."""

    findings: tuple[Finding, ...]

    @property
    def passes(self) -> bool:
        """Return whether all of them hold."""
        return all(finding.holds for finding in self.findings)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Return the reasons of those that do not."""
        return tuple(finding.refusal for finding in self.findings if not finding.holds)


def judged(evidence: Evidence, bounds: Bounds, more: tuple[Condition, ...] = ()) -> Verdict:
    """Return what every condition of the table says, and every one that was added."""
    if len(more) > MORE_MAX:
        raise Invalid(f"more: at most {MORE_MAX} conditions, were {len(more)}")
    return Verdict(tuple(_finding(condition, evidence, bounds) for condition in (*CONDITIONS, *more)))


def _finding(condition: Condition, evidence: Evidence, bounds: Bounds) -> Finding:
    found, bound = condition.found(evidence, bounds), condition.bound(evidence, bounds)
    return Finding(condition.refusal, condition.sense, found, bound, _holds(condition.sense, found, bound))


def _holds(sense: Sense, found: Value, bound: Value) -> bool:
    if isinstance(found, str) or isinstance(bound, str):
        return sense is Sense.SAME and found == bound and bool(found)
    if found is None or bound is None or not (isfinite(found) and isfinite(bound)):
        return False
    if sense is Sense.SAME:
        return found == bound
    return found >= bound if sense is Sense.AT_LEAST else found <= bound


def _no_worse(champion: float | None, share: float, free: float) -> float | None:
    """Return the most a challenger's risk may be; a champion's that is not known, or below nothing, is no measure."""
    return max(champion * share, free) if champion is not None and champion >= 0.0 else None


def _risk(value: float | None) -> float | None:
    return value if value is not None and value >= 0.0 else None


def _served(evidence: Evidence, bounds: Bounds) -> float | None:
    """Return the longer of the shadow's two lengths, each as a share of what is asked."""
    decisions, lasted = evidence.shadow_decisions, evidence.shadow_ms
    if decisions is None or lasted is None:
        return None
    shares = (decisions / bounds.shadow_decisions_min, lasted / bounds.shadow_ms_min)
    return max(shares) if all(map(isfinite, shares)) else None


def _slack(champion: float | None, slack: float) -> float | None:
    return None if champion is None else champion + slack


CONDITIONS: Final = (
    Condition(Refusal.NOT_PROVEN_BETTER, Sense.SAME, lambda e, b: e.trial, lambda e, b: Answer.BETTER),
    Condition(
        Refusal.CALIBRATION_WORSE,
        Sense.AT_MOST,
        lambda e, b: _risk(e.calibration_error.challenger),
        lambda e, b: _slack(_risk(e.calibration_error.champion), b.calibration_slack),
    ),
    Condition(
        Refusal.DEFLATED_SHARPE, Sense.AT_LEAST, lambda e, b: e.deflated_sharpe, lambda e, b: b.deflated_sharpe_min
    ),
    Condition(Refusal.OVERFITTING, Sense.AT_MOST, lambda e, b: _risk(e.overfitting), lambda e, b: b.overfitting_max),
    Condition(
        Refusal.DRAWDOWN_WORSE,
        Sense.AT_MOST,
        lambda e, b: _risk(e.drawdown_bps.challenger),
        lambda e, b: _no_worse(e.drawdown_bps.champion, b.risk_share_max, b.drawdown_free_bps),
    ),
    Condition(
        Refusal.TAIL_LOSS_WORSE,
        Sense.AT_MOST,
        lambda e, b: _risk(e.tail_loss_bps.challenger),
        lambda e, b: _no_worse(e.tail_loss_bps.champion, b.risk_share_max, b.tail_loss_free_bps),
    ),
    Condition(
        Refusal.TURNOVER_WORSE,
        Sense.AT_MOST,
        lambda e, b: _risk(e.turnover_bps.challenger),
        lambda e, b: _no_worse(e.turnover_bps.champion, b.risk_share_max, b.turnover_free_bps),
    ),
    Condition(Refusal.SHADOW_TOO_SHORT, Sense.AT_LEAST, _served, lambda e, b: 1.0),
    Condition(Refusal.EMERGENCY, Sense.SAME, lambda e, b: e.emergency, lambda e, b: False),
    Condition(Refusal.ORDERS_IN_FLIGHT, Sense.AT_LEAST, lambda e, b: e.quiet_ms, lambda e, b: b.quiet_ms_min),
    Condition(Refusal.COOL_DOWN, Sense.AT_LEAST, lambda e, b: e.since_change_ms, lambda e, b: b.since_change_ms_min),
    Condition(Refusal.FEATURE_SCHEMA, Sense.SAME, lambda e, b: e.features.challenger, lambda e, b: e.features.champion),
    Condition(Refusal.ACTION_SCHEMA, Sense.SAME, lambda e, b: e.actions.challenger, lambda e, b: e.actions.champion),
)
