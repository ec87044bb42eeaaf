"""Status: a running fund asked from outside, in one shape whoever answers.

The monitor knows it all. While it does not answer, every part is asked by itself, and what only the monitor adds up is
not known: it is null, never a zero.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

from qt_ray.actors.line import Line
from qt_ray.actors.topology import EMERGENCY_STOP, MONITOR, PARTS, POLICY_STORE
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.session_file import Session
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Retryable
from qt_ray.monitoring.health import Condition, unheard, worst

SCHEMA: Final = "qt.status/1"
ANSWER_MS: Final = 5_000
NAMES: Final = tuple(part.name for part in PARTS)
ADDED_UP: Final = ("decisions", "orders", "fills", "equity")


async def status_in(namespace: str) -> dict[str, Any]:
    """Return what the monitor of a namespace says of its fund, wherever it runs; Retryable if it says nothing."""
    found: dict[str, Any] = await Line(MONITOR, namespace).ask("status", within_ms=ANSWER_MS)
    return found


async def status_of(session: Session, names: Iterable[str] = NAMES) -> dict[str, Any]:
    """Return the state of a running fund: its monitor's word, else what each part says by itself."""
    places = {"pid": session.pid, "dashboard": session.dashboard, "console": session.console}
    try:
        found = await status_in(session.namespace)
    except Retryable as error:
        asked = await asyncio.gather(*(_asked(name, session.namespace) for name in names))
        found = pieced(session, {one.part: one for one in asked}, str(error), now_ms())
    return {**found, **places}


def pieced(session: Session, conditions: Mapping[str, Condition], why: str, at_ms: int) -> dict[str, Any]:
    """Return what is known of a fund whose monitor does not answer."""
    store, stop = (_facts(conditions, name) for name in (POLICY_STORE, EMERGENCY_STOP))
    not_ready = [name for name, found in conditions.items() if not found.is_ready]
    return {
        "schema": SCHEMA,
        "profile": session.profile,
        "account": session.account,
        "life": session.life,
        "at_ms": at_ms,
        "uptime_s": max(at_ms - session.started_ms, 0) // 1_000,
        "health": worst(conditions.values()).name,
        "is_ready": not not_ready,
        "not_ready": not_ready,
        "no_new_entries": f"nobody keeps the record, {why}",
        **dict.fromkeys(ADDED_UP),
        "ess": stop.get("state"),
        "policy_version": store.get("version"),
        "epoch": store.get("epoch"),
        "actors": {name: _shown(found) for name, found in conditions.items()},
    }


async def _asked(name: str, namespace: str) -> Condition:
    try:
        found: Condition = await Line(name, namespace).ask("condition", within_ms=ANSWER_MS)
    except Retryable as error:
        return unheard(name, now_ms(), str(error))
    return found


def _facts(conditions: Mapping[str, Condition], name: str) -> Mapping[str, Any]:
    return conditions[name].facts if name in conditions else {}


def _shown(found: Condition) -> dict[str, Any]:
    return {
        "health": Health(found.health).name,
        "is_ready": found.is_ready,
        "reasons": list(found.reasons),
        "since_ms": found.since_ms,
        "pid": found.pid,
        "was_reconstructed": found.was_reconstructed,
        "edition": found.edition,
        "facts": dict(found.facts),
    }
