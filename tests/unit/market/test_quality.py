import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.market.columns import FIELDS, Columns
from qt_ray.market.quality import inspect
from qt_ray.market.quality_gate import QualityGate, rows
from qt_ray.market.quality_report import Inspected
from qt_ray.market.quality_rules import RULES, Fate, Rule

pytestmark = pytest.mark.unit

MINUTE = 60_000
START = 1_700_000_000_000 // MINUTE * MINUTE


def walk(count: int, seed: int = 1, sigma: float = 4e-4) -> Columns:
    chance = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(chance.normal(0, sigma, count)))
    open_ = np.concatenate(([100.0], close[:-1]))
    spread = 1 + np.abs(chance.normal(0, sigma, count))
    high, low = np.maximum(open_, close) * spread, np.minimum(open_, close) / spread
    volume = chance.lognormal(3, 0.5, count)
    return Columns(START + np.arange(count) * MINUTE, open_, high, low, close, volume)


def with_cell(columns: Columns, field: str, row: int, value: float) -> Columns:
    cells = columns.present[field].copy()
    cells[row] = value
    return replace(columns, **{field: cells})


def shifted(columns: Columns, rows_: slice, factor: float, volume: float = 1.0) -> Columns:
    changed = {name: columns.present[name].copy() for name in FIELDS[:5]}
    for name in FIELDS[:4]:
        changed[name][rows_] *= factor
    changed["volume"][rows_] *= volume
    return replace(columns, **changed)


def rules(result: Inspected) -> dict[Rule, int]:
    return {finding.rule: finding.count for finding in result.report.findings}


def test_a_sound_series_passes_unchanged() -> None:
    table = walk(500)
    result = inspect(table, MINUTE)
    assert result.report.passed
    assert rules(result) == {}
    for name, column in table.present.items():
        np.testing.assert_array_equal(getattr(result.clean, name), column)


dirt = st.lists(
    st.tuples(
        st.sampled_from(["nan", "zero", "negative", "inf", "high", "copy", "conflict", "late", "off", "volume"]),
        st.integers(0, 199),
    ),
    max_size=12,
)


def soiled(table: Columns, dirt_: list[tuple[str, int]]) -> Columns:
    cells = {name: column.copy() for name, column in table.present.items()}
    ts = table.ts.copy()
    for kind, row in dirt_:
        match kind:
            case "nan" | "inf" | "zero" | "negative":
                bad = {"nan": math.nan, "inf": math.inf, "zero": 0.0, "negative": -1.0}
                cells["close"][row] = bad[kind]
            case "high":
                cells["high"][row] = cells["low"][row] / 2
            case "volume":
                cells["volume"][row] = -1.0
            case "off":
                ts[row] += 1
            case "late":
                order = np.r_[np.delete(np.arange(len(ts)), row), row]
                ts, cells = ts[order], {name: column[order] for name, column in cells.items()}
            case _:
                again = np.r_[np.arange(len(ts)), row]
                ts, cells = ts[again], {name: column[again] for name, column in cells.items()}
                if kind == "conflict":
                    cells["volume"][-1] += 1.0
    return Columns(ts, **cells)


@settings(max_examples=60, deadline=None)
@given(dirt)
def test_every_row_ends_clean_quarantined_or_as_a_counted_copy(dirt_: list[tuple[str, int]]) -> None:
    table = soiled(walk(200), dirt_)
    result = inspect(table, MINUTE)
    report = result.report
    assert report.rows == report.clean + report.quarantined + report.dropped
    assert len(result.clean) == report.clean
    assert len(result.quarantined) == report.quarantined == len(result.reasons)
    assert all(RULES[rule][0] is Fate.QUARANTINED for rule in result.reasons)


@settings(max_examples=60, deadline=None)
@given(dirt)
def test_the_clean_table_is_sorted_on_the_grid_possible_and_untouched(dirt_: list[tuple[str, int]]) -> None:
    table = soiled(walk(200), dirt_)
    clean = inspect(table, MINUTE).clean
    assert (np.diff(clean.ts) > 0).all()
    assert (clean.ts % MINUTE == 0).all()
    assert (clean.low > 0).all()
    assert (clean.high >= np.maximum(clean.open, clean.close)).all()
    told = {tuple(row) for row in np.column_stack([table.ts, *table.present.values()])}
    assert all(tuple(row) in told for row in np.column_stack([clean.ts, *clean.present.values()]))


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(40)))
def test_the_order_of_rows_changes_only_the_count_of_disorder(order: list[int]) -> None:
    table = walk(40)
    result = inspect(table.take(np.array(order)), MINUTE)
    np.testing.assert_array_equal(result.clean.close, table.close)
    assert set(rules(result)) <= {Rule.OUT_OF_ORDER, Rule.NEWEST_FIRST}


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("close", math.nan, Rule.PRICE_MISSING),
        ("open", math.inf, Rule.PRICE_MISSING),
        ("low", 0.0, Rule.PRICE_NOT_POSITIVE),
        ("low", -5.0, Rule.PRICE_NOT_POSITIVE),
        ("high", 1.0, Rule.PRICE_IMPOSSIBLE),
        ("low", 1e6, Rule.PRICE_IMPOSSIBLE),
        ("volume", math.nan, Rule.VOLUME_MISSING),
        ("volume", -0.1, Rule.VOLUME_NEGATIVE),
    ],
)
def test_an_impossible_bar_is_kept_out_and_named_by_its_row(field: str, value: float, rule: Rule) -> None:
    result = inspect(with_cell(walk(50), field, 20, value), MINUTE)
    assert result.reasons == (rule,)
    assert result.quarantined_rows.tolist() == [21]
    assert rules(result) == {rule: 1, Rule.GAP: 1}
    assert not result.report.passed


def test_a_gap_is_counted_and_never_filled() -> None:
    table = walk(300)
    keep = np.r_[0:100, 110:200, 201:300]
    result = inspect(table.take(keep), MINUTE)
    assert result.report.missing == 11
    assert len(result.clean) == 289
    (gap,) = result.report.findings
    assert gap.first_ts == table.ts[110]
    assert gap.detail.startswith("2 gaps, longest 10 bars")


def test_an_identical_copy_is_dropped_and_a_contradiction_keeps_both_out() -> None:
    table = walk(50)
    copied = table.take(np.r_[0:50, 10])
    assert rules(inspect(copied, MINUTE)) == {Rule.OUT_OF_ORDER: 1, Rule.DUPLICATE: 1}
    result = inspect(with_cell(copied, "close", 50, 100.0), MINUTE)
    assert result.quarantined_rows.tolist() == [11, 51]
    assert result.report.of(Rule.CONFLICT) == 2
    assert table.ts[10] not in result.clean.ts


def test_a_file_that_runs_newest_first_is_turned_round_and_says_so() -> None:
    table = walk(50)
    result = inspect(table.take(slice(None, None, -1)), MINUTE)
    np.testing.assert_array_equal(result.clean.close, table.close)
    assert rules(result) == {Rule.NEWEST_FIRST: 50}


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 10.0, 1000.0])
def test_a_bar_that_leaps_and_reverts_is_kept_out(factor: float) -> None:
    result = inspect(shifted(walk(300), slice(200, 201), factor), MINUTE)
    assert result.reasons == (Rule.OUTLIER,)
    assert result.quarantined_rows.tolist() == [201]


@pytest.mark.parametrize("move", [-0.4, -0.1, 0.25])
def test_a_crash_that_stays_is_only_flagged(move: float) -> None:
    table = shifted(walk(300), slice(200, None), 1 + move)
    opens = table.open.copy()
    opens[200] = table.close[199]
    table = replace(table, open=opens, high=np.maximum(table.high, opens), low=np.minimum(table.low, opens))
    result = inspect(table, MINUTE)
    assert result.report.passed
    assert rules(result)[Rule.JUMP] == 1
    assert len(result.clean) == 300


def test_a_crash_that_trades_its_way_back_is_only_flagged() -> None:
    table = shifted(walk(300), slice(200, 201), 0.9)
    opens = table.open.copy()
    opens[200], opens[201] = table.close[199], table.close[200]
    table = replace(table, open=opens, high=np.maximum(table.high, opens), low=np.minimum(table.low, opens))
    result = inspect(table, MINUTE)
    assert result.reasons == ()
    assert result.report.of(Rule.JUMP) == 2


def test_a_dead_market_is_flagged_and_a_repeated_bar_is_doubted() -> None:
    table = walk(100)
    idle = {name: table.present[name].copy() for name in FIELDS[:5]}
    for name in FIELDS[:4]:
        idle[name][50:60] = table.close[49]
        idle[name][60:] *= 1.0
    idle["volume"][50:60] = 0.0
    dead = inspect(replace(table, **idle), MINUTE)
    assert dead.report.of(Rule.VOLUME_ZERO) == 10
    assert dead.report.of(Rule.FROZEN) == 0
    idle["volume"][50:60] = 7.0
    frozen = inspect(replace(table, **idle), MINUTE)
    assert frozen.report.of(Rule.FROZEN) == 10
    assert not frozen.report.passed


def test_another_market_at_the_end_of_a_file_is_doubted_where_it_begins() -> None:
    table = walk(800)
    rounded = {name: np.round(table.present[name], 1) for name in FIELDS[:4]}
    rounded["high"] += 0.1
    rounded["low"] -= 0.1
    rounded["open"][1:] = rounded["close"][:-1]
    tail = {name: np.round(rounded[name] * 1.004 + 0.01, 2) for name in FIELDS[:4]}
    tail["open"][501:] = tail["close"][500:-1]
    spliced = {name: np.where(np.arange(800) < 500, rounded[name], tail[name]) for name in FIELDS[:4]}
    volume = np.where(np.arange(800) < 500, table.volume, table.volume / 10)
    result = inspect(replace(table, **spliced, volume=volume), MINUTE)
    (finding,) = (found for found in result.report.findings if found.rule is Rule.SPLICE)
    assert finding.first_row == 501
    assert "volume scale changes" in finding.detail


def test_a_unit_that_switches_is_doubted() -> None:
    result = inspect(shifted(walk(400), slice(200, None), 1000.0), MINUTE)
    assert result.report.of(Rule.SPLICE) == 1
    assert not result.report.passed


def test_prices_off_the_tick_are_doubted_when_volumes_are_off_the_step_too() -> None:
    table = walk(100)
    findings = inspect(table, MINUTE, tick=0.1, step=0.001).report.findings
    assert [(found.rule, found.fate) for found in findings] == [(Rule.OFF_TICK, Fate.SUSPECT)]
    whole = replace(table, volume=np.ceil(table.volume))
    assert inspect(whole, MINUTE, tick=0.1, step=0.001).report.passed


def test_an_impossible_funding_or_mark_empties_its_cell_and_keeps_the_bar() -> None:
    table = walk(50)
    funding = np.where(np.arange(50) % 10 == 0, 1e-4, np.nan)
    funding[20] = 5.0
    mark = table.close.copy()
    mark[5] = 0.0
    result = inspect(replace(table, funding=funding, mark=mark), MINUTE)
    assert rules(result) == {Rule.FUNDING_IMPOSSIBLE: 1, Rule.MARK_IMPOSSIBLE: 1}
    assert result.clean.funding is not None
    assert np.isnan(result.clean.funding[20])
    assert len(result.clean) == 50


def test_an_empty_table_has_an_empty_report() -> None:
    result = inspect(walk(10).take(slice(0, 0)), MINUTE)
    assert result.report.rows == result.report.clean == 0


def test_an_interval_must_be_positive() -> None:
    with pytest.raises(Invalid, match="interval_ms is positive"):
        inspect(walk(10), 0)
    with pytest.raises(Invalid, match="interval_ms is positive"):
        QualityGate(0)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(40, 190), st.sampled_from([0.5, 0.95, 1.05, 3.0])), max_size=4),
    st.booleans(),
)
def test_stream_and_file_agree_on_what_is_admitted(leaps: list[tuple[int, float]], stays: bool) -> None:
    table = walk(200)
    for row, factor in leaps:
        table = shifted(table, slice(row, None) if stays else slice(row, row + 1), factor)
    gate = QualityGate(MINUTE)
    admitted: list[float] = []
    waiting = None
    for bar in rows(table):
        verdict = gate.admit(bar)
        if verdict.confirmed is not None:
            admitted.append(verdict.confirmed.close)
        waiting = bar if verdict.rule is Rule.OUTLIER else None
        if verdict.admitted:
            admitted.append(bar.close)
    if waiting is not None:
        admitted.append(waiting.close)
    np.testing.assert_array_equal(admitted, inspect(table, MINUTE).clean.close)


def test_a_stream_holds_a_leap_until_the_next_bar_confirms_it() -> None:
    table = shifted(walk(202), slice(200, None), 0.8)
    gate = QualityGate(MINUTE)
    bars = rows(table)
    for bar in bars[:200]:
        assert gate.admit(bar).admitted
    held = gate.admit(bars[200])
    assert (held.admitted, held.rule) == (False, Rule.OUTLIER)
    assert gate.admit(bars[201]).confirmed == bars[200]


def test_a_stream_turns_away_what_is_late_doubled_or_broken() -> None:
    gate = QualityGate(MINUTE)
    bars = rows(walk(10))
    assert gate.admit(bars[5]).admitted
    assert gate.admit(bars[4]).rule is Rule.OUT_OF_ORDER
    assert gate.admit(bars[5]).fate is Fate.DROPPED
    assert gate.admit(replace(bars[5], close=bars[5].close + 1e-9, high=200.0)).rule is Rule.CONFLICT
    assert gate.admit(replace(bars[6], ts=bars[6].ts + 1)).rule is Rule.OFF_GRID
    assert gate.admit(replace(bars[6], low=math.nan)).rule is Rule.PRICE_MISSING
    assert gate.admit(bars[9]).missing == 3
    assert gate.counts == {
        Rule.OUT_OF_ORDER: 1,
        Rule.DUPLICATE: 1,
        Rule.CONFLICT: 1,
        Rule.OFF_GRID: 1,
        Rule.PRICE_MISSING: 1,
        Rule.GAP: 3,
    }


def test_a_stream_that_stands_still_is_frozen_and_one_that_stops_is_stale() -> None:
    gate = QualityGate(MINUTE)
    assert gate.stale(START)
    bars = rows(walk(10))
    verdicts = [gate.admit(replace(bars[0], ts=START + i * MINUTE)) for i in range(6)]
    assert verdicts[4].rule is Rule.FROZEN
    newest = START + 5 * MINUTE
    assert not gate.stale(newest + 3 * MINUTE)
    assert gate.stale(newest + 3 * MINUTE + 1)
