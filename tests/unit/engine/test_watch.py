"""Watch: the emergency stop in a run: it trips by itself, flattens, and only a person lets it go."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from qt_ray.core.policy import Policy
from qt_ray.engine.run import Run
from qt_ray.engine.setup import Setup
from qt_ray.engine.watch import CAUSES
from qt_ray.execution.exits import BY_REGIME, ExitPlan
from qt_ray.execution.fills import Cause as FillCause
from qt_ray.market.regime import Regime
from qt_ray.risk.ess import Cause, EssState
from qt_ray.risk.reasons import Reason
from tests.unit.engine.funds import HOUR_MS, NAN, candles, fund, still, told, wide_policy

pytestmark = pytest.mark.unit

WARM = 40
MINUTE_MS = 60_000


def guarded(**ess: int) -> Policy:
    base = wide_policy()
    return replace(base, ess=replace(base.ess, **ess))


def fall_from(setup: Setup, closes: list[float], interval_ms: int = HOUR_MS, wish: float = 1.0) -> Run:
    """Be long at 100 with a tenth of equity, then follow the closes; the wish stays."""
    rows, last = still(WARM), 100.0
    for close in closes:
        rows.append((last, max(last, close) + 0.1, min(last, close) - 0.1, close))
        last = close
    scores = [NAN] * (WARM - 1) + [wish] * (len(closes) + 1)
    return told(setup, candles(rows, interval_ms=interval_ms), scores)


def tripped_by(run: Run) -> set[Cause]:
    return {CAUSES[number - 1] for number in np.unique(run.cycles["tripped_by"]) if number}


def test_the_hard_drawdown_trips_flattens_and_stays_flat() -> None:
    """SPEC 3, DrawdownMonitor: hard limit on confirmed equity trips at once."""
    policy = guarded(equity_drawdown_bps=100)
    run = fall_from(fund("10", policy=policy), [100.0, 95.0, 89.0, 88.0, 87.0, 120.0, 130.0])
    assert tripped_by(run) == {Cause.EQUITY_DRAWDOWN}
    assert run.fills["cause"].tolist() == [FillCause.SIGNAL, FillCause.EMERGENCY]
    assert run.fills["position"][-1] == 0
    assert run.cycles["ess"].tolist()[-5:] == [2, 5, 5, 5, 5]
    assert run.fills["decided"][-1] == WARM + 2


def test_nothing_is_entered_after_a_trip_and_the_denial_says_why() -> None:
    policy = guarded(equity_drawdown_bps=100)
    run = fall_from(fund("10", policy=policy), [100.0, 89.0, 88.0, 88.0, 88.0, 88.0])
    assert run.decisions["bound"][-1, 0] >> Reason.NEW_POSITIONS_DISABLED & 1
    assert run.cycles["positions"][-1] == 0


@pytest.mark.parametrize(
    ("limits", "cause"),
    [
        ({"daily_drawdown_bps": 50}, Cause.DAILY_DRAWDOWN),
        ({"open_loss_bps": 70}, Cause.OPEN_LOSS),
        ({"equity_drawdown_bps": 80}, Cause.EQUITY_DRAWDOWN),
    ],
)
def test_each_limit_trips_by_its_own_name(limits: dict[str, int], cause: Cause) -> None:
    run = fall_from(fund("10", policy=guarded(**limits)), [100.0, 91.5, 91.0, 91.0])
    assert tripped_by(run) == {cause}


def test_a_flash_crash_trips_between_two_checks_a_minute_apart() -> None:
    run = fall_from(fund("10", policy=guarded(flash_crash_bps=30)), [100.0, 96.5, 96.0, 96.0], MINUTE_MS)
    assert tripped_by(run) == {Cause.FLASH_CRASH}


def test_the_same_fall_within_an_hour_is_not_a_flash_crash() -> None:
    run = fall_from(fund("10", policy=guarded(flash_crash_bps=30)), [100.0, 96.5, 96.0, 96.0])
    assert tripped_by(run) == set()


def test_a_flood_of_stops_trips() -> None:
    """FAULTS control 15."""
    policy = replace(wide_policy(stop_hits_max=3, repeat_entries_max=1_000), ess=guarded(stop_hits_max=3).ess)
    levels = replace(BY_REGIME[Regime.NORMAL], stop_atr=Decimal("0.5"))
    setup = fund("1", policy=policy, exits=ExitPlan.by_regime(dict.fromkeys(Regime, levels)))
    rows = still(WARM)
    scores = [NAN] * (WARM - 1) + [1.0 if i % 2 == 0 else -1.0 for i in range(12)]
    for i in range(12):
        rows.append((100.0, 104.0 if i % 2 else 100.1, 99.9 if i % 2 else 96.0, 100.0))
    run = told(setup, candles(rows, interval_ms=MINUTE_MS), scores)
    assert tripped_by(run) == {Cause.STOP_LOSS_FLOOD}


def test_a_person_resets_after_the_cooldown_and_the_fund_goes_on_from_todays_equity() -> None:
    policy = guarded(equity_drawdown_bps=100)
    setup = fund("10", policy=policy, operator_reset_hours=4)
    run = fall_from(setup, [100.0, 89.0, 88.0, *([88.0] * 10)])
    states = run.cycles["ess"].tolist()
    assert states[-1] == EssState.ARMED
    assert states.count(EssState.COOLING_DOWN) == 4
    assert run.cycles["drawdown_bps"][-1] < 10
    assert run.fills["cause"].tolist()[-1] == FillCause.SIGNAL


def test_without_a_person_it_never_rearms() -> None:
    run = fall_from(fund("10", policy=guarded(equity_drawdown_bps=100)), [100.0, 89.0, *([88.0] * 60)])
    assert run.cycles["ess"][-1] == EssState.COOLING_DOWN


def test_flattening_goes_on_while_the_market_gives_no_volume() -> None:
    """FAULTS mistake 2: a close that did not fill is tried again."""
    policy = guarded(equity_drawdown_bps=100)
    rows = [*still(WARM), (100.0, 100.5, 99.5, 100.0), *[(88.0, 88.5, 87.5, 88.0)] * 6]
    bars = candles(rows)
    volume = bars.volume.copy()
    volume[WARM + 2 : WARM + 5] = 0.0
    run = told(fund("10", policy=policy), replace(bars, volume=volume), [NAN] * (WARM - 1) + [1.0] * 9)
    assert run.cycles["ess"].tolist()[WARM + 1 : WARM + 6] == [2, 2, 2, 2, 5]
    assert run.fills["position"][-1] == 0


def test_a_protective_stop_stays_until_the_emergency_close_has_filled() -> None:
    policy = guarded(equity_drawdown_bps=100)
    levels = replace(BY_REGIME[Regime.NORMAL], stop_atr=Decimal(12), hours_max=500)
    setup = fund("10", policy=policy, exits=ExitPlan.by_regime(dict.fromkeys(Regime, levels)))
    run = fall_from(setup, [100.0, 95.0, 89.5, 80.0])
    assert run.fills["position"][-1] == 0
    assert len(run.fills) == 2
