import numpy as np
import pytest

from qt_ray.core.errors import Invalid
from qt_ray.engine.run import Run
from qt_ray.market.regime import Regime
from qt_ray.monitoring.breakdown import by_regime
from qt_ray.monitoring.decisions import blocks_by_rule, wishes, worst_decisions
from qt_ray.monitoring.emergencies import emergencies_of
from qt_ray.monitoring.trips import trips_of
from qt_ray.risk.ess import Cause
from qt_ray.risk.reasons import Reason
from tests.unit.monitoring.runs import UNIT, bars_of, bind, make_run

pytestmark = pytest.mark.unit


def test_a_rule_is_counted_where_it_bound_and_where_it_was_tightest() -> None:
    def mark(_: np.ndarray, table: np.ndarray) -> None:
        table["wish"] = table["granted"] = 100
        bind(table[0, 0], 50, Reason.CORRELATION, Reason.MARGIN)
        bind(table[1, 0], 0, Reason.MARGIN)
        bind(table[2, 1], 20, Reason.CORRELATION)
        table[3, 1]["bound"] = 1 << Reason.PRECISION

    run = make_run(bars_of([100.0] * 5, [50.0] * 5), {}, mark=mark)
    rows = {block.reason: block for block in blocks_by_rule(run)}
    assert [*rows] == [Reason.CORRELATION, Reason.MARGIN, Reason.PRECISION]
    correlation, margin, precision = rows.values()
    assert (correlation.bound, correlation.binding, correlation.refused) == (2, 2, 0)
    assert correlation.cut == pytest.approx((0.5 + 0.8) / 2)
    assert (margin.bound, margin.binding, margin.refused, margin.cut) == (2, 1, 1, 1.0)
    assert (precision.bound, precision.binding, precision.cut) == (1, 0, 0.0)
    assert wishes(run) == 10


def test_a_wish_turned_the_other_way_was_lost_whole() -> None:
    def mark(_: np.ndarray, table: np.ndarray) -> None:
        table[0, 0]["wish"] = -100
        bind(table[0, 0], 40, Reason.KILL_SWITCH)

    (block,) = blocks_by_rule(make_run(bars_of([100.0] * 2), {}, mark=mark))
    assert block.cut == 1.0


def losing_run() -> Run:
    def mark(_: np.ndarray, table: np.ndarray) -> None:
        table["regime"][:2] = Regime.HIGH
        table[0, 0]["score"], table[0, 0]["confidence"], table[0, 0]["agreement"] = 0.5, 0.75, 3
        table[0, 0]["bound"] = 1 << Reason.LIQUIDITY | 1 << Reason.MARGIN
        table[0, 0]["binding"] = Reason.LIQUIDITY

    targets = {0: {0: 1000}, 2: {0: 0}, 3: {0: 1000}, 4: {0: 0}}
    return make_run(bars_of([100.0, 100.0, 90.0, 90.0, 85.0, 85.0]), targets, mark=mark)


def test_the_worst_decision_comes_with_what_was_thought() -> None:
    run = losing_run()
    first, second = worst_decisions(run, trips_of(run))
    assert (first.net, second.net) == (-10 * UNIT, -5 * UNIT)
    assert first.opinion is not None
    assert first.opinion.ts == run.cycles["ts"][0]
    assert (first.opinion.score, first.opinion.confidence, first.opinion.agreement) == (0.5, 0.75, 3)
    assert (first.opinion.regime, first.opinion.binding) == ("high", Reason.LIQUIDITY)
    assert first.opinion.bound == (Reason.LIQUIDITY, Reason.MARGIN)


def test_only_losers_are_regretted_and_a_lost_record_is_said_to_be_lost() -> None:
    bars = bars_of([100.0, 100.0, 100.0, 90.0, 90.0, 90.0])
    run = make_run(bars, {0: {0: 1000}, 3: {0: -1000}, 4: {0: 0}})
    (regret,) = worst_decisions(run, trips_of(run))
    assert regret.opinion is not None
    assert regret.opinion.wish == 1000
    run.fills["decided"] = -1
    (lost,) = worst_decisions(run, trips_of(run))
    assert lost.opinion is None


def test_trips_belong_to_the_regime_they_were_decided_in() -> None:
    run = losing_run()
    groups = {group.name: group for group in by_regime(run, trips_of(run))}
    assert {name: group.stats.trips for name, group in groups.items()} == {"normal": 1, "high": 1}
    assert groups["high"].share == pytest.approx(2 / 6)


def test_decisions_are_one_per_cycle_and_symbol() -> None:
    run = losing_run()
    object.__setattr__(run, "decisions", run.decisions[:-1])
    with pytest.raises(Invalid, match="6 x 1, was 5"):
        worst_decisions(run, trips_of(run))


def test_an_emergency_lasts_until_it_is_reset() -> None:
    def mark(cycles: np.ndarray, _: np.ndarray) -> None:
        cycles["tripped_by"] = [0, 0, 3, 3, 0, 1]
        cycles["drawdown_bps"] = [0, 0, 1012, 900, 0, 600]

    run = make_run(bars_of([100.0] * 6), {}, mark=mark)
    first, second = emergencies_of(run)
    names = [cause.value.replace("_", " ") for cause in Cause]
    ts = run.cycles["ts"]
    assert (first.trigger, first.ts, first.until_ms, first.drawdown_bps) == (names[2], ts[2], ts[4], 1012)
    assert (second.trigger, second.ts, second.until_ms) == (names[0], ts[5], None)
