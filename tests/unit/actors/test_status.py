"""A fund whose monitor is silent is still shown: what each part says by itself, and null for what nobody adds up."""

import pytest

from qt_ray.actors.status import pieced
from qt_ray.adapters.session_file import Session
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.monitoring.health import Condition, unheard

pytestmark = pytest.mark.unit

SESSION = Session(1, "mark", 1_000, "paper", "main", "life", "qt-paper-main", "127.0.0.1:1")


def test_what_the_parts_say_is_shown_and_what_nobody_adds_up_is_null() -> None:
    store = Condition("PolicyStore", Health.HEALTHY, 0, facts={"version": 7, "epoch": 3}, is_ready=True, pid=9)
    stop = Condition("EmergencyStop", Health.DEGRADED, 0, reasons=("alone",), facts={"state": "ARMED"}, is_ready=True)
    found = pieced(SESSION, {one.part: one for one in (store, stop)}, "Monitor is away", 61_500)
    assert found["schema"] == "qt.status/1"
    assert (found["policy_version"], found["epoch"], found["ess"], found["uptime_s"]) == (7, 3, "ARMED", 60)
    assert [found[name] for name in ("decisions", "orders", "fills", "equity")] == [None] * 4
    assert (found["health"], found["is_ready"], found["not_ready"]) == ("DEGRADED", True, [])
    assert "Monitor is away" in found["no_new_entries"]
    assert found["actors"]["EmergencyStop"]["reasons"] == ["alone"]


def test_a_part_that_says_nothing_is_worse_than_a_critical_one() -> None:
    found = pieced(SESSION, {"Desk": unheard("Desk", 0, "gone")}, "away", 2_000)
    assert (found["health"], found["is_ready"], found["not_ready"]) == ("UNKNOWN", False, ["Desk"])
    assert (found["policy_version"], found["ess"]) == (None, None)
