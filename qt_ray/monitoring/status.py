"""Status: the fund on one screen, as data with a versioned shape; what nobody knows is null and never a zero.

Numbers that a part owns are read off what that part says of itself; those that add up over time are the replica's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from qt_ray.core.codec import spelled
from qt_ray.core.errors import Invalid
from qt_ray.monitoring.health import Condition
from qt_ray.monitoring.rounds import Rounds
from qt_ray.monitoring.views import Views

SCHEMA: Final = "qt.status/1"


@dataclass(frozen=True, slots=True)
class Identity:
    """Which fund this is, and since when it runs."""

    profile: str
    account: str
    life: str
    version: str
    began_ms: int


def status_of(who: Identity, views: Views, rounds: Rounds, why_closed: str | None, at_ms: int) -> dict[str, Any]:
    """Return the fund's status, ready for JSON."""
    store, stop = rounds.facts("PolicyStore"), rounds.facts("EmergencyStop")
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "profile": who.profile,
        "account": who.account,
        "life": who.life,
        "version": who.version,
        "at_ms": at_ms,
        "uptime_s": max(at_ms - who.began_ms, 0) // 1_000,
        "health": rounds.worst.name,
        "is_ready": not rounds.why_not_ready,
        "not_ready": rounds.why_not_ready,
        "no_new_entries": why_closed,
        "decisions": views.counts["decision.made"],
        "orders": views.orders,
        "fills": views.counts["trade.executed"],
        "blocks": dict(views.blocks.most_common()),
        "equity": None if views.equity is None else views.equity.equity,
        "realised": views.realised,
        "positions": len(views.account.holdings) if views.account.at_ms is not None else None,
        "ess": stop.get("state"),
        "policy_version": _first(store.get("version"), views.policy and views.policy.version),
        "epoch": _first(store.get("epoch"), views.policy and views.policy.epoch),
        "risk_mode": views.risk_mode and views.risk_mode.new,
        "actors": {part: shown(condition) for part, condition in rounds.conditions.items()},
    }
    found: dict[str, Any] = spelled(told)
    return found


def shown(condition: Condition) -> dict[str, Any]:
    """Return a part's condition as people and programs read it."""
    return {
        "health": condition.health.name,
        "is_ready": condition.is_ready,
        "reasons": condition.reasons,
        "since_ms": condition.since_ms,
        "pid": condition.pid,
        "was_reconstructed": condition.was_reconstructed,
        "edition": condition.edition,
        "facts": _readable(condition.facts),
    }


def health_page(rounds: Rounds, machine: Mapping[str, Any], at_ms: int) -> dict[str, Any]:
    """Return what the health service says of the whole system."""
    found: dict[str, Any] = spelled(
        {
            "schema": "qt.health/1",
            "at_ms": at_ms,
            "health": rounds.worst.name,
            "not_ready": rounds.why_not_ready,
            "parts": {part: shown(condition) for part, condition in rounds.conditions.items()},
            "machine": dict(machine),
        }
    )
    return found


def _readable(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part's facts; one part that says what cannot be shown must not blank the whole screen."""
    try:
        found: dict[str, Any] = spelled(facts)
    except Invalid as fault:
        return {"unreadable": str(fault)}
    return found


def _first(*found: Any) -> Any:
    return next((one for one in found if one is not None), None)
