"""Each founding requirement is answered by looking, and turns false when its part is broken."""

from dataclasses import replace

import pytest

from qt_ray.ai.hedge_fund_os import Health
from qt_ray.monitoring.health import Condition, unheard
from qt_ray.monitoring.patches import PATCHES, Evidence, patches

pytestmark = [pytest.mark.unit, pytest.mark.p0_patches]


def condition(part: str, **facts: object) -> Condition:
    return Condition(part, Health.HEALTHY, 0, since_ms=1, is_ready=True, facts=facts)


CONDITIONS = {
    "PolicyStore": condition("PolicyStore", version=3, epoch=2),
    "EmergencyStop": condition("EmergencyStop", state="ARMED", drawdown_bps=12),
    "Sizer": condition("Sizer"),
    "RiskGuard": condition("RiskGuard"),
    "Predictor": condition("Predictor", version="v7", mixed=False, users=["Predictor"]),
}
TRIED = dict.fromkeys(("policy", "bus", "buffer", "trades", "sizing"), "")
WELL = Evidence(CONDITIONS, TRIED)


def without(part: str) -> Evidence:
    return replace(WELL, conditions={name: found for name, found in CONDITIONS.items() if name != part})


def silent(part: str) -> Evidence:
    return replace(WELL, conditions={**CONDITIONS, part: unheard(part, 1, "did not answer")})


def saying(part: str, **facts: object) -> Evidence:
    return replace(WELL, conditions={**CONDITIONS, part: condition(part, **facts)})


def failing(trial: str) -> Evidence:
    return replace(WELL, tried={**TRIED, trial: "it broke"})


def broken(seen: Evidence) -> dict[str, str]:
    return {patch.key: patch.reason for patch in patches(seen) if not patch.holds}


def test_a_fund_that_is_well_holds_all_seven() -> None:
    assert broken(WELL) == {}
    assert list(PATCHES) == [f"p0_0{number}" for number in range(1, 8)]


@pytest.mark.parametrize(
    ("seen", "keys"),
    [
        (without("PolicyStore"), {"p0_01"}),
        (silent("PolicyStore"), {"p0_01"}),
        (failing("policy"), {"p0_01"}),
        (silent("EmergencyStop"), {"p0_02", "p0_07"}),
        (saying("EmergencyStop", state="DISABLED", drawdown_bps=1), {"p0_02"}),
        (saying("EmergencyStop", drawdown_bps=1), {"p0_02"}),
        (failing("bus"), {"p0_03"}),
        (failing("buffer"), {"p0_03"}),
        (failing("trades"), {"p0_04"}),
        (silent("Sizer"), {"p0_05"}),
        (without("RiskGuard"), {"p0_05"}),
        (failing("sizing"), {"p0_05"}),
        (silent("Predictor"), {"p0_06"}),
        (saying("Predictor"), {"p0_06"}),
        (saying("Predictor", version="v7", mixed=True, users=["Console"]), {"p0_06"}),
        (saying("EmergencyStop", state="ARMED"), {"p0_07"}),
        (replace(WELL, tried={}), {"p0_01", "p0_03", "p0_04", "p0_05"}),
    ],
    ids=lambda given: "",
)
def test_a_broken_part_breaks_its_requirement_and_says_why(seen: Evidence, keys: set[str]) -> None:
    found = broken(seen)
    assert found.keys() == keys
    assert all(found.values())


@pytest.mark.parametrize("state", ["ARMED", "armed", "TRIPPED/FLATTENING", "COOLING_DOWN"])
def test_a_stop_that_acts_stands_guard_too(state: str) -> None:
    assert broken(saying("EmergencyStop", state=state, drawdown_bps=1)) == {}
