"""Events: whatever is told is heard by somebody, and whatever somebody listens for is told. SPEC chapter 6."""

import ast
from pathlib import Path

import pytest

from qt_ray.adapters.event_metrics import MEASURED
from qt_ray.adapters.trade_keeper import KINDS as TRADES
from qt_ray.core.events import REGISTRY
from qt_ray.governance.audit_events import AUDITED
from qt_ray.monitoring.opinions import KINDS as OPINIONS
from qt_ray.monitoring.troubles import TROUBLES
from qt_ray.monitoring.views import HANDLERS, NOTED

pytestmark = [pytest.mark.unit, pytest.mark.requirement("S6 Registry")]

PACKAGE = Path(__file__).parents[2] / "qt_ray"
# Who only listens names kinds too, and is no publisher by that; nor are the registry and what it is made of.
LISTENERS = {
    "core/events.py",
    "governance/audit_events.py",
    "governance/audit_records.py",
    "monitoring/opinions.py",
    "monitoring/views.py",
    "monitoring/status.py",
    "monitoring/troubles.py",
    "actors/fund_os.py",
    "actors/emergency_stop_actor.py",
    "serve/stream.py",
}
# What no table of the monitor's names, and who hears it all the same.
HEARD_ELSEWHERE = {
    "market.tick": "the stream to pages, and the count of events",
    "signal.generated": "the stream to pages, and the count of events",
    "trade.execution_requested": "the stream to pages, and the count of events",
}


def named_in(source: str) -> set[str]:
    """Return the kinds of events that a module names; a name that is put together names its beginning."""
    found = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            begins = node.value if node.value.endswith(".") else "\n"
            found |= {kind for kind in REGISTRY if kind == node.value or kind.startswith(begins)}
    return found


def published() -> dict[str, set[str]]:
    """Return every kind that is told, and the modules that name it to tell it."""
    told: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        for kind in named_in(path.read_text("utf-8")) if name not in LISTENERS else ():
            told.setdefault(kind, set()).add(name)
    return told


def subscribed() -> set[str]:
    """Return every kind that somebody does something about."""
    payloads = MEASURED.keys() | TROUBLES.keys() | HANDLERS.keys()
    by_payload = {kind for kind, payload in REGISTRY.items() if payload in payloads}
    noted = {kind for kind in REGISTRY if kind.startswith(NOTED)}
    return AUDITED.keys() | TRADES | OPINIONS | by_payload | noted | HEARD_ELSEWHERE.keys()


@pytest.mark.requirement("P1-01")
@pytest.mark.p1_patches
def test_whatever_somebody_listens_for_is_told() -> None:
    assert subscribed() - published().keys() == set()


@pytest.mark.requirement("P1-01")
@pytest.mark.p1_patches
def test_whatever_is_told_is_heard_by_somebody() -> None:
    assert published().keys() - subscribed() == set()


def test_the_registry_holds_nothing_that_nobody_uses() -> None:
    assert REGISTRY.keys() - published().keys() == set()


def test_a_name_that_is_only_mentioned_is_no_publication() -> None:
    assert named_in('"""Hears risk.alert."""\nx = "risk.alert of somebody"\n') == set()
    assert named_in('tell(event("risk.alert", what, SOURCE, 1))') == {"risk.alert"}
