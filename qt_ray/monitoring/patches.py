"""Patches: the seven founding requirements, each answered by looking at the part that carries it, at this moment.

An answer is a verdict with a reason, and no reason means that it holds. Whoever asks gathers the evidence: what the
parts say of themselves now, and what came of trying. A part that is silent is evidence against its requirement.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from qt_ray.ai.hedge_fund_os import Health
from qt_ray.monitoring.health import Condition

# What an emergency stop that stands guard says of itself; one that is disabled guards nothing.
ON_GUARD: Final = frozenset({"ARMED", "TRIPPED", "COOLING_DOWN"})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is seen of the running fund: each part's condition, and what trying a thing came to, empty if it worked."""

    conditions: Mapping[str, Condition]
    tried: Mapping[str, str] = field(default_factory=dict)

    def fact(self, part: str, name: str) -> Any:
        """Return what a part says of itself, or nothing."""
        condition = self.conditions.get(part)
        return None if condition is None else condition.facts.get(name)

    def silent(self, part: str) -> str:
        """Return that a part is not heard, or nothing while it is."""
        condition = self.conditions.get(part)
        if condition is None or condition.health is Health.UNKNOWN:
            why = condition.reasons[0] if condition is not None and condition.reasons else "is not there"
            return f"{part}: {why}"
        return ""

    def failed(self, trial: str) -> str:
        """Return why a trial failed; one that was not made has failed."""
        return self.tried.get(trial, f"{trial}: was not tried")


@dataclass(frozen=True, slots=True)
class Patch:
    """One requirement: whether it holds now, and if not, why."""

    key: str
    title: str
    holds: bool
    reason: str


Probe = Callable[[Evidence], str]


def _policy_store(seen: Evidence) -> str:
    return seen.silent("PolicyStore") or seen.failed("policy")


def _emergency_stop(seen: Evidence) -> str:
    state = str(seen.fact("EmergencyStop", "state") or "unknown").upper()
    on_guard = "" if state.partition("/")[0] in ON_GUARD else f"EmergencyStop: stands guard, was {state}"
    return seen.silent("EmergencyStop") or on_guard


def _event_buffer(seen: Evidence) -> str:
    return seen.failed("bus") or seen.failed("buffer")


def _trade_state(seen: Evidence) -> str:
    return seen.failed("trades")


def _sizing(seen: Evidence) -> str:
    return seen.silent("Sizer") or seen.silent("RiskGuard") or seen.failed("sizing")


def _model_sync(seen: Evidence) -> str:
    version, mixed = seen.fact("Predictor", "version"), seen.fact("Predictor", "mixed")
    users = ", ".join(map(str, seen.fact("Predictor", "users") or ())) or "nobody"
    unknown = "Predictor: works with a version, has none" if version is None else ""
    apart = f"all work with one version, {users} do not yet" if mixed is not False else ""
    return seen.silent("Predictor") or unknown or apart


def _drawdown(seen: Evidence) -> str:
    known = seen.fact("EmergencyStop", "drawdown_bps")
    blind = "EmergencyStop: knows the drawdown, has no fresh equity" if known is None else ""
    return seen.silent("EmergencyStop") or blind


PATCHES: Final[Mapping[str, tuple[str, Probe]]] = {
    "p0_01": ("one policy store, durable and answering", _policy_store),
    "p0_02": ("an emergency stop that stands guard", _emergency_stop),
    "p0_03": ("events reach the bus, and a disk while there is none", _event_buffer),
    "p0_04": ("trades are written, read and removed as they were", _trade_state),
    "p0_05": ("sizes are capped when volatility is high", _sizing),
    "p0_06": ("one model version everywhere", _model_sync),
    "p0_07": ("the drawdown is watched on fresh equity", _drawdown),
}


def patches(seen: Evidence) -> tuple[Patch, ...]:
    """Return the seven requirements as they stand."""
    reasons = {key: probe(seen) for key, (_, probe) in PATCHES.items()}
    return tuple(Patch(key, PATCHES[key][0], not reason, reason) for key, reason in reasons.items())
