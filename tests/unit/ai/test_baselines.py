"""Baselines: a block is its stream to the bit, and no opinion knows the future."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qt_ray.ai.baselines import BASELINES, EmaCross, MeanReversion, Trend, baseline
from qt_ray.ai.forecast import Forecasts, Predictor, Snapshot
from qt_ray.core.errors import InvalidConfig
from qt_ray.market.bars import Bars

pytestmark = pytest.mark.unit

quick = settings(deadline=None, max_examples=25)
NAN = float("nan")
SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")
KINDS = sorted(BASELINES)
seeds = st.integers(0, 2**32)
Floats = NDArray[np.float64]


def snapshot(seed: int, rows: int, needs: tuple[str, ...]) -> Snapshot:
    """Return a walk with holes, and features drawn so that every branch of a rule is met."""
    dice = np.random.default_rng(seed)
    shape = (rows, len(SYMBOLS))
    close = 100.0 * np.exp(np.cumsum(0.01 * dice.standard_normal(shape), axis=0))
    close[dice.random(shape) < 0.05] = NAN
    spans = {"ema_20": 3.0, "ema_50": 3.0, "atr_14": 4.0, "adx_14": 50.0, "bb_position": 2.0, "rsi_14": 100.0}
    features = dice.random((*shape, len(needs))) * np.array([spans[name] for name in needs])
    features[dice.random(features.shape) < 0.05] = NAN
    return Snapshot(_bars(close), features)


def _bars(close: Floats) -> Bars:
    ts = 60_000 * np.arange(len(close), dtype=np.int64)
    return Bars(SYMBOLS[: close.shape[1]], 60_000, ts, close, close, close, close, np.ones_like(close))


def cut(whole: Snapshot, edges: list[int]) -> Iterator[Snapshot]:
    for start, stop in pairwise(edges):
        yield Snapshot(whole.bars.window(start, stop), whole.features[start:stop])


def said(predictor: Predictor, parts: Iterator[Snapshot]) -> bytes:
    """Return everything a predictor said, as bytes."""
    answers = [predictor.predict(part) for part in parts]
    columns: tuple[Callable[[Forecasts], Any], ...] = (
        lambda answer: answer.score,
        lambda answer: answer.confidence,
        lambda answer: answer.agreement,
    )
    return b"".join(np.concatenate([column(answer) for answer in answers]).tobytes() for column in columns)


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(seed=seeds, edges=st.lists(st.integers(1, 79), max_size=6, unique=True))
def test_a_block_is_its_stream_to_the_bit(kind: str, seed: int, edges: list[int]) -> None:
    whole = snapshot(seed, 80, baseline(kind, 3, {}).needs)
    at_once = said(baseline(kind, 3, {}), cut(whole, [0, 80]))
    assert said(baseline(kind, 3, {}), cut(whole, [0, *sorted(edges), 80])) == at_once
    assert said(baseline(kind, 3, {}), cut(whole, list(range(81)))) == at_once


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(seed=seeds, now=st.integers(1, 79))
def test_changing_the_future_changes_no_opinion(kind: str, seed: int, now: int) -> None:
    needs = baseline(kind, 3, {}).needs
    one, two = snapshot(seed, 80, needs), snapshot(seed + 1, 80, needs)
    close, features = one.bars.close.copy(), one.features.copy()
    close[now:], features[now:] = two.bars.close[now:], two.features[now:]
    before = baseline(kind, 3, {}).predict(one)
    after = baseline(kind, 3, {}).predict(Snapshot(_bars(close), features))
    for name in ("score", "confidence", "agreement"):
        assert getattr(before, name)[:now].tobytes() == getattr(after, name)[:now].tobytes()


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(seed=seeds)
def test_a_symbol_is_judged_by_itself(kind: str, seed: int) -> None:
    whole = snapshot(seed, 60, baseline(kind, 3, {}).needs)
    together = baseline(kind, 3, {}).predict(whole)
    alone = baseline(kind, 1, {}).predict(Snapshot(_bars(whole.bars.close[:, 1:2]), whole.features[:, 1:2]))
    assert together.score[:, 1].tobytes() == alone.score[:, 0].tobytes()


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(seed=seeds)
def test_an_opinion_is_one_of_one_between_minus_one_and_one(kind: str, seed: int) -> None:
    answer = baseline(kind, 3, {}).predict(snapshot(seed, 60, baseline(kind, 3, {}).needs))
    known = ~np.isnan(answer.score)
    assert (np.abs(answer.score[known]) <= 1).all()
    assert (answer.confidence[known] >= 0.5).all()
    assert (answer.agreement == known).all()
    assert answer.members == 1


def crossing(close: list[float], fast: int = 10, slow: int = 30) -> list[float]:
    predictor = EmaCross(1, fast, slow)
    bars = _bars(np.array(close)[:, None])
    return [float(score) for score in predictor.predict(Snapshot(bars, np.zeros((len(bars), 1, 0)))).score[:, 0]]


def averages(close: list[float], fast: int, slow: int) -> Iterator[tuple[float, float]]:
    quick_average = slow_average = close[0]
    for price in close:
        quick_average += 2.0 / (fast + 1) * (price - quick_average)
        slow_average += 2.0 / (slow + 1) * (price - slow_average)
        yield quick_average, slow_average


@quick
@given(seeds, st.integers(1, 20), st.integers(1, 20))
def test_the_first_cross_is_known_at_the_bar_that_fills_the_slow_window(seed: int, fast: int, more: int) -> None:
    slow = fast + more
    close = (100 + np.cumsum(np.random.default_rng(seed).standard_normal(slow + 20))).tolist()
    scores = crossing(close, fast, slow)
    assert np.isnan(scores[: slow - 1]).all()
    for (upper, lower), score in list(zip(averages(close, fast, slow), scores, strict=True))[slow - 1 :]:
        assert score == np.sign(upper - lower) or (np.isnan(score) and upper == lower)


def test_a_rising_market_is_long_and_a_falling_one_short() -> None:
    rising = crossing([100.0 + bar for bar in range(40)])
    falling = crossing([100.0 - bar for bar in range(40)])
    assert rising[29:] == [1.0] * 11
    assert falling[29:] == [-1.0] * 11


def test_equal_averages_and_missing_bars_are_no_opinion() -> None:
    assert np.isnan(crossing([100.0] * 40)).all()
    holes = [100.0 + bar for bar in range(40)]
    holes[35] = NAN
    scores = crossing(holes)
    assert np.isnan(scores[35])
    assert scores[36] == 1.0


@pytest.mark.parametrize("bad", [NAN, float("inf"), -1.0, 0.0])
def test_a_price_that_is_none_moves_no_average(bad: float) -> None:
    close = [100.0 + bar for bar in range(40)]
    spoiled = crossing([*close[:10], bad, *close[10:]])
    assert np.isnan(spoiled[10])
    assert np.array_equal(spoiled[:10] + spoiled[11:], crossing(close), equal_nan=True)


def trend(**facts: float) -> tuple[float, float]:
    calm = {"ema_20": 102.0, "ema_50": 100.0, "atr_14": 2.0, "adx_14": 30.0}
    return one_bar(Trend(), calm | facts)


def reversion(**facts: float) -> tuple[float, float]:
    return one_bar(MeanReversion(), {"bb_position": 1.2, "rsi_14": 75.0, "adx_14": 15.0} | facts)


def one_bar(predictor: Predictor, facts: dict[str, float]) -> tuple[float, float]:
    features = np.array([[[facts[name] for name in predictor.needs]]])
    answer = predictor.predict(Snapshot(_bars(np.array([[100.0]])), features))
    return float(answer.score[0, 0]), float(answer.confidence[0, 0])


def test_a_trend_is_followed_when_it_is_wide_and_directed() -> None:
    assert trend() == (np.tanh(1.0), 0.5 + 0.5 * np.tanh(1.0))
    assert trend(ema_20=98.0)[0] == -np.tanh(1.0)
    assert trend(ema_20=101.0)[0] == np.tanh(0.5)
    assert trend(ema_20=100.9)[0] == 0.0
    assert trend(adx_14=20.0)[0] > 0.0
    assert trend(adx_14=19.9)[0] == 0.0


@pytest.mark.parametrize(
    "unknown", [{"ema_20": NAN}, {"ema_50": NAN}, {"atr_14": NAN}, {"adx_14": NAN}, {"atr_14": 0.0}]
)
def test_a_trend_that_cannot_be_measured_is_no_opinion(unknown: dict[str, float]) -> None:
    score, confidence = trend(**unknown)
    assert np.isnan(score)
    assert confidence == 0.0


def test_a_stretched_price_is_faded_and_a_settled_one_is_left() -> None:
    assert reversion()[0] == -np.tanh(1.4)
    assert reversion(bb_position=-0.2, rsi_14=25.0)[0] == np.tanh(1.4)
    assert reversion(bb_position=0.52)[0] == 0.0
    for between in ({"bb_position": 0.9}, {"rsi_14": 60.0}, {"adx_14": 30.0}):
        assert np.isnan(reversion(**between)[0])


@pytest.mark.parametrize("unknown", ["bb_position", "rsi_14", "adx_14"])
def test_a_band_that_cannot_be_measured_is_no_opinion(unknown: str) -> None:
    assert np.isnan(reversion(**{unknown: NAN})[0])
    assert np.isnan(reversion(**{"bb_position": 0.5, unknown: NAN})[0])


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        ("oracle", {}, "predictor.kind is one of ema_cross, trend, mean_reversion, was 'oracle'"),
        ("ema_cross", {"fast_bars": 30, "slow_bars": 30}, "ema_cross: 1 <= fast_bars < slow_bars, was 30 and 30"),
        ("ema_cross", {"fast_bars": 0}, "ema_cross: 1 <= fast_bars < slow_bars, was 0 and 30"),
        ("trend", {"speed": 3}, "predictor.parameters for trend: .*speed"),
        ("trend", {"name": 1}, "predictor.parameters for trend: .*name"),
        ("trend", {"adx_min": "20"}, "predictor.parameters for trend: adx_min is a number from 0, was '20'"),
        ("mean_reversion", {"stretch": -1.0}, "mean_reversion: stretch is a number from 0, was -1.0"),
        ("mean_reversion", {"stretch": NAN}, "mean_reversion: stretch is a number from 0, was nan"),
    ],
)
def test_an_impossible_predictor_is_refused(kind: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        baseline(kind, 2, parameters)
