"""The predictor's port: what everything with opinions must keep to, whoever wrote it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.baselines import BASELINES, baseline
from qt_ray.ai.forecast import Floats, Forecasts, Predictor, Snapshot
from qt_ray.engine.backtest import SCHEMA
from qt_ray.jobs.forecasting import chosen
from qt_ray.market.bars import Bars
from qt_ray.market.features.engine import FeatureEngine
from qt_ray.market.synthetic import synthetic
from tests.unit.ai.ensemble.living import living

pytestmark = pytest.mark.unit

NAMES = ("AAAUSDT", "BBBUSDT", "CCCUSDT")
ROWS = 400
FIELDS = ("open", "high", "low", "close", "volume")
quick = settings(max_examples=12, deadline=None)


@dataclass(frozen=True)
class Candidate:
    """A predictor under test: how to make a fresh one for some symbols."""

    name: str
    fresh: Callable[[tuple[str, ...]], Predictor]


def simple(name: str, kind: str, **parameters: float) -> Candidate:
    return Candidate(name, lambda symbols: baseline(kind, len(symbols), parameters))


CANDIDATES = [
    *(simple(kind, kind) for kind in BASELINES),
    simple("trend at once", "trend", gap_atr_min=0.0, adx_min=0.0),
    simple("eager reversion", "mean_reversion", stretch=0.3, rsi_band=2.0),
    simple("fast cross", "ema_cross", fast_bars=2, slow_bars=5),
    Candidate("ensemble", living),
]


@pytest.fixture(params=CANDIDATES, ids=lambda candidate: candidate.name, scope="module")
def candidate(request: pytest.FixtureRequest) -> Candidate:
    found: Candidate = request.param
    return found


def market(seed: int = 11, hole: slice = slice(150, 153)) -> Bars:
    """Return bars of which the second symbol lacks some."""
    bars = synthetic(NAMES, 3_600_000, seed).bars(ROWS)
    columns = {name: getattr(bars, name).copy() for name in FIELDS}
    for column in columns.values():
        column[hole, 1] = np.nan
    return replace(bars, **columns)


BARS = market()


def seen(predictor: Predictor, bars: Bars = BARS) -> Snapshot:
    """Return what the predictor may know of all the bars."""
    shape = (len(bars), len(bars.symbols), 0)
    if not predictor.needs:
        return Snapshot(bars, np.zeros(shape))
    engine = FeatureEngine(SCHEMA.subset(predictor.needs), bars.symbols, bars.interval_ms)
    return Snapshot(bars, engine.block(bars))


def cut(snapshot: Snapshot, edges: list[int]) -> Iterator[Snapshot]:
    for start, stop in pairwise(edges):
        yield Snapshot(snapshot.bars.window(start, stop), snapshot.features[start:stop])


def thought(forecasts: Forecasts) -> list[bytes]:
    """Return the bits of all that was thought, every member's vote included."""
    ballot = forecasts.ballot
    columns = [forecasts.score, forecasts.confidence, forecasts.agreement, np.array(forecasts.members)]
    columns += [ballot.votes, ballot.outlook] if ballot else []
    return [np.ascontiguousarray(column).tobytes() for column in columns]


@quick
@given(edges=st.lists(st.integers(1, ROWS - 1), max_size=8, unique=True))
def test_a_block_and_its_stream_are_the_same_bits(candidate: Candidate, edges: list[int]) -> None:
    snapshot = seen(candidate.fresh(NAMES))
    whole = candidate.fresh(NAMES).predict(snapshot)
    predictor = candidate.fresh(NAMES)
    parts = [predictor.predict(part) for part in cut(snapshot, [0, *sorted(edges), ROWS])]
    assert thought(Forecasts.joined(parts)) == thought(whole)


def test_bar_by_bar_is_the_same_bits(candidate: Candidate) -> None:
    snapshot = seen(candidate.fresh(NAMES))
    predictor = candidate.fresh(NAMES)
    parts = [predictor.predict(part) for part in cut(snapshot, list(range(ROWS + 1)))]
    assert thought(Forecasts.joined(parts)) == thought(candidate.fresh(NAMES).predict(snapshot))


def test_there_is_an_opinion_for_every_bar_and_symbol_and_some_of_them_have_a_side(candidate: Candidate) -> None:
    forecasts = candidate.fresh(NAMES).predict(seen(candidate.fresh(NAMES)))
    for column in (forecasts.score, forecasts.confidence, forecasts.agreement):
        assert column.shape == BARS.close.shape
    assert (forecasts.score > 0).any()
    assert (forecasts.score < 0).any()


def test_a_missing_bar_has_no_opinion(candidate: Candidate) -> None:
    forecasts = candidate.fresh(NAMES).predict(seen(candidate.fresh(NAMES)))
    missing = np.isnan(BARS.close)
    assert missing.any()
    assert np.isnan(forecasts.score[missing]).all()
    assert (forecasts.confidence[missing] == 0).all()


def test_the_first_bars_are_too_few_for_an_opinion(candidate: Candidate) -> None:
    forecasts = candidate.fresh(NAMES).predict(seen(candidate.fresh(NAMES)))
    assert np.isnan(forecasts.score[:4]).all()
    assert (forecasts.agreement[:4] == 0).all()


def test_a_score_is_finite_or_absent_and_a_confidence_is_a_share(candidate: Candidate) -> None:
    forecasts = candidate.fresh(NAMES).predict(seen(candidate.fresh(NAMES)))
    assert not np.isinf(forecasts.score).any()
    assert ((forecasts.confidence >= 0) & (forecasts.confidence <= 1)).all()


def test_agreement_counts_votes_and_an_abstention_is_none(candidate: Candidate) -> None:
    forecasts = candidate.fresh(NAMES).predict(seen(candidate.fresh(NAMES)))
    spoke = ~np.isnan(forecasts.score)
    assert (forecasts.agreement <= forecasts.members).all()
    assert (forecasts.agreement[spoke] >= 1).all()
    assert (forecasts.agreement[~spoke] == 0).all()


@quick
@given(at=st.integers(0, ROWS), seed=st.integers(0, 1_000))
def test_changing_the_future_changes_nothing_before_it(candidate: Candidate, at: int, seed: int) -> None:
    other = market(seed + 1_000, slice(0, 0))
    columns = {name: np.vstack((getattr(BARS, name)[:at], getattr(other, name)[at:])) for name in FIELDS}
    changed = replace(BARS, **columns)
    before = candidate.fresh(NAMES).predict(seen(candidate.fresh(NAMES)))
    after = candidate.fresh(NAMES).predict(seen(candidate.fresh(NAMES), changed))
    assert thought(after.bars(slice(at))) == thought(before.bars(slice(at)))


def test_what_is_shown_is_not_written_to(candidate: Candidate) -> None:
    predictor = candidate.fresh(NAMES)
    snapshot = seen(predictor)
    columns: list[Floats] = [snapshot.features, *(getattr(snapshot.bars, name) for name in FIELDS)]
    before = [column.tobytes() for column in columns]
    predictor.predict(snapshot)
    assert [column.tobytes() for column in columns] == before


def test_what_was_answered_is_not_changed_later(candidate: Candidate) -> None:
    predictor = candidate.fresh(NAMES)
    first, second = cut(seen(predictor), [0, 200, ROWS])
    answer = predictor.predict(first)
    before = thought(answer)
    predictor.predict(second)
    assert thought(answer) == before


def test_two_fresh_ones_think_the_same_and_neither_disturbs_the_other(candidate: Candidate) -> None:
    one, two = candidate.fresh(NAMES), candidate.fresh(NAMES)
    snapshot = seen(one)
    halves = list(cut(snapshot, [0, 200, ROWS]))
    answers = [(one.predict(half), two.predict(half)) for half in halves]
    assert all(thought(left) == thought(right) for left, right in answers)


@pytest.mark.parametrize("symbols", [("BBBUSDT",), ("CCCUSDT", "AAAUSDT")])
def test_a_symbol_is_judged_the_same_whoever_else_is_there(candidate: Candidate, symbols: tuple[str, ...]) -> None:
    whole = candidate.fresh(NAMES).predict(seen(candidate.fresh(NAMES)))
    fewer = chosen(BARS, symbols)
    alone = candidate.fresh(symbols).predict(seen(candidate.fresh(symbols), fewer))
    at = np.array([NAMES.index(symbol) for symbol in symbols])
    assert thought(whole.symbols(at)) == thought(alone)


def test_a_market_that_stands_still_or_is_empty_is_survived(candidate: Candidate) -> None:
    flat = np.full((80, 1), 100.0)
    bars = Bars(("AAAUSDT",), 3_600_000, BARS.ts[:80], flat, flat, flat, flat, np.zeros_like(flat))
    forecasts = candidate.fresh(NAMES[:1]).predict(seen(candidate.fresh(NAMES[:1]), bars))
    assert not np.isinf(forecasts.score).any()
    assert not (np.nan_to_num(forecasts.score) != 0).any()
    nothing = candidate.fresh(NAMES).predict(Snapshot(BARS.window(0, 0), seen(candidate.fresh(NAMES)).features[:0]))
    assert nothing.score.shape == (0, 3)


def test_a_name_and_its_needs_are_known_beforehand(candidate: Candidate) -> None:
    predictor = candidate.fresh(NAMES[:2])
    assert predictor.name
    assert predictor.needs == candidate.fresh(NAMES).needs
    assert set(predictor.needs) <= set(SCHEMA.names)
