import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.execution.fills import Cause
from qt_ray.monitoring.breakdown import by_symbol, trip_stats
from qt_ray.monitoring.trips import exact_sum, notionals_of, slippage_of, trips_of
from tests.unit.monitoring.runs import UNIT, bars_of, make_run

pytestmark = pytest.mark.unit

ROWS = 12
prices = st.lists(st.integers(50, 200).map(float), min_size=ROWS, max_size=ROWS)
wishes = st.dictionaries(
    st.integers(0, ROWS - 2), st.dictionaries(st.integers(0, 1), st.integers(-5, 5).map(lambda n: n * 100))
)


@settings(max_examples=60)
@given(prices, prices, wishes)
def test_trips_sum_to_the_ledger_to_the_last_unit(a: list[float], b: list[float], targets: dict) -> None:
    run = make_run(bars_of(a, b), targets, fee_ppm=457, spread_ticks=3)
    trips, last = trips_of(run), run.cycles[-1]
    assert exact_sum(trips["realised"]) == last["realised"]
    assert exact_sum(trips["fees"]) == last["fees"]
    assert exact_sum(trips["slippage"]) == last["slippage"]
    assert (trips["exit_quantity"] <= trips["quantity"]).all()
    assert ((trips["closed"] > 0) == (trips["exit_quantity"] == trips["quantity"])).all()


@settings(max_examples=60)
@given(prices, prices, wishes)
def test_symbols_and_what_only_the_account_books_make_its_net(a: list[float], b: list[float], targets: dict) -> None:
    run = make_run(bars_of(a, b), targets, fee_ppm=457, spread_ticks=3, funding={3: -7 * UNIT})
    rows = by_symbol(run, trips_of(run))
    last = run.cycles[-1]
    gross = exact_sum(trips_of(run)["realised"]) + sum(row.open_result or 0 for row in rows)
    assert gross - int(last["fees"]) + int(last["funding"]) == int(last["equity"]) - run.initial


@pytest.mark.requirement("S3 TradeLifecycle")
def test_a_round_trip_runs_from_flat_to_flat() -> None:
    run = make_run(bars_of([100.0, 100.0, 110.0, 120.0, 120.0]), {0: {0: 1000}, 1: {0: 2000}, 3: {0: 0}})
    (trip,) = trips_of(run)
    assert (trip["side"], trip["quantity"], trip["fills"]) == (1, 2000, 3)
    assert trip["entry_value"] / trip["quantity"] == 10_000
    assert trip["exit_value"] / trip["exit_quantity"] == 12_000
    assert trip["realised"] == 40 * UNIT
    assert (trip["opened"], trip["closed"], trip["decided"]) == (run.bars.ts[1], run.bars.ts[4], 0)


def test_a_flip_ends_one_trip_and_begins_the_next() -> None:
    bars = bars_of([100.0, 100.0, 110.0, 110.0, 99.0])
    run = make_run(bars, {0: {0: 1000}, 2: {0: -3000}}, fee_ppm=1000)
    long, short = trips_of(run)
    assert (long["side"], long["realised"], long["closed"]) == (1, 10 * UNIT, bars.ts[3])
    assert (short["side"], short["quantity"], short["closed"]) == (-1, 3000, 0)
    flip_fee = 4 * 110 * UNIT // 1000
    assert long["fees"] == 100 * UNIT // 1000 + flip_fee // 4
    assert short["fees"] == flip_fee - flip_fee // 4
    assert (long["fills"], short["fills"]) == (2, 1)


def test_the_cause_of_a_trip_is_what_closed_it() -> None:
    run = make_run(bars_of([100.0, 100.0, 90.0, 90.0]), {0: {0: 10}, 2: {0: 0}}, causes={(3, 0): Cause.LIQUIDATION})
    (trip,) = trips_of(run)
    assert trip["cause"] == Cause.LIQUIDATION


def test_statistics_of_trips_count_what_was_won_and_lost() -> None:
    closes = [100.0, 100.0, 110.0, 110.0, 105.0, 105.0, 105.0]
    run = make_run(bars_of(closes), {0: {0: 1000}, 2: {0: -2000}, 4: {0: 1000}, 5: {0: 0}})
    stats = trip_stats(trips_of(run))
    assert (stats.trips, stats.wins, stats.losses) == (3, 2, 0)
    assert (stats.won, stats.lost, stats.net) == (20 * UNIT, 0, 20 * UNIT)
    assert stats.win_rate == pytest.approx(2 / 3)
    assert np.isnan(stats.profit_factor)
    assert stats.expectancy == pytest.approx(20 * UNIT / 3)


def test_losing_streaks_follow_the_order_of_closing() -> None:
    closes = [100.0, 100.0, 90.0, 90.0, 80.0, 80.0, 90.0, 90.0]
    targets = {0: {0: 10}, 2: {0: 0}, 3: {0: 10}, 4: {0: 0}, 5: {0: 10}, 6: {0: 0}}
    stats = trip_stats(trips_of(make_run(bars_of(closes), targets)))
    assert (stats.trips, stats.wins, stats.losses, stats.losing_streak) == (3, 1, 2, 2)


def test_no_fills_are_no_trips() -> None:
    run = make_run(bars_of([100.0, 101.0]), {})
    stats = trip_stats(trips_of(run))
    assert stats.trips == stats.net == 0
    assert np.isnan([stats.win_rate, stats.profit_factor, stats.expectancy, stats.payoff, stats.hold_ms]).all()


def test_fills_that_do_not_add_up_are_refused_by_name() -> None:
    run = make_run(bars_of([100.0] * 4), {0: {0: 10}, 1: {0: 0}})
    run.fills["position"][1] = 5
    with pytest.raises(Invalid, match=r"S0USDT order 2: 10 \+ -10 was 5"):
        trips_of(run)


def test_slippage_is_the_price_against_arrival_and_costs_are_positive() -> None:
    run = make_run(bars_of([100.0] * 4), {0: {0: 1000}, 1: {0: -1000}}, spread_ticks=5)
    assert slippage_of(run.fills, run.instruments).tolist() == [UNIT // 20, UNIT // 10]
    assert notionals_of(run.fills, run.instruments).tolist() == [int(100.05 * UNIT), int(199.9 * UNIT)]


@given(st.lists(st.integers(-(2**62), 2**62), max_size=30))
def test_an_exact_sum_may_leave_sixty_four_bits(terms: list[int]) -> None:
    assert exact_sum(np.array(terms, dtype=np.int64)) == sum(terms)
