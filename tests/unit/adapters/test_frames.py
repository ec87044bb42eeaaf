"""Frames: bars in as pandas, results out, and nothing that could not have happened."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.frames import GRID_MAX, bars_of, decisions_frame, equity_frame, fills_frame
from qt_ray.ai.baselines import baseline
from qt_ray.core.errors import Invalid
from qt_ray.engine.backtest import run_backtest
from qt_ray.engine.rows import Action
from qt_ray.execution.fills import Cause
from qt_ray.risk.reasons import Reason
from tests.unit.engine.funds import lively

pytestmark = pytest.mark.unit

HOUR_MS = 3_600_000
START = pd.Timestamp("2024-01-01", tz="UTC")
BARS, SETUP = lively(count=400, symbols=2)
RUN = run_backtest(SETUP, BARS, baseline("ema_cross", 2, {}))


def frame(count: int = 24, first: int = 0, price: float = 100.0, freq: str = "h") -> pd.DataFrame:
    close = price + np.arange(count) % 7
    index = pd.date_range(START + first * pd.Timedelta(1, freq), periods=count, freq=freq)
    columns = {"open": close, "high": close + 1, "low": close - 1, "close": close + 0.5, "volume": close * 3}
    return pd.DataFrame(columns, index=index)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(1, 30), st.sets(st.integers(0, 29), max_size=8)),
        min_size=1,
        max_size=4,
    )
)
def test_every_bar_lands_on_its_time_and_every_other_cell_is_missing(
    shapes: list[tuple[int, int, set[int]]],
) -> None:
    frames = {}
    for n, (first, count, holes) in enumerate(shapes):
        whole = frame(count, first, 100.0 * (n + 1))
        frames[f"S{n}"] = whole.drop(whole.index[sorted(hole for hole in holes if 0 < hole < count)])
    bars = bars_of(frames, HOUR_MS)
    assert bars.symbols == tuple(frames)
    assert (np.diff(bars.ts) == HOUR_MS).all()
    index = pd.to_datetime(bars.ts, unit="ms", utc=True)
    for n, one in enumerate(frames.values()):
        for name in ("open", "high", "low", "close", "volume"):
            expected = one[name].reindex(index).to_numpy()
            np.testing.assert_array_equal(getattr(bars, name)[:, n], expected)
    assert index[0] == min(one.index[0] for one in frames.values())
    assert index[-1] == max(one.index[-1] for one in frames.values())


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC", None])
def test_a_zone_is_brought_to_utc_and_no_zone_is_utc(zone: str | None) -> None:
    one = frame()
    moved = one.tz_convert(zone) if zone else one.tz_localize(None)
    assert bars_of({"A": moved}).digest() == bars_of({"A": one}).digest()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_unit_of_an_index_does_not_matter(unit: str) -> None:
    one = frame()
    one.index = pd.DatetimeIndex(one.index).as_unit(unit)  # type: ignore[arg-type] # the four units pandas knows
    assert bars_of({"A": one}).ts.tolist() == [START.value // 10**6 + HOUR_MS * n for n in range(24)]


def test_the_interval_is_the_shortest_distance_of_one_frame_not_of_two_that_are_apart() -> None:
    assert bars_of({"A": frame(freq="min"), "B": frame(3, freq="h")}).interval_ms == 60_000
    half = frame()
    half.index = half.index + pd.Timedelta("30min")
    with pytest.raises(Invalid, match="B: bars lie 3600000 ms apart, row 1 does not"):
        bars_of({"A": frame(), "B": half})


def test_funding_and_mark_come_along_where_a_frame_has_them() -> None:
    rich = frame().assign(funding=np.where(np.arange(24) % 8 == 0, 1e-4, np.nan), mark=101.0)
    bars = bars_of({"A": frame(), "B": rich})
    assert bars.funding is not None
    assert bars.mark is not None
    assert np.isnan(bars.funding[:, 0]).all()
    assert np.isfinite(bars.funding[:, 1]).sum() == 3
    assert (bars.mark[:, 1] == 101.0).all()
    plain = bars_of({"A": frame()})
    assert (plain.funding, plain.mark) == (None, None)


def test_a_bar_that_is_nan_throughout_is_a_missing_bar() -> None:
    one = frame()
    one.iloc[5] = np.nan
    assert np.isnan(bars_of({"A": one}).close[5, 0])


def put(row: int, **cells: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(one: pd.DataFrame) -> pd.DataFrame:
        for name, value in cells.items():
            one.loc[one.index[row], name] = value
        return one

    return change


REFUSED: list[tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = [
    (lambda one: one.drop(columns=["high", "volume"]), "A: a frame has .*, lacks high, volume"),
    (lambda one: one.reset_index(drop=True), "A: a frame is indexed by time, was RangeIndex"),
    (lambda one: one.iloc[:0], "A: a frame has at least one bar, had none"),
    (lambda one: one.iloc[::-1], "A: open times ascend, row 2 does not"),
    (lambda one: one.iloc[[0, 1, 2, 2, 3]], "A: open times ascend, row 4 does not"),
    (lambda one: one.set_axis(pd.DatetimeIndex([*one.index[:3], pd.NaT, *one.index[4:]])), "row 4 has none"),
    (lambda one: one.assign(close="high"), "A: column close holds numbers"),
    (lambda one: pd.concat([one, one["close"]], axis=1), "A: a frame has each column once, has close twice"),
    (put(7, open=np.nan), "A: a bar has all four prices or none, row 8 breaks it"),
    (put(7, low=-1.0), "A: a price is positive and finite, row 8"),
    (put(7, low=0.0), "A: a price is positive and finite, row 8"),
    (put(7, high=np.inf), "A: a price is positive and finite, row 8"),
    (put(7, high=99.0), "A: high and low enclose open and close, row 8"),
    (put(7, low=103.0), "A: high and low enclose open and close, row 8"),
    (put(7, volume=-1.0), "A: a bar has a volume, finite and not negative, row 8"),
    (put(7, volume=np.nan), "A: a bar has a volume, finite and not negative, row 8"),
    (put(7, mark=0.0), "A: a mark is positive and finite, row 8"),
    (put(7, funding=2.0), "A: a funding rate is a fraction, row 8"),
]


@pytest.mark.parametrize(("change", "rule"), REFUSED)
def test_what_could_not_have_happened_is_refused_by_symbol_rule_and_row(
    change: Callable[[pd.DataFrame], pd.DataFrame], rule: str
) -> None:
    with pytest.raises(Invalid, match=rule):
        bars_of({"B": frame(), "A": change(frame())})


def test_no_frames_and_too_fine_a_grid_are_refused() -> None:
    with pytest.raises(Invalid, match="at least one frame"):
        bars_of({})
    ends = frame(2)
    ends.index = pd.DatetimeIndex([START, START + pd.Timedelta("3650D")])
    with pytest.raises(Invalid, match=f"at most {GRID_MAX} rows, 1 ms apart"):
        bars_of({"A": ends}, 1)


def test_a_frame_is_not_changed_by_being_read() -> None:
    one = frame()
    before = one.copy(deep=True)
    bars_of({"A": one})
    pd.testing.assert_frame_equal(one, before)


def test_equity_comes_out_at_every_close_in_utc() -> None:
    out = equity_frame(RUN)
    assert len(out) == len(BARS)
    assert str(out.index.tz) == "UTC"  # type: ignore[attr-defined] # an index of times has a zone
    assert out.index[0] == pd.Timestamp(int(BARS.ts[0]) + HOUR_MS, unit="ms", tz="UTC")
    np.testing.assert_array_equal(out["equity"], RUN.equity)
    tied = RUN.initial / 1e8 + out["realised"] - out["fees"] + out["funding"]
    np.testing.assert_allclose(out["wallet"], tied, atol=1e-6)


def test_fills_come_out_in_the_instruments_own_units_with_words_for_causes() -> None:
    out = fills_frame(RUN)
    assert len(out) == len(RUN.fills) > 10
    assert set(out["cause"]) <= {cause.name.lower() for cause in Cause}
    assert set(out["symbol"]) <= set(BARS.symbols)
    for symbol, own in out.groupby("symbol"):
        np.testing.assert_allclose(own["quantity"].cumsum(), own["position"], atol=1e-9)
        step = float(RUN.instruments[BARS.symbols.index(str(symbol))].step)
        np.testing.assert_allclose(own["quantity"] / step, (own["quantity"] / step).round(), atol=1e-6)
    assert out["realised"].sum() == pytest.approx(RUN.cycles["realised"][-1] / 1e8)
    assert out["maker"].dtype == bool


def test_decisions_come_out_by_symbol_with_words_for_rules_and_actions() -> None:
    out = decisions_frame(RUN, BARS.symbols[1])
    assert len(out) == len(BARS)
    assert set(out["action"]) <= {action.name.lower() for action in Action}
    assert set(out["binding"]) <= {reason.label for reason in Reason}
    step = float(RUN.instruments[1].step)
    np.testing.assert_allclose(out["granted"], RUN.decisions["granted"][:, 1] * step)
    with pytest.raises(Invalid, match=r"a symbol of this run .*, was 'NOPE'"):
        decisions_frame(RUN, "NOPE")


def test_a_run_without_fills_has_an_empty_frame_of_fills() -> None:
    idle = run_backtest(replace(SETUP), BARS.window(0, 4), baseline("trend", 2, {}))
    assert len(fills_frame(idle)) == 0
    assert "cause" in fills_frame(idle)
