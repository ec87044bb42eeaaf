"""Coordination: all parts of the fund seen as one, and what follows from it as restraints that the policy store keeps.

Four layers vote and the least of what they allow is what is left; the hedge fund OS judges once a minute, and at once
when something has become worse. Who has just been well may be silent for a moment; who was never heard is not well.
What a stage does not enforce is computed all the same, so that people see what it would have done.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from qt_ray.ai.hedge_fund_os import (
    CYCLE_MS,
    DEGRADED_MAX,
    VITAL,
    Conditions,
    Health,
    HealthReport,
    HedgeFundOS,
    RiskMode,
    Standing,
    Subsystem,
)
from qt_ray.core.money import BPS
from qt_ray.core.policy import Policy, Stage
from qt_ray.governance.orchestrator import Authority as Voice
from qt_ray.governance.orchestrator import Orchestrator, Profile, Situation, TradingPolicy
from qt_ray.governance.stages import Actor, Authority, authority
from qt_ray.market.regime import Regime
from qt_ray.risk.governor import Directive, Layer, Level, SafetyGovernor, Vote
from qt_ray.risk.restraints import Restraint
from qt_ray.risk.triggers import RAMP, RecoveryMode

AUTHOR: Final = "fund_os"
GOVERNOR: Final = f"{AUTHOR}.governor"
ORCHESTRATOR: Final = f"{AUTHOR}.orchestrator"
RECOVERY: Final = f"{AUTHOR}.recovery"
# Without the word of these nothing new is let in.
LAYERS: Final = frozenset({GOVERNOR, ORCHESTRATOR, RECOVERY})

SILENCE_MAX_MS: Final = 5_000
SHARE_EXTREME: Final = 0.5
SCORES: Final[Mapping[Health, float | None]] = {
    Health.HEALTHY: 100.0,
    Health.DEGRADED: 65.0,
    Health.CRITICAL: 20.0,
    Health.UNKNOWN: None,
}
# Whose condition stands for a subsystem; where decisions are made within the desk, the desk stands for its stages too.
REPORTERS: Final[Mapping[Subsystem, tuple[str, ...]]] = {
    Subsystem.MARKET_DATA: ("Feed",),
    Subsystem.MODELS: ("Predictor",),
    Subsystem.SIZING: ("Sizer",),
    Subsystem.RISK: ("RiskGuard", "EmergencyStop"),
    Subsystem.EXECUTION: ("Gateway",),
    Subsystem.PORTFOLIO: ("Desk",),
    Subsystem.GOVERNANCE: ("PolicyStore",),
    Subsystem.INFRASTRUCTURE: ("Monitor", "Supervisor", "Learner"),
}
SHRUNK_BPS: Final[Mapping[Profile, int]] = {Profile.NORMAL: 10_000, Profile.REDUCED: 5_000, Profile.NO_NEW_TRADES: 0}
LEVELS: Final[Mapping[RiskMode, Level]] = {
    RiskMode.AGGRESSIVE: Level.NORMAL,
    RiskMode.NORMAL: Level.CAUTIOUS,
    RiskMode.SAFE: Level.DEFENSIVE,
    RiskMode.CRITICAL: Level.EMERGENCY,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the fund at a moment; None is not known. `healths` are those of all parts that there are."""

    healths: Mapping[str, Health]
    regimes: Mapping[str, str] = field(default_factory=dict)
    drawdown_bps: int | None = None
    exposure_share_bps: int | None = None
    losing_streak: int | None = None
    recovery: str | None = None
    sick: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Coordinated:
    """What came of a beat: where the fund stands, what layers say, what the store is asked for, the mode it left."""

    standing: Standing
    directive: Directive
    trading: TradingPolicy
    restraints: tuple[Restraint, ...]
    turned_from: RiskMode | None = None


class Coordinator:
    """One fund's coordinator, of the parts in `parts`."""

    def __init__(self, parts: frozenset[str], began_ms: int) -> None:
        """Begin with nothing computed: until then nothing is left."""
        self.trading = Orchestrator()
        self._os, self._began_ms = HedgeFundOS(), began_ms
        self._reporters = {subsystem: _present(names, parts) for subsystem, names in REPORTERS.items()}
        self._cycled_ms: int | None = None
        self._states: dict[Subsystem, Health] = {}
        self._regimes: Mapping[str, str] = {}

    def beat(self, seen: Seen, policy: Policy, at_ms: int) -> Coordinated:
        """Return what follows from what is seen now."""
        states = {subsystem: self._state(subsystem, seen) for subsystem in Subsystem}
        for subsystem, health in states.items():
            self._os.hear(HealthReport(subsystem, SCORES[health], at_ms))
        before = self._os.standing.mode
        self._judge(seen, states, policy, at_ms)
        is_live = authority(policy.stage, Actor.ORCHESTRATOR) is Authority.ENFORCED
        self.trading.authority = Voice.LIVE if is_live else Voice.OBSERVE
        self.trading.update(_situation(seen, policy), at_ms)
        directive = self._governed(seen, states, policy, at_ms)
        turned = before if self._os.standing.mode is not before else None
        restraints = (
            _of_governor(directive),
            _of_orchestrator(self.trading, policy.stage),
            _of_recovery(seen.recovery),
        )
        return Coordinated(self._os.standing, directive, self.trading.policy, restraints, turned)

    def _state(self, subsystem: Subsystem, seen: Seen) -> Health:
        return max(seen.healths.get(part, Health.UNKNOWN) for part in self._reporters[subsystem])

    def _judge(self, seen: Seen, states: dict[Subsystem, Health], policy: Policy, at_ms: int) -> None:
        """Let the OS judge: in its turn, or at once when a subsystem or a regime has changed for the worse."""
        conditions = _conditions(seen, policy)
        is_worse = any(health > self._states.get(subsystem, health) for subsystem, health in states.items())
        is_turned = bool(self._regimes) and seen.regimes != self._regimes
        if self._cycled_ms is None:
            # A fund that is still starting is not judged before it could have started.
            is_up = all(states[subsystem] <= Health.DEGRADED for subsystem in VITAL)
            is_due = is_up or at_ms - self._began_ms >= CYCLE_MS
        else:
            is_due = at_ms - self._cycled_ms >= CYCLE_MS
        if is_due:
            self._cycled_ms = at_ms
            self._os.cycle(conditions, at_ms)
        elif self._cycled_ms is not None and (is_worse or is_turned):
            self._os.alarmed(conditions, at_ms)
        self._states, self._regimes = states, dict(seen.regimes)

    def _governed(self, seen: Seen, states: Mapping[Subsystem, Health], policy: Policy, at_ms: int) -> Directive:
        is_enforced = authority(policy.stage, Actor.HEDGE_FUND_OS) is Authority.ENFORCED
        governor = SafetyGovernor(required=frozenset(Layer) if is_enforced else frozenset(Layer) - {Layer.HFOS})
        for vote in self._votes(seen, states, policy, at_ms):
            if is_enforced or vote.layer is not Layer.HFOS:
                governor.hear(vote)
        return governor.directive(at_ms)

    def _votes(self, seen: Seen, states: Mapping[Subsystem, Health], policy: Policy, at_ms: int) -> Iterator[Vote]:
        risk = states[Subsystem.RISK]
        yield Vote(Layer.RISK, _LEVEL_OF[risk], at_ms, reason=f"risk is {risk.name}")
        level, reason = healing(states)
        yield Vote(Layer.SELF_HEALING, level, at_ms, reason=reason)
        level, reason = drawn_down(seen.drawdown_bps, policy)
        yield Vote(Layer.PORTFOLIO, level, at_ms, reason=reason)
        if self._cycled_ms is not None:
            standing = self._os.standing
            said, reason = standing.directive, f"{standing.mode.name}, {standing.reason}"
            yield Vote(Layer.HFOS, LEVELS[standing.mode], at_ms, said.size_bps, said.leverage_max, reason)


_LEVEL_OF: Final[Mapping[Health, Level]] = {
    Health.HEALTHY: Level.NORMAL,
    Health.DEGRADED: Level.CAUTIOUS,
    Health.CRITICAL: Level.EMERGENCY,
    Health.UNKNOWN: Level.EMERGENCY,
}


def healing(states: Mapping[Subsystem, Health]) -> tuple[Level, str]:
    """Return how careful to be for how the parts are: one that is vital stops entries, never the other way round."""
    sick = sorted(name for name, state in states.items() if state >= Health.CRITICAL)
    vital = [name for name in sick if name in VITAL]
    degraded = sum(state is Health.DEGRADED for state in states.values())
    if vital:
        return Level.EMERGENCY, f"{vital[0]} is {states[vital[0]].name}"
    if sick:
        return Level.DEFENSIVE, f"{sick[0]} is {states[sick[0]].name}"
    if degraded > DEGRADED_MAX:
        return Level.CAUTIOUS, f"{degraded} subsystems are degraded"
    return Level.NORMAL, "every part is there"


def drawn_down(drawdown_bps: int | None, policy: Policy) -> tuple[Level, str]:
    """Return how careful to be at a drawdown."""
    if drawdown_bps is None:
        return Level.EMERGENCY, "nobody knows the drawdown"
    if drawdown_bps >= policy.limits.drawdown_hard_bps:
        return Level.EMERGENCY, f"the drawdown is {drawdown_bps} bps"
    if drawdown_bps >= policy.limits.drawdown_soft_bps:
        return Level.DEFENSIVE, f"the drawdown is {drawdown_bps} bps"
    return Level.NORMAL, "the drawdown is small"


def share_of(regimes: Mapping[str, str], *wanted: Regime) -> float | None:
    """Return the share of symbols in one of some regimes; None while that of none is known."""
    known = [name for name in regimes.values() if name != Regime.UNKNOWN.name]
    return sum(name in {regime.name for regime in wanted} for name in known) / len(known) if known else None


def _conditions(seen: Seen, policy: Policy) -> Conditions:
    wild = share_of(seen.regimes, Regime.HIGH, Regime.EXTREME)
    return Conditions(
        drawdown_bps=seen.drawdown_bps,
        drawdown_soft_bps=policy.limits.drawdown_soft_bps,
        is_volatile=None if wild is None else wild > 0,
        may_be_bold=policy.stage is Stage.AUTONOMY,
    )


def _situation(seen: Seen, policy: Policy) -> Situation:
    wild = share_of(seen.regimes, Regime.HIGH, Regime.EXTREME)
    extreme = share_of(seen.regimes, Regime.EXTREME)
    return Situation(
        is_volatile=None if wild is None else wild >= SHARE_EXTREME,
        is_extreme=None if extreme is None else extreme >= SHARE_EXTREME,
        drawdown_bps=seen.drawdown_bps,
        drawdown_soft_bps=policy.limits.drawdown_soft_bps,
        drawdown_hard_bps=policy.limits.drawdown_hard_bps,
        exposure_share_bps=seen.exposure_share_bps,
        losing_streak=seen.losing_streak,
        sick=seen.sick,
    )


def _of_governor(directive: Directive) -> Restraint:
    # The leverage is another layer's bound than the size, so both say whose they are.
    reason = f"{directive.size_by}: {directive.reason}; leverage by {directive.leverage_by}"
    return Restraint(GOVERNOR, directive.size_bps, directive.leverage_max, reason=reason)


def _of_orchestrator(orchestrator: Orchestrator, stage: Stage) -> Restraint:
    """Return what the orchestrator's word comes to; where it only observes, that is nothing at all."""
    if orchestrator.authority is Voice.OBSERVE:
        return Restraint(ORCHESTRATOR, reason=f"it only observes at stage {stage}")
    trading = orchestrator.policy
    confidence = int(trading.min_confidence * BPS)
    deny, reason = tuple(trading.deny), "; ".join(trading.reasons)[:400]
    return Restraint(ORCHESTRATOR, SHRUNK_BPS[trading.profile], confidence_min_bps=confidence, deny=deny, reason=reason)


def _of_recovery(mode: str | None) -> Restraint:
    """Return what the emergency stop's way back leaves; who does not know where on it the fund is leaves nothing."""
    ramp = RAMP[RecoveryMode[mode]] if mode and mode in RecoveryMode.__members__ else None
    if ramp is None:
        return Restraint(RECOVERY, 0, 1, reason=f"the way back from an emergency is at {mode or 'nobody knows where'}")
    size_bps = int(ramp.size_share * BPS)
    reason = f"the way back from an emergency is at {mode}"
    return Restraint(RECOVERY, size_bps, int(ramp.leverage_max), reason=reason, positions_max=ramp.positions_max)


def _present(names: tuple[str, ...], parts: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name in parts) or ("Desk",)
