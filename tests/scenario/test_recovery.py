"""Recovery: a fund that lost twelve percent climbs out by its equity, and is left no more than the way permits."""

from decimal import Decimal

import pytest

from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.events import Event, decode_event, encode_event, event
from qt_ray.core.limits import EssLimits
from qt_ray.core.policy import Policy
from qt_ray.governance.coordination import REPORTERS, Coordinator, Seen
from qt_ray.risk.in_force import limits_in_force
from qt_ray.risk.restraints import FREE
from qt_ray.risk.triggers import RecoveryMode, recovered
from qt_ray.risk.vigil import Equity, Vigil

pytestmark = pytest.mark.scenario

START_MS, HOUR_MS = 86_400_000, 3_600_000
LIMITS = EssLimits()
PARTS = frozenset(name for names in REPORTERS.values() for name in names)


class Fund:
    """A fund that is well and was just reset: its equity, how far it has climbed, and what it is left."""

    def __init__(self, peak: int) -> None:
        self.now_ms, self.mode, self.told = START_MS, RecoveryMode.EMERGENCY, list[Event]()
        self._vigil = Vigil(LIMITS, limits_in_force(Policy()).row[0], (), None, START_MS)
        self._vigil.equity(self._worth(peak), START_MS, confirmed=True)
        self._coordinator = Coordinator(PARTS, START_MS)

    def comes_to(self, equity: int) -> int:
        """Let an hour pass in which equity came to this; return the share of its sizes that the fund is left."""
        self.now_ms += HOUR_MS
        self._vigil.equity(self._worth(equity), self.now_ms, confirmed=True)
        reading = self._vigil.readings(self.now_ms).equity_drawdown_bps
        drawdown_bps = None if reading is None else round(reading)
        step = recovered(self.mode, drawdown_bps, LIMITS, "emergency_stop", "equity against its peak", 3)
        if step is not None:
            said = event("system.emergency.recovered", step, "EmergencyStop", self.now_ms)
            self.told.append(decode_event(encode_event(said)))
            self.mode = RecoveryMode[step.mode]
        seen = Seen(dict.fromkeys(PARTS, Health.HEALTHY), {"AUSDT": "NORMAL"}, drawdown_bps, 0, 0, self.mode.name)
        left = FREE
        for one in self._coordinator.beat(seen, Policy(), self.now_ms).restraints:
            left = left.meets(one)
        return left.size_bps

    @staticmethod
    def _worth(equity: int) -> Equity:
        return Equity(Decimal(equity), Decimal(equity), Decimal(0), Decimal(0))


@pytest.mark.requirement("Scenario-6", "P1-05")
@pytest.mark.p1_patches
def test_a_fund_climbs_out_of_twelve_percent_in_three_steps_and_is_left_more_at_each() -> None:
    """Scenario 6: -12, -8, -3, -1 % walks EMERGENCY, PROTECTIVE, CAUTIOUS, NORMAL with three events."""
    fund = Fund(10_000)
    sizes = [fund.comes_to(equity) for equity in (8_800, 9_200, 9_700, 9_900)]
    steps = [(said.payload.previous, said.payload.mode, said.payload.drawdown_bps) for said in fund.told]
    assert steps == [
        ("EMERGENCY", "PROTECTIVE", 800),
        ("PROTECTIVE", "CAUTIOUS", 300),
        ("CAUTIOUS", "NORMAL", 100),
    ]
    assert sizes == [0, 2_500, 5_000, 10_000]


def test_a_fund_that_slips_back_on_its_way_is_left_less_again() -> None:
    fund = Fund(10_000)
    assert [fund.comes_to(equity) for equity in (9_700, 9_200, 8_800)] == [5_000, 2_500, 0]
    assert fund.mode is RecoveryMode.EMERGENCY
