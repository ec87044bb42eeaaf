"""Settle: stops, targets, gaps, funding, partial fills and liquidation, candle by candle."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from qt_ray.ai.baselines import single
from qt_ray.ai.forecast import Forecasts
from qt_ray.ai.forecast import Snapshot as Seen
from qt_ray.core.limits import Modes
from qt_ray.core.money import money
from qt_ray.engine.backtest import run_backtest
from qt_ray.engine.run import Run
from qt_ray.engine.setup import Setup, VenueModel
from qt_ray.execution.exits import ExitPlan, Levels
from qt_ray.execution.fills import Cause
from qt_ray.market.regime import Regime
from qt_ray.risk.reasons import Reason
from tests.unit.engine.funds import FREE, HOUR_MS, NAN, START_MS, candles, contract, fund, still, told, wide_policy

pytestmark = pytest.mark.unit

WARM = 40
LEVELS = Levels(Decimal(2), Decimal(4), Decimal(0), Decimal(0), hours_max=500)
Row = tuple[float, float, float, float]


def protected(levels: Levels = LEVELS, **changes: object) -> Setup:
    return fund(exits=ExitPlan.by_regime(dict.fromkeys(Regime, levels)), **changes)


def long_at_the_warm_bar(setup: Setup, after: list[Row], side: float = 1.0) -> Run:
    """Warm up, wish at the close of the warm-up, then live through `after`; ATR is one, the entry 100."""
    scores = [NAN] * (WARM - 1) + [side] + [NAN] * len(after)
    return told(setup, candles([*still(WARM), *after]), scores)


def prices(run: Run) -> list[Decimal]:
    return [run.instruments[0].price(int(price)) for price in run.fills["price"]]


def test_an_order_decided_at_a_close_fills_at_the_next_open() -> None:
    run = long_at_the_warm_bar(fund(), [(101.0, 102.0, 100.5, 101.5)])
    assert prices(run) == [Decimal("101.0")]
    assert run.fills["decided"][0] == WARM - 1
    assert run.fills["arrival"][0] == 1_000


def test_a_stop_fills_at_its_trigger_when_the_bar_trades_through_it() -> None:
    run = long_at_the_warm_bar(protected(), [(100.0, 100.5, 99.5, 100.0), (100.0, 100.2, 96.0, 97.0)])
    assert run.fills["cause"].tolist() == [Cause.SIGNAL, Cause.STOP]
    assert prices(run) == [Decimal("100.0"), Decimal("98.0")]


def test_a_gap_through_the_stop_fills_at_the_open() -> None:
    """SPEC 4, simulated venue: gap through stops fills at or beyond the open."""
    run = long_at_the_warm_bar(protected(), [(100.0, 100.5, 99.5, 100.0), (90.0, 91.0, 89.0, 90.0)])
    assert prices(run)[-1] == Decimal("90.0")


def test_a_gap_through_a_short_stop_fills_at_the_open() -> None:
    run = long_at_the_warm_bar(protected(), [(100.0, 100.5, 99.5, 100.0), (110.0, 111.0, 109.0, 110.0)], -1.0)
    assert prices(run)[-1] == Decimal("110.0")


def test_when_stop_and_target_lie_in_one_bar_the_stop_came_first() -> None:
    run = long_at_the_warm_bar(protected(), [(100.0, 106.0, 95.0, 100.0)])
    assert run.fills["cause"].tolist() == [Cause.SIGNAL, Cause.STOP]


def test_an_open_beyond_the_target_takes_it() -> None:
    run = long_at_the_warm_bar(protected(), [(100.0, 100.5, 99.5, 100.0), (105.0, 106.0, 95.0, 100.0)])
    assert run.fills["cause"].tolist() == [Cause.SIGNAL, Cause.TAKE_PROFIT]
    assert prices(run)[-1] == Decimal("104.0")
    assert run.fills["maker"][-1] == 1


def test_a_target_that_is_only_touched_does_not_fill() -> None:
    run = long_at_the_warm_bar(protected(), [(100.0, 104.0, 99.5, 100.0)])
    assert run.fills["cause"].tolist() == [Cause.SIGNAL]


def test_a_position_is_protected_in_the_bar_that_opens_it() -> None:
    """SPEC law 9: no position without protection."""
    run = long_at_the_warm_bar(protected(), [(100.0, 100.1, 97.0, 97.5)])
    assert run.fills["cause"].tolist() == [Cause.SIGNAL, Cause.STOP]
    assert run.fills["ts"][0] == run.fills["ts"][1]


def test_a_stop_trails_the_best_price_and_never_falls_back() -> None:
    levels = replace(LEVELS, target_atr=Decimal(50), breakeven_r=Decimal(1), trail_atr=Decimal(2))
    up = [(100.0 + i, 101.2 + i, 99.8 + i, 101.0 + i) for i in range(10)]
    run = long_at_the_warm_bar(protected(levels), [*up, (110.0, 110.1, 100.0, 101.0)])
    assert run.fills["cause"].tolist() == [Cause.SIGNAL, Cause.STOP]
    assert Decimal(106) < prices(run)[-1] < Decimal(110)


@pytest.mark.requirement("S4 Exits")
def test_time_ends_a_position_that_neither_stop_nor_target_reached() -> None:
    levels = replace(LEVELS, hours_max=3)
    run = long_at_the_warm_bar(protected(levels), still(8))
    assert run.fills["cause"].tolist() == [Cause.SIGNAL, Cause.TIME]
    assert run.fills["ts"][1] - run.fills["ts"][0] <= 4 * 3_600_000


def test_a_part_is_taken_first_and_the_rest_later() -> None:
    levels = replace(LEVELS, partial_r=Decimal(1), partial_bps=5_000)
    run = long_at_the_warm_bar(protected(levels), [(100.0, 102.5, 99.5, 102.0), (102.0, 104.5, 101.0, 104.0)])
    assert run.fills["cause"].tolist() == [Cause.SIGNAL, Cause.TAKE_PROFIT, Cause.TAKE_PROFIT]
    assert run.fills["quantity"].tolist() == [1_000, -500, -500]
    assert prices(run) == [Decimal("100.0"), Decimal("102.0"), Decimal("104.0")]


def test_a_view_that_was_stopped_out_is_not_entered_again_until_it_changes() -> None:
    fall = [(100.0, 100.5, 99.5, 100.0), (100.0, 100.2, 96.0, 97.0), *still(3, 97.0)]
    scores = [NAN] * (WARM - 1) + [1.0] * 6
    stopped = told(protected(), candles([*still(WARM), *fall]), scores)
    turned = told(protected(), candles([*still(WARM), *fall]), [*scores[:-3], -1.0, -1.0, -1.0])
    assert stopped.fills["cause"].tolist() == [Cause.SIGNAL, Cause.STOP]
    assert turned.fills["cause"].tolist()[2:] == [Cause.SIGNAL]


def test_funding_is_paid_by_longs_at_the_open_of_its_bar() -> None:
    bars = candles([*still(WARM), *still(3)])
    funding = np.full((len(bars), 1), NAN)
    funding[0], funding[WARM + 1] = 0.0, 0.0005
    scores = [NAN] * (WARM - 1) + [1.0, NAN, NAN, NAN]
    run = told(fund(), replace(bars, funding=funding), scores)
    assert run.cycles["funding"][WARM] == 0
    assert run.cycles["funding"][WARM + 1] == -money(Decimal("0.05"))


def test_shorts_receive_what_longs_pay() -> None:
    bars = candles([*still(WARM), *still(3)])
    funding = np.full((len(bars), 1), NAN)
    funding[0], funding[WARM + 1] = 0.0, 0.0005
    run = told(fund(), replace(bars, funding=funding), [NAN] * (WARM - 1) + [-1.0])
    assert run.cycles["funding"][-1] == money(Decimal("0.05"))


@pytest.mark.requirement("S3 FundingRateFilter")
def test_an_unknown_funding_rate_refuses_every_entry() -> None:
    """SPEC 3, FundingRateFilter: unknown rate, no entry."""
    run = long_at_the_warm_bar(fund(funding_known=False), still(2))
    assert len(run.fills) == 0


def test_nothing_fills_without_volume() -> None:
    bars = candles([*still(WARM), *still(3)])
    volume = bars.volume.copy()
    volume[WARM : WARM + 2] = 0.0
    run = told(fund(), replace(bars, volume=volume), [NAN] * (WARM - 1) + [1.0] * 4)
    assert run.fills["ts"].tolist() == [int(bars.ts[WARM + 2])]


def test_an_order_takes_at_most_its_share_of_the_volume_and_waits_for_the_rest() -> None:
    venue = replace(FREE, participation_max_bps=1_000)
    bars = candles([*still(WARM), *still(12)])
    volume = bars.volume.copy()
    volume[WARM:] = 4.0
    run = told(fund(venue=venue), replace(bars, volume=volume), [NAN] * (WARM - 1) + [1.0] * 13)
    assert run.fills["quantity"].tolist() == [400, 400, 200]
    assert len(set(run.fills["order"].tolist())) == 1


def test_market_orders_pay_spread_and_slippage_rounded_against_us() -> None:
    venue = VenueModel(latency_ms=0, half_spread_bps=Decimal(5), impact_coefficient=Decimal(0))
    run = long_at_the_warm_bar(fund(venue=venue), [(100.0, 101.0, 99.0, 100.0)])
    assert prices(run) == [Decimal("100.1")]
    assert run.cycles["slippage"][-1] == money(Decimal("0.1"))


def test_latency_costs_the_adverse_share_of_the_bar_that_passed() -> None:
    venue = replace(FREE, latency_ms=1_800_000)
    buy = long_at_the_warm_bar(fund(venue=venue), [(100.0, 102.0, 98.0, 100.0)])
    sell = long_at_the_warm_bar(fund(venue=venue), [(100.0, 102.0, 98.0, 100.0)], -1.0)
    assert prices(buy) == [Decimal("101.0")]
    assert prices(sell) == [Decimal("99.0")]
    assert buy.fills["ts"][0] == buy.bars.ts[WARM] + 1_800_000


def test_a_limit_entry_waits_until_the_price_trades_through_it() -> None:
    venue = replace(FREE, entry_limit=True, limit_offset_bps=100)
    scores = [NAN] * (WARM - 1) + [1.0, 1.0, 1.0]
    touched = told(fund(venue=venue), candles([*still(WARM), (100.0, 100.5, 99.0, 100.0)]), scores)
    through = told(fund(venue=venue), candles([*still(WARM), (100.0, 100.5, 98.9, 100.0)]), scores)
    assert len(touched.fills) == 0
    assert prices(through) == [Decimal("99.0")]
    assert through.fills["maker"].tolist() == [1]


def crashed(low: float, quantity: str) -> Run:
    """Hold up to five times equity, then live through a crash so thin that the stop finds no volume."""
    loose = wide_policy(liquidation_distance_min_bps=1, liquidation_distance_atr_min_bps=0)
    bars = candles([*still(WARM), (100.0, 100.5, 99.5, 100.0), (100.0, 100.0, low, 95.0)])
    volume = bars.volume.copy()
    volume[WARM + 1] = 0.0
    setup = protected(quantity=quantity, policy=loose)
    return told(setup, replace(bars, volume=volume), [NAN] * (WARM - 1) + [1.0, NAN, NAN])


def test_a_position_the_margin_cannot_carry_is_taken_away_at_the_extreme() -> None:
    """SPEC 4, paper venue: liquidation."""
    run = crashed(80.5, "480")
    assert run.fills["cause"].tolist() == [Cause.SIGNAL, Cause.LIQUIDATION]
    assert prices(run)[-1] == Decimal("80.5")
    assert run.cycles["liquidated"][-1] == 1
    assert run.cycles["wallet"][-1] >= 0


def test_the_insurance_fund_covers_what_the_wallet_cannot_and_the_ledger_still_ties() -> None:
    last = crashed(70.0, "480").cycles[-1]
    assert last["transfers"] > 0
    assert last["wallet"] == 0
    assert money(Decimal(10_000)) + last["transfers"] + last["realised"] - last["fees"] == last["wallet"]


def test_a_position_the_margin_can_carry_survives_the_same_bar() -> None:
    assert crashed(80.5, "100").fills["cause"].tolist() == [Cause.SIGNAL]


def test_funding_is_settled_on_a_missing_bar_at_the_last_mark() -> None:
    bars = candles([*still(WARM), *still(1), (NAN,) * 4, *still(1)])
    funding = np.full((len(bars), 1), NAN)
    funding[0], funding[WARM + 1] = 0.0, 0.001
    run = told(fund(), replace(bars, funding=funding), [NAN] * (WARM - 1) + [1.0])
    assert run.cycles["funding"][-1] == -money(Decimal("0.1"))


def test_fees_are_the_instruments_maker_or_taker_rate_half_even() -> None:
    run = long_at_the_warm_bar(fund("0.333"), [(100.1, 100.5, 99.5, 100.0)])
    assert run.fills["fee"][0] == money(Decimal("0.333") * Decimal("100.1") * contract().taker_rate)


def test_a_stop_that_found_only_some_volume_goes_on_at_the_next_open() -> None:
    bars = candles([*still(WARM), (100.0, 100.5, 99.5, 100.0), (100.0, 100.2, 96.0, 97.0), (95.0, 96.0, 94.0, 95.0)])
    volume = bars.volume.copy()
    volume[WARM + 1] = 0.4
    run = told(protected(), replace(bars, volume=volume), [NAN] * (WARM - 1) + [1.0, NAN, NAN, NAN])
    assert run.fills["cause"].tolist() == [Cause.SIGNAL, Cause.STOP, Cause.STOP]
    assert run.fills["quantity"].tolist() == [1_000, -400, -600]
    assert prices(run)[1:] == [Decimal("98.0"), Decimal("95.0")]


def test_a_symbol_whose_fill_drifted_from_arrival_rests() -> None:
    """FAULTS control 2: fills more than a share from arrival pause the symbol."""
    setup = fund(policy=wide_policy(slippage_pause_bps=100))
    rows = [*still(WARM), (102.0, 102.5, 101.5, 102.0), *still(4, 102.0)]
    scores = [NAN] * (WARM - 1) + [1.0, 0.0, 1.0, 1.0, 1.0]
    soon = told(setup, candles(rows, interval_ms=60_000), scores)
    later = told(setup, candles(rows), scores)
    assert soon.decisions["binding"][WARM + 1, 0] == Reason.SLIPPAGE_PAUSE
    assert soon.fills["quantity"].tolist() == [1_000, -1_000]
    assert later.fills["quantity"].tolist() == [1_000, -1_000, 1_000]


def test_the_same_side_again_and_again_disables_the_symbol_until_a_person_says_otherwise() -> None:
    """FAULTS control 6: repeated execution throttle."""
    policy = wide_policy(repeat_entries_max=2, repeat_entries_window_ms=86_400_000)
    scores = [NAN] * (WARM - 1) + [1.0, 0.0] * 10
    bars = candles([*still(WARM), *still(20)])
    alone = told(fund(policy=policy), bars, scores)
    tended = told(fund(policy=policy, operator_reset_hours=8), bars, scores)
    refused = alone.decisions["binding"][:, 0] == Reason.REPEATED_EXECUTION
    assert len(alone.fills) == 4
    assert refused.any()
    assert len(tended.fills) > 4


def test_the_most_confident_symbol_is_asked_first_when_there_is_room_for_one() -> None:
    base = candles([*still(WARM), *still(2)])
    pair = ("AAAUSDT", "BBBUSDT")
    doubled = {n: np.repeat(getattr(base, n), 2, axis=1) for n in ("open", "high", "low", "close", "volume")}
    bars = replace(base, symbols=pair, **doubled)
    policy = wide_policy()
    one_place = replace(policy.risk, max_positions=1)
    policy = replace(policy, modes=Modes(NORMAL=one_place))
    setup = fund(policy=policy, instruments=tuple(contract(symbol) for symbol in pair))
    run = run_backtest(setup, bars, Preferring(WARM - 1))
    assert run.decisions["binding"][WARM - 1].tolist() == [Reason.MAX_POSITIONS, Reason.NONE]
    assert run.fills["symbol"].tolist() == [1]


class Preferring:
    """A predictor that wants both of two symbols at one bar, and the second one more."""

    name = "preferring"
    needs: tuple[str, ...] = ()

    def __init__(self, at: int) -> None:
        self._ts = START_MS + at * HOUR_MS

    def predict(self, snapshot: Seen) -> Forecasts:
        score = np.where(snapshot.bars.ts[:, None] == self._ts, 1.0, NAN) * np.ones((1, 2))
        return single(score, np.full_like(score, 0.6) + np.array([[0.0, 0.3]]))
