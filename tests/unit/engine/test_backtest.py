"""Backtest: one run whatever the block, nothing known before its time, every unit of money accounted for."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.backtest import agrees, market
from benchmarks.fund import fund as benchmark_fund
from benchmarks.market import quantities
from benchmarks.reference import ema_cross
from qt_ray.ai.baselines import EmaCross, baseline
from qt_ray.ai.members.member import Silence
from qt_ray.core.errors import Invalid
from qt_ray.core.money import money
from qt_ray.core.records import digest_of
from qt_ray.engine.backtest import run_backtest
from qt_ray.engine.rows import Action
from qt_ray.engine.run import Run
from qt_ray.execution.exits import BY_REGIME, ExitPlan
from qt_ray.market.bars import Bars
from qt_ray.market.regime import Regime
from qt_ray.risk.reasons import Reason
from tests.unit.ai.ensemble.living import living
from tests.unit.engine.funds import candles, fund, lively, still, told, wide_policy

pytestmark = pytest.mark.unit

BARS, SETUP = lively()


def run(bars: Bars = BARS, kind: str = "trend", block: int = 8_192) -> Run:
    return run_backtest(replace(SETUP), bars, baseline(kind, len(bars.symbols), {}), block)


@pytest.fixture(scope="module")
def whole() -> Run:
    return run()


@pytest.fixture(scope="module")
def heard() -> Run:
    return run_backtest(SETUP, BARS.window(0, 600), living(BARS.symbols))


@settings(max_examples=8, deadline=None)
@given(block=st.integers(1, 2_000))
def test_the_size_of_blocks_changes_no_digest(whole: Run, block: int) -> None:
    assert run(block=block).digests == whole.digests


def test_the_same_run_twice_is_the_same_run(whole: Run) -> None:
    assert run().digests == whole.digests


@settings(max_examples=5, deadline=None)
@given(block=st.integers(1, 700))
def test_votes_are_kept_whole_whatever_the_blocks(heard: Run, block: int) -> None:
    again = run_backtest(SETUP, BARS.window(0, 600), living(BARS.symbols), block)
    assert again.digests == heard.digests
    assert again.votes.tobytes() == heard.votes.tobytes()


def test_a_run_of_an_ensemble_has_a_row_of_votes_for_every_decision(heard: Run) -> None:
    assert heard.votes.shape == (*heard.decisions.shape, 4)
    assert heard.outlook.shape == heard.decisions.shape
    assert heard.digests["votes"] == digest_of(heard.votes)
    assert heard.digests["outlook"] == digest_of(heard.outlook)
    assert (heard.votes["silence"] == Silence.SPOKE).any(axis=(0, 1)).all()
    assert len(heard.fills) > 10


def test_a_run_in_which_nobody_votes_has_no_votes_and_no_digest_of_any(whole: Run) -> None:
    assert whole.ballot is None
    assert len(whole.votes) == len(whole.outlook) == 0
    assert not {"votes", "outlook"} & whole.digests.keys()


def test_another_seed_is_another_run(whole: Run) -> None:
    bars, setup = lively(seed=6)
    other = run_backtest(setup, bars, baseline("trend", 3, {}))
    assert other.digests["decisions"] != whole.digests["decisions"]


@pytest.mark.parametrize("kind", ["trend", "mean_reversion", "ema_cross"])
def test_changing_the_future_changes_nothing_before_it(kind: str) -> None:
    before, at = run(kind=kind), 900
    columns = {name: getattr(BARS, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for name in ("open", "high", "low", "close"):
        columns[name][at:] *= 1.5
    columns["volume"][at:] *= 3.0
    after = run(replace(BARS, **columns), kind)
    assert before.decisions[:at].tobytes() == after.decisions[:at].tobytes()
    assert before.cycles[:at].tobytes() == after.cycles[:at].tobytes()
    assert before.decisions[at:].tobytes() != after.decisions[at:].tobytes()


@pytest.mark.parametrize("kind", ["trend", "ema_cross"])
def test_the_wallet_ties_to_the_unit_in_every_cycle(kind: str) -> None:
    """SPEC 4, positions and PnL: realised, fees, funding and transfers in one ledger."""
    result = run(kind=kind)
    rows = result.cycles
    ties = result.initial + rows["transfers"] + rows["realised"] - rows["fees"] + rows["funding"]
    assert len(result.fills) > 50
    assert (rows["wallet"] == ties).all()


def test_fills_add_up_to_positions_realised_and_fees(whole: Run) -> None:
    fills = whole.fills
    assert fills["realised"].sum() == whole.cycles["realised"][-1]
    assert fills["fee"].sum() == whole.cycles["fees"][-1]
    for symbol in range(3):
        own = fills[fills["symbol"] == symbol]
        assert (np.cumsum(own["quantity"]) == own["position"]).all()


def test_equity_is_the_wallet_and_what_the_positions_would_bring(whole: Run) -> None:
    position, cost = np.zeros(3, dtype=object), np.zeros(3, dtype=object)
    fills, at = whole.fills, 0
    units = [int(i.unit_exact) for i in whole.instruments]
    for t, row in enumerate(whole.cycles):
        while at < len(fills) and fills["ts"][at] < row["ts"]:
            fill = fills[at]
            s, q, price = int(fill["symbol"]), int(fill["quantity"]), int(fill["price"])
            cost[s] += q * price * units[s] + int(fill["realised"])
            position[s] += q
            at += 1
        worth = 0
        for s, instrument in enumerate(whole.instruments):
            mark = BARS.close if BARS.mark is None else BARS.mark
            worth += position[s] * instrument.ticks(Decimal(repr(float(mark[t, s])))) * units[s] - cost[s]
        assert row["equity"] == row["wallet"] + worth


def test_no_decision_grants_more_than_was_wished_and_every_refusal_has_a_reason(whole: Run) -> None:
    """SPEC law 4: risk only shrinks."""
    rows = whole.decisions
    wish, granted = rows["wish"], rows["granted"]
    entered = np.isin(rows["action"], [Action.ENTER, Action.ADD, Action.FLIP])
    assert entered.any()
    assert (np.abs(granted[entered]) <= np.abs(wish[entered])).all()
    assert (np.sign(granted[entered]) == np.sign(wish[entered])).all()
    refused = rows["action"] == Action.REFUSED
    assert (rows["binding"][refused] != Reason.NONE).all()


def test_order_numbers_only_rise_and_belong_to_one_symbol(whole: Run) -> None:
    fills = whole.fills
    for number in np.unique(fills["order"]):
        assert len(np.unique(fills["symbol"][fills["order"] == number])) == 1
    assert (fills["order"] > 0).all()


@pytest.mark.parametrize(("symbols", "count"), [(1, 20_000), (5, 4_000)])
def test_fills_and_money_equal_the_independent_reference_loop(symbols: int, count: int) -> None:
    bars, instruments = market(symbols, count)
    amounts = quantities(bars, instruments)
    ours = run_backtest(benchmark_fund(instruments, amounts), bars, EmaCross(symbols))
    reference = ema_cross(bars, instruments, amounts)
    assert agrees(ours, reference)
    assert ours.cycles["realised"][-1] == money(reference.realised)
    assert ours.cycles["fees"][-1] == money(reference.fees)


def test_a_symbol_without_a_bar_is_left_alone_and_keeps_its_last_mark() -> None:
    rows = [*still(40), (float("nan"),) * 4, *still(3, 120.0)]
    result = told(fund(), candles(rows), [float("nan")] * 38 + [1.0] * 6)
    gap = 40
    assert result.decisions["wish"][38, 0] == 1_000
    assert result.fills["ts"][0] == result.cycles["ts"][38]
    assert result.cycles["equity"][gap] == result.cycles["equity"][gap - 1]


def test_no_entry_is_granted_on_a_missing_bar() -> None:
    """FAULTS control 23: the staleness gate."""
    rows = [*still(40), (float("nan"),) * 4, *still(3)]
    result = told(fund(), candles(rows), [float("nan")] * 40 + [1.0, float("nan"), float("nan"), float("nan")])
    assert result.decisions["binding"][40, 0] == Reason.PRICE_INVALID
    assert result.decisions["bound"][40, 0] >> Reason.PRICE_STALE & 1
    assert len(result.fills) == 0


def test_bars_of_other_symbols_are_refused_in_one_line() -> None:
    with pytest.raises(Invalid, match="the bars' symbols are the instruments', were SYM0USDT"):
        run_backtest(fund(), BARS, baseline("trend", 3, {}))


def test_an_empty_history_is_refused() -> None:
    with pytest.raises(Invalid, match="at least one bar"):
        run_backtest(fund(), candles(still(3)).window(0, 0), baseline("ema_cross", 1, {}))


def test_no_wish_means_no_order_and_no_change_of_money() -> None:
    result = told(fund(), candles(still(50)), [])
    assert len(result.fills) == 0
    assert (result.cycles["equity"] == result.initial).all()


def test_a_working_entry_counts_once_against_the_limits_of_its_own_symbol() -> None:
    """FAULTS control 10: exposure counts what is in flight, and no symbol is its own neighbour."""
    bars = candles([*still(40), *still(12)])
    volume = bars.volume.copy()
    volume[40:] = 4.0
    exposure = ("gross", "net", "cluster", "symbol")
    tight = wide_policy(**{f"{name}_exposure_max_bps": 10_000 for name in exposure})
    levels = replace(BY_REGIME[Regime.NORMAL], stop_atr=Decimal(5), hours_max=500, trail_atr=Decimal(0))
    setup = fund("95", policy=tight, exits=ExitPlan.by_regime(dict.fromkeys(Regime, levels)))
    run = told(setup, replace(bars, volume=volume), [float("nan")] * 39 + [1.0] * 13)
    assert run.decisions["granted"][39:, 0].tolist() == [95_000] * 13
    assert len(set(run.fills["order"].tolist())) == 1
