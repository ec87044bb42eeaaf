"""Hedge fund OS: eight subsystems say how they are, and the fund is as bold as the worst of them allows.

Getting worse counts at once; getting better has to last, and goes one step at a time. Who has not been heard of is not
well. What follows is a directive that can only take away from what the policy permits: in a conflict safety is first,
so boldness needs every subsystem, a calm market and a policy that leaves the fund to itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from math import isfinite
from types import MappingProxyType
from typing import Final

from qt_ray.core.errors import Invalid

CYCLE_MS: Final = 60_000
REPORT_AGE_MAX_MS: Final = 2 * CYCLE_MS
CALM_CYCLES: Final = 3
WELL: Final = 80.0
POOR: Final = 50.0
BOLD: Final = 90.0
DEGRADED_MAX: Final = 2
WHOLE_BPS: Final = 10_000


class Subsystem(StrEnum):
    """Who reports."""

    MARKET_DATA = "market_data"
    MODELS = "models"
    SIZING = "sizing"
    RISK = "risk"
    EXECUTION = "execution"
    PORTFOLIO = "portfolio"
    GOVERNANCE = "governance"
    INFRASTRUCTURE = "infrastructure"


# Without one of these nobody knows what is owned, what it is worth, or who may act.
VITAL: Final = frozenset(
    {Subsystem.MARKET_DATA, Subsystem.RISK, Subsystem.EXECUTION, Subsystem.PORTFOLIO, Subsystem.GOVERNANCE}
)


class Health(IntEnum):
    """How a subsystem is; more is worse."""

    HEALTHY = 0
    DEGRADED = 1
    CRITICAL = 2
    UNKNOWN = 3


class RiskMode(IntEnum):
    """How bold the fund is; more is bolder."""

    CRITICAL = 0
    SAFE = 1
    NORMAL = 2
    AGGRESSIVE = 3


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What a subsystem says of itself, from 0 to 100; None when it does not know."""

    subsystem: Subsystem
    score: float | None
    at_ms: int
    detail: str = ""

    def __post_init__(self) -> None:
        if self.score is not None and not (isfinite(self.score) and 0 <= self.score <= 100):
            raise Invalid(f"{self.subsystem}: health is from 0 to 100, was {self.score}")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What else bears on boldness; None is not known, and what is not known is not calm."""

    drawdown_bps: int | None
    drawdown_soft_bps: int
    is_volatile: bool | None
    may_be_bold: bool


@dataclass(frozen=True, slots=True)
class SystemDirective:
    """What the fund may do at most in a mode."""

    size_bps: int
    leverage_max: int
    allows_entries: bool
    allows_learning: bool


DIRECTIVES: Final[Mapping[RiskMode, SystemDirective]] = MappingProxyType(
    {
        RiskMode.AGGRESSIVE: SystemDirective(WHOLE_BPS, 125, True, True),
        RiskMode.NORMAL: SystemDirective(7_500, 10, True, True),
        RiskMode.SAFE: SystemDirective(3_500, 3, True, False),
        RiskMode.CRITICAL: SystemDirective(0, 1, False, False),
    }
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the whole fund is: each subsystem, all of them as one number, and what that led to."""

    mode: RiskMode = RiskMode.SAFE
    health: float = 0.0
    states: Mapping[Subsystem, Health] = field(default_factory=dict)
    reason: str = "nothing was computed yet"
    calm_cycles: int = 0

    @property
    def directive(self) -> SystemDirective:
        """Return what the fund may do at most."""
        return DIRECTIVES[self.mode]

    def count(self, health: Health) -> int:
        """Return how many subsystems are so."""
        return sum(state is health for state in self.states.values())


class HedgeFundOS:
    """The latest report of each subsystem, and where the fund stands; it begins safe, not bold."""

    def __init__(self, age_max_ms: int = REPORT_AGE_MAX_MS, calm_cycles: int = CALM_CYCLES) -> None:
        self.standing = Standing()
        self._age_max_ms, self._calm_cycles = age_max_ms, calm_cycles
        self._reports: dict[Subsystem, HealthReport] = {}

    def hear(self, report: HealthReport) -> None:
        """Take in a report; an older one than is known changes nothing."""
        known = self._reports.get(report.subsystem)
        if known is None or report.at_ms >= known.at_ms:
            self._reports[report.subsystem] = report

    def cycle(self, conditions: Conditions, at_ms: int) -> Standing:
        """Return where the fund stands now."""
        states = {subsystem: self._state(subsystem, at_ms) for subsystem in Subsystem}
        wanted, reason = bearable(states, self._scores(at_ms), conditions)
        mode, calm = stepped(self.standing, wanted, self._calm_cycles)
        if mode is not wanted:
            reason = f"{wanted.name} for {calm} of {self._calm_cycles} cycles"
        self.standing = Standing(mode, self._health(at_ms), states, reason, calm)
        return self.standing

    def alarmed(self, conditions: Conditions, at_ms: int) -> Standing:
        """Return where the fund stands after something happened between two cycles: it can only have become worse."""
        before = self.standing
        now = self.cycle(conditions, at_ms)
        if now.mode >= before.mode:
            self.standing = replace(now, mode=before.mode, calm_cycles=before.calm_cycles, reason=before.reason)
        return self.standing

    def _state(self, subsystem: Subsystem, at_ms: int) -> Health:
        score = self._score(subsystem, at_ms)
        if score is None:
            return Health.UNKNOWN
        return Health.HEALTHY if score >= WELL else Health.DEGRADED if score >= POOR else Health.CRITICAL

    def _score(self, subsystem: Subsystem, at_ms: int) -> float | None:
        report = self._reports.get(subsystem)
        if report is None or not 0 <= at_ms - report.at_ms <= self._age_max_ms:
            return None
        return report.score

    def _scores(self, at_ms: int) -> list[float]:
        return [self._score(subsystem, at_ms) or 0.0 for subsystem in Subsystem]

    def _health(self, at_ms: int) -> float:
        """Return one number that a single sick subsystem is seen in: the mean of the mean and the least."""
        scores = self._scores(at_ms)
        return (sum(scores) / len(scores) + min(scores)) / 2


def bearable(
    states: Mapping[Subsystem, Health], scores: Iterable[float], conditions: Conditions
) -> tuple[RiskMode, str]:
    """Return the boldest mode that all of this bears, and what keeps it from a bolder one."""
    sick = sorted(name for name, state in states.items() if state >= Health.CRITICAL)
    vital = [name for name in sick if name in VITAL]
    degraded = sum(state is Health.DEGRADED for state in states.values())
    drawdown = conditions.drawdown_bps
    if vital:
        return RiskMode.CRITICAL, f"{vital[0]} is {states[vital[0]].name}"
    if drawdown is None:
        return RiskMode.CRITICAL, "nobody knows the drawdown"
    if sick:
        return RiskMode.SAFE, f"{sick[0]} is {states[sick[0]].name}"
    if degraded > DEGRADED_MAX:
        return RiskMode.SAFE, f"{degraded} subsystems are degraded"
    if drawdown >= conditions.drawdown_soft_bps:
        return RiskMode.SAFE, f"the drawdown is {drawdown} bps"
    if degraded or min(scores) < BOLD:
        return RiskMode.NORMAL, "not every subsystem is at its best"
    if conditions.is_volatile is not False:
        return RiskMode.NORMAL, "the market is not known to be calm"
    if not conditions.may_be_bold:
        return RiskMode.NORMAL, "the policy does not leave the fund to itself"
    return RiskMode.AGGRESSIVE, "all is well"


def stepped(before: Standing, wanted: RiskMode, calm_cycles: int) -> tuple[RiskMode, int]:
    """Return the next mode and for how many cycles a bolder one was bearable: down at once, up by one after a while."""
    if wanted <= before.mode:
        return wanted, 0
    calm = before.calm_cycles + 1
    return (RiskMode(before.mode + 1), 0) if calm >= calm_cycles else (before.mode, calm)
