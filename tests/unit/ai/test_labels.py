from dataclasses import replace
from math import inf, log, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.labels import HORIZON_BARS_MAX, UNKNOWN, Kind, LabelPlan, Labels, label
from qt_ray.core.errors import InvalidConfig
from qt_ray.market.bars import Bars
from qt_ray.market.features.wilder import ATR_WARMUP
from tests.unit.market.feature_bars import FULL, MINUTE_MS, MONDAY_MS, features, rows_of, walk, with_gaps

pytestmark = pytest.mark.unit

seeds = st.integers(0, 2**32 - 1)


def still(rows: int) -> Bars:
    """Return one symbol whose price stands at 100 and whose bars reach from 99 to 101, so that ATR is 2."""
    price = np.full((rows, 1), 100.0)
    ts = MONDAY_MS + MINUTE_MS * np.arange(rows, dtype=np.int64)
    return Bars(("S0",), MINUTE_MS, ts, price, price + 1.0, price - 1.0, price.copy(), np.ones((rows, 1)))


def then(*bars: tuple[float, float, float]) -> tuple[Labels, int]:
    """Return the labels of a still market that goes on with `bars` of high, low, close, and its last still row."""
    quiet = still(20)
    high, low, close = (np.array(column)[:, None] for column in zip(*bars, strict=True))
    rows = 20 + len(bars)
    whole = Bars(
        quiet.symbols,
        MINUTE_MS,
        MONDAY_MS + MINUTE_MS * np.arange(rows, dtype=np.int64),
        *(
            np.vstack((getattr(quiet, name), column))
            for name, column in (("open", close), ("high", high), ("low", low), ("close", close), ("volume", close))
        ),
    )
    return label(whole, LabelPlan(Kind.BARRIERS, len(bars), stop_atr=1.0, take_atr=2.0)), 19


def same(one: Labels, other: Labels) -> bool:
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(one, other, strict=True))


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(1, 12), st.sampled_from([0.0, 0.05]))
def test_at_the_horizon_a_label_is_the_return_between_two_closes(seed: int, horizon: int, share: float) -> None:
    bars = with_gaps(seed, 120, 2, share)
    made = label(bars, LabelPlan(horizon_bars=horizon))
    for s in range(2):
        for t in range(120):
            path = bars.close[t : t + horizon + 1, s]
            if len(path) <= horizon or np.isnan(path).any():
                assert np.isnan(made.ret[t, s])
                assert np.isnan(made.up[t, s])
                assert (made.until[t, s], made.pays[t, s]) == (UNKNOWN, 0)
            else:
                assert made.ret[t, s] == pytest.approx(log(path[-1] / path[0]), abs=1e-15)
                assert made.up[t, s] == (path[-1] > path[0])
                assert made.until[t, s] == bars.ts[t] + (horizon + 1) * MINUTE_MS


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from(Kind), st.integers(1, 8), st.integers(1, 119))
def test_what_comes_later_changes_no_label_that_is_known(seed: int, kind: Kind, horizon: int, cut: int) -> None:
    bars, plan = with_gaps(seed, 120, 2, 0.02), LabelPlan(kind, horizon)
    other = walk(seed + 1, 120, 2)
    names = ("open", "high", "low", "close", "funding")
    later = {name: np.concatenate((getattr(bars, name)[:cut], 3 * getattr(other, name)[cut:])) for name in names}
    one, two = label(bars, plan), label(replace(bars, **later), plan)
    known = (one.until != UNKNOWN) & (one.until <= bars.ts[cut])
    assert (known == ((two.until != UNKNOWN) & (two.until <= bars.ts[cut]))).all()
    assert same(Labels(*(column[known] for column in one)), Labels(*(column[known] for column in two)))


def test_a_label_does_not_reach_over_a_hole_in_the_grid() -> None:
    bars = walk(3, 40)
    keep = np.arange(40) != 20
    made = label(rows_of(bars, keep), LabelPlan(horizon_bars=3))
    known = made.until[:, 0] != UNKNOWN
    assert (~known).nonzero()[0].tolist() == [17, 18, 19, 36, 37, 38]


def test_a_price_that_has_not_moved_is_neither_up_nor_down_but_it_is_known() -> None:
    made = label(still(5), LabelPlan(horizon_bars=2))
    assert made.ret[:3, 0].tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(made.up).all()
    assert (made.until[:3, 0] > 0).all()
    assert (made.pays == 0).all()


@pytest.mark.parametrize(
    ("close", "rates", "pays"),
    [
        (100.2, (nan, nan), 1),
        (100.1, (nan, nan), 0),
        (99.9, (nan, nan), 0),
        (99.8, (nan, nan), -1),
        (100.2, (0.0005, 0.0005), 0),
        (100.2, (nan, 0.001), 0),
        (100.2, (0.02, nan), -1),
        (100.0, (-0.002, nan), 1),
        (99.8, (-0.0005, -0.0005), 0),
    ],
)
def test_a_side_pays_when_it_earns_more_than_its_costs_and_longs_pay_funding(
    close: float, rates: tuple[float, float], pays: int
) -> None:
    bars = still(4)
    bars.close[2] = close
    funding = np.array([[0.9], [rates[0]], [rates[1]], [-0.9]])
    made = label(replace(bars, funding=funding), LabelPlan(horizon_bars=2, cost_bps=12.0))
    assert made.pays[0, 0] == pays


@pytest.mark.parametrize(
    ("bars", "up", "ret", "decided"),
    [
        ([(104.0, 99.0, 100.0), (101.0, 90.0, 95.0)], 1.0, log(1.04), 1),
        ([(103.9, 98.1, 100.0), (104.1, 99.0, 100.0)], 1.0, log(1.04), 2),
        ([(101.0, 98.0, 100.0), (120.0, 99.0, 110.0)], 0.0, log(0.98), 1),
        ([(101.0, 99.0, 101.0), (101.0, 99.0, 100.5)], 1.0, log(1.005), 2),
        ([(101.0, 99.0, 101.0), (101.0, 99.0, 99.5)], 0.0, log(0.995), 2),
        ([(101.0, 99.0, 101.0), (101.0, 99.0, 100.0)], nan, 0.0, 2),
    ],
)
def test_the_first_barrier_touched_decides_or_the_sign_when_time_is_up(
    bars: list[tuple[float, float, float]], up: float, ret: float, decided: int
) -> None:
    made, row = then(*bars)
    np.testing.assert_equal(float(made.up[row, 0]), up)
    assert made.ret[row, 0] == pytest.approx(ret)
    assert made.until[row, 0] == MONDAY_MS + (row + 1 + decided) * MINUTE_MS


@pytest.mark.parametrize(
    "bars",
    [
        [(104.0, 98.0, 100.0), (110.0, 99.0, 109.0)],
        [(101.0, 99.0, 100.0), (nan, nan, nan)],
        [(nan, nan, nan), (110.0, 99.0, 109.0)],
    ],
)
def test_both_barriers_in_one_bar_or_a_missing_one_before_the_first_leave_it_unknown(
    bars: list[tuple[float, float, float]],
) -> None:
    made, row = then(*bars)
    assert np.isnan([made.ret[row, 0], made.up[row, 0]]).all()
    assert (made.until[row, 0], made.pays[row, 0]) == (UNKNOWN, 0)


def test_what_is_missing_after_the_barrier_changes_nothing() -> None:
    made, row = then((104.0, 99.0, 104.0), (nan, nan, nan))
    assert made.up[row, 0] == 1.0


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_barriers_stand_in_units_of_the_atr_that_features_know(seed: int) -> None:
    bars = walk(seed, 60)
    atr = features(bars, FULL.subset(["atr_14"]))[:, 0, 0]
    made = label(bars, LabelPlan(Kind.BARRIERS, 40, stop_atr=0.5, take_atr=0.5))
    assert (made.until[: ATR_WARMUP - 1] == UNKNOWN).all()
    reach = np.abs(bars.close[:, 0] * np.expm1(made.ret[:, 0])) / atr
    touched = (made.until[:, 0] != UNKNOWN) & (made.until[:, 0] < bars.ts + 41 * MINUTE_MS)
    assert touched.any()
    assert reach[touched] == pytest.approx(0.5, rel=1e-9)


def test_a_kind_that_comes_as_a_word_is_that_kind() -> None:
    bars = walk(5, 60)
    word = LabelPlan("barriers", 9)  # type: ignore[arg-type] # a plan from a file
    assert same(label(bars, word), label(bars, LabelPlan(Kind.BARRIERS, 9)))


@settings(max_examples=10, deadline=None)
@given(seeds, st.sampled_from(Kind))
def test_a_symbol_is_labelled_as_if_alone(seed: int, kind: Kind) -> None:
    bars, plan = with_gaps(seed, 80, 3, 0.05), LabelPlan(kind, 5)
    whole = label(bars, plan)
    for s in range(3):
        names = ("open", "high", "low", "close", "volume", "funding", "mark")
        column = {name: getattr(bars, name)[:, s : s + 1] for name in names}
        alone = label(replace(bars, symbols=(bars.symbols[s],), **column), plan)
        assert same(alone, Labels(*(column[:, s : s + 1] for column in whole)))


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "lucky"},
        {"horizon_bars": 0},
        {"horizon_bars": HORIZON_BARS_MAX + 1},
        {"cost_bps": -1.0},
        {"cost_bps": nan},
        {"stop_atr": 0.0},
        {"take_atr": inf},
    ],
)
def test_a_plan_that_tells_no_outcome_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InvalidConfig, match=r"^labels: .*, w(as|ere) "):
        LabelPlan(**bad)  # type: ignore[arg-type] # a plan from outside


def test_outcomes_are_symmetric_unless_one_barrier_is_nearer() -> None:
    assert LabelPlan(stop_atr=1.0, take_atr=2.0).symmetric
    assert LabelPlan(Kind.BARRIERS).symmetric
    assert not LabelPlan(Kind.BARRIERS, stop_atr=1.0, take_atr=2.0).symmetric
