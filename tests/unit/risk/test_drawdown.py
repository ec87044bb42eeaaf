"""SPEC section 3, DrawdownMonitor: its two readings, its confirmation, and transfers that change nothing."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.core.records import empty
from qt_ray.risk import drawdown
from qt_ray.risk.drawdown import DAY_MS, Drawdown, DrawdownMonitor, Level
from tests.unit.risk.asks import limits

pytestmark = [pytest.mark.unit, pytest.mark.requirement("S3 DrawdownMonitor")]

quick = settings(deadline=None, max_examples=80)
LIMITS = limits()
NOON = 20_000 * DAY_MS + DAY_MS // 2
COIN = 100_000_000
amounts = st.integers(COIN, 10**15)
paths = st.lists(amounts, min_size=1, max_size=12)


def monitor(equity: int | str = 10_000) -> DrawdownMonitor:
    return DrawdownMonitor(LIMITS, Decimal(equity), NOON)


def watching(equity: int, ts_ms: int = NOON) -> Any:
    state = empty(Drawdown, 1)
    drawdown.begin(state[0], equity, ts_ms)
    return state[0]


def read(state: Any, equity: int, ts_ms: int = NOON, *, confirmed: bool = True) -> int:
    return drawdown.observe(state, LIMITS, equity, ts_ms, confirmed)


# SPEC 3: "10000 -> 9500 reads -5.0 %; after a peak of 11000, 10500 reads -4.55 %".
@pytest.mark.requirement("P0-07")
@pytest.mark.p0_patches
def test_ten_thousand_to_nine_and_a_half_reads_minus_five_percent() -> None:
    reading = monitor().observe(Decimal(9_500), NOON, confirmed=True)
    assert (reading.drawdown_pct, reading.day_pct, reading.level) == (Decimal("-5.00"), Decimal("-5.00"), Level.SOFT)


@pytest.mark.requirement("P0-07")
@pytest.mark.p0_patches
def test_after_a_peak_of_eleven_thousand_ten_and_a_half_reads_minus_four_point_five_five() -> None:
    watch = monitor()
    assert watch.observe(Decimal(11_000), NOON, confirmed=True).drawdown_pct == 0
    reading = watch.observe(Decimal(10_500), NOON, confirmed=True)
    assert (reading.drawdown_pct, reading.peak, reading.level) == (Decimal("-4.55"), Decimal(11_000), Level.OK)


@pytest.mark.requirement("P0-07")
@pytest.mark.p0_patches
@pytest.mark.parametrize(
    ("equity", "level"),
    [("9500.01", Level.OK), ("9500", Level.SOFT), ("9000.01", Level.SOFT), ("9000", Level.HARD), ("-1", Level.HARD)],
)
def test_a_confirmed_breach_counts_at_once_and_from_its_exact_limit(equity: str, level: Level) -> None:
    assert monitor().observe(Decimal(equity), NOON, confirmed=True).level is level


def test_exactly_ten_percent_of_a_large_fund_is_ten_percent() -> None:
    state = watching(4 * 10**16)
    assert read(state, 36 * 10**15) == Level.HARD
    assert state["drawdown_bps"] == 1_000


@quick
@given(paths)
def test_drawdown_is_the_distance_from_the_highest_equity_so_far(path: list[int]) -> None:
    state, peak = watching(path[0]), path[0]
    for equity in path:
        level = read(state, equity)
        peak = max(peak, equity)
        below = (peak - equity) * 10_000 // peak
        assert (state["drawdown_bps"], state["peak"], state["day_peak"]) == (below, peak, peak)
        assert state["day_bps"] == -((path[0] - equity) * 10_000 // path[0]) or abs(state["day_bps"]) == 1_000_000
        assert level == (below >= 500) + (below >= 1_000)


@pytest.mark.requirement("P0-07")
@pytest.mark.p0_patches
@quick
@given(paths, st.integers(-(10**16), 10**16))
def test_one_bad_tick_trips_nothing_and_moves_no_peak(path: list[int], bad: int) -> None:
    clean, shaken = watching(path[0]), watching(path[0])
    for equity in path:
        read(clean, equity)
        read(shaken, equity)
    held = int(shaken["level"])
    assert read(shaken, bad, confirmed=False) <= held
    for name in ("peak", "day_peak", "day_start", "trusted"):
        assert shaken[name] == clean[name]
    assert shaken["drawdown_bps"] >= clean["drawdown_bps"]
    assert read(shaken, path[-1]) == read(clean, path[-1]) == held
    assert shaken.tobytes() == clean.tobytes()


@quick
@given(st.lists(st.integers(9_600 * COIN, 9_900 * COIN), min_size=3, max_size=12), st.data())
def test_single_outliers_among_unconfirmed_readings_trip_nothing(path: list[int], data: st.DataObject) -> None:
    state, after = watching(9_900 * COIN), 0
    for equity in path:
        bad = data.draw(st.booleans()) and after == 0
        after = 2 if bad else max(after - 1, 0)
        reading = data.draw(st.sampled_from([0, 10**14])) if bad else equity
        assert read(state, reading, confirmed=False) == Level.OK
        assert state["peak"] <= 9_900 * COIN


def test_one_hard_tick_in_a_long_soft_drawdown_is_still_one_tick() -> None:
    state = watching(10_000 * COIN)
    for _ in range(5):
        read(state, 9_400 * COIN, confirmed=False)
    assert state["level"] == Level.SOFT
    assert read(state, 5_000 * COIN, confirmed=False) == Level.SOFT
    assert read(state, 9_400 * COIN, confirmed=False) == Level.SOFT
    assert read(state, 8_900 * COIN, confirmed=False) == Level.SOFT
    assert read(state, 8_800 * COIN, confirmed=False) == Level.HARD


def test_two_unconfirmed_breaches_in_a_row_confirm_each_other() -> None:
    state = watching(10_000 * COIN)
    assert read(state, 8_000 * COIN, confirmed=False) == Level.OK
    assert read(state, 8_100 * COIN, confirmed=False) == Level.HARD


def test_an_unconfirmed_recovery_is_not_believed_at_once() -> None:
    state = watching(10_000 * COIN)
    read(state, 9_300 * COIN)
    assert read(state, 9_990 * COIN, confirmed=False) == Level.SOFT
    assert state["drawdown_bps"] == 700
    assert read(state, 9_990 * COIN, confirmed=False) == Level.OK


def test_two_unconfirmed_highs_in_a_row_raise_the_peak_to_the_lower_of_them() -> None:
    state = watching(10_000 * COIN)
    read(state, 10_400 * COIN, confirmed=False)
    assert state["peak"] == 10_000 * COIN
    read(state, 10_300 * COIN, confirmed=False)
    assert state["peak"] == 10_300 * COIN


@quick
@given(amounts, st.integers(0, 5_000), st.integers(1, 200_000))
def test_a_transfer_is_neither_profit_nor_loss(peak: int, below_bps: int, scale_bps: int) -> None:
    equity = peak - peak * below_bps // 10_000
    after = equity * scale_bps // 10_000
    assume(COIN <= after <= 10**16)
    state = watching(peak)
    level = read(state, equity)
    before = (int(state["drawdown_bps"]), int(state["day_bps"]))
    drawdown.transfer(state, after - equity)
    assert state["equity"] == after
    assert state["day_peak"] == state["peak"]
    assert abs(read(state, after) - level) <= (before[0] % 500 in (0, 499))
    assert abs(int(state["drawdown_bps"]) - before[0]) <= 1
    assert abs(int(state["day_bps"]) - before[1]) <= 1


def test_a_withdrawal_of_most_of_the_fund_trips_nothing() -> None:
    watch = monitor(11_000)
    watch.observe(Decimal(10_500), NOON, confirmed=True)
    watch.transfer(Decimal(-9_500))
    reading = watch.observe(Decimal(1_000), NOON, confirmed=True)
    assert (reading.drawdown_pct, reading.level) == (Decimal("-4.55"), Level.OK)


def test_a_deposit_does_not_make_a_loss_smaller() -> None:
    watch = monitor()
    watch.observe(Decimal(8_900), NOON, confirmed=True)
    watch.transfer(Decimal(100_000))
    assert watch.observe(Decimal(108_900), NOON, confirmed=True).level is Level.HARD


def test_an_account_emptied_and_filled_again_starts_from_its_new_money() -> None:
    watch = monitor()
    watch.transfer(Decimal(-10_000))
    empty_account = watch.observe(Decimal(0), NOON, confirmed=True)
    assert (empty_account.drawdown_pct, empty_account.level) == (Decimal("0.00"), Level.OK)
    watch.transfer(Decimal(500))
    assert watch.observe(Decimal(475), NOON, confirmed=True).drawdown_pct == Decimal("-5.00")


def test_a_fund_in_debt_reads_a_whole_loss_whatever_is_moved() -> None:
    watch = monitor(1)
    assert watch.observe(Decimal(-500), NOON, confirmed=True).level is Level.HARD
    watch.transfer(Decimal(-1))
    assert watch.observe(Decimal(-501), NOON, confirmed=True).drawdown_pct == Decimal("-100.00")
    watch.transfer(Decimal(2_000))
    assert watch.observe(Decimal(1_499), NOON, confirmed=True).level is Level.HARD


@quick
@given(st.integers(0, 10**8), st.integers(-(10**17), 10**17))
def test_no_reading_overflows(start: int, equity: int) -> None:
    state = watching(start)
    read(state, equity)
    assert 0 <= state["drawdown_bps"] <= 1_000_000
    assert (state["day_bps"] < 0) <= (equity < start)
    assert (state["drawdown_bps"] > 0) <= (equity < start)


def test_a_day_begins_at_midnight_utc_from_the_equity_before_it() -> None:
    state, midnight = watching(10_000 * COIN), 20_001 * DAY_MS
    read(state, 9_800 * COIN, midnight - 1)
    assert (state["day_bps"], state["day_start"]) == (-200, 10_000 * COIN)
    read(state, 9_751 * COIN, midnight)
    assert (state["day_bps"], state["day_start"], state["day"]) == (-50, 9_800 * COIN, 20_001)
    assert state["peak"] == 10_000 * COIN
    read(state, 9_751 * COIN, midnight - 1)
    assert state["day"] == 20_001


def test_a_bad_tick_at_midnight_is_not_where_the_day_begins() -> None:
    for bad in (20_000, 1):
        state, midnight = watching(10_000 * COIN), 20_001 * DAY_MS
        read(state, bad * COIN, midnight - 1, confirmed=False)
        read(state, 9_900 * COIN, midnight)
        assert (state["day_start"], state["day_bps"]) == (10_000 * COIN, -100)


def test_beginning_again_forgets_everything() -> None:
    state = watching(10_000 * COIN)
    read(state, 8_000 * COIN)
    read(state, 8_000 * COIN, confirmed=False)
    drawdown.begin(state, 8_000 * COIN, NOON)
    assert state.tobytes() == watching(8_000 * COIN).tobytes()
    assert read(state, 1 * COIN, confirmed=False) == Level.OK


@pytest.mark.requirement("P0-07")
@pytest.mark.p0_patches
@quick
@given(paths, st.lists(st.booleans(), min_size=12, max_size=12))
def test_peaks_survive_a_restart(path: list[int], confirmed: list[bool]) -> None:
    one, two = monitor(), monitor(7)
    for equity, sure in zip(path, confirmed, strict=False):
        one.observe(Decimal(equity) / COIN, NOON, confirmed=sure)
    two.restore(one.state_bytes())
    assert two.state_bytes() == one.state_bytes()
    later = Decimal(path[0]) / COIN
    assert one.observe(later, NOON + DAY_MS, confirmed=False) == two.observe(later, NOON + DAY_MS, confirmed=False)


def test_half_a_state_is_refused() -> None:
    watch = monitor()
    with pytest.raises(Invalid, match=r"a drawdown state has \d+ bytes, was \d+"):
        watch.restore(watch.state_bytes()[:-1])


def test_a_reading_says_how_deep_to_two_places() -> None:
    watch = monitor("0.00000003")
    reading = watch.observe(Decimal("0.00000002"), NOON, confirmed=True)
    assert reading.drawdown_pct == Decimal("-33.33")
    assert watch.observe(Decimal(5), NOON, confirmed=False).drawdown_pct == Decimal("-33.33")


def test_state_is_packed_little_endian_whatever_machine_wrote_it() -> None:
    raw = np.frombuffer(monitor().state_bytes(), dtype="<i8", count=4)
    assert raw.tolist() == [20_000, *3 * [10_000 * COIN]]
