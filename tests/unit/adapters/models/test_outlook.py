"""Outlook: what is thought of a bar now is what a backtest thought of it, and a reason is something that moved it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from qt_ray.adapters.models.model_set import load
from qt_ray.adapters.models.outlook import TOP, channel_parts, closed_by, outlook
from qt_ray.adapters.models.recipe import ENSEMBLE, Recipe
from qt_ray.adapters.models.registry import Registry
from qt_ray.ai.history import CHANNELS
from qt_ray.ai.members.member import Evidence, Opinions
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.jobs.forecasting import forecast
from qt_ray.jobs.training.register import register
from tests.unit.engine.funds import candles, still
from tests.unit.jobs.training.tiny import Tiny, tiny

pytestmark = pytest.mark.unit

BARS = candles(still(5))
LAST = 2_500


@dataclass(frozen=True)
class Follower:
    """A member that looks at the last return and at nothing else."""

    lookback: int = 4
    kind: str = "nhits"

    def opine(self, evidence: Evidence) -> Opinions:
        odds = 50.0 * evidence.tape[evidence.ends, 0].astype(np.float64)
        return Opinions(1.0 / (1.0 + np.exp(-odds)), np.zeros(len(evidence), np.uint8))


def looked_at(rows: int) -> Evidence:
    tape = np.random.default_rng(3).normal(0, 0.01, (rows, len(CHANNELS))).astype(np.float32)
    return Evidence(np.zeros((rows, 2), np.float32), tape, np.arange(rows))


def recipe_in(root: Path, made: Tiny) -> Recipe:
    version = register(Registry(root), made.plan, made.bars, made.fitted, made.learned, {}, "ada")
    return Recipe(ENSEMBLE, {"version": version, "edge_min_bps": 0.0}, root)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return recipe_in(tmp_path_factory.mktemp("models"), tiny())


def test_a_channel_that_a_member_ignores_has_no_part() -> None:
    parts = channel_parts(Follower(), looked_at(10), 7)
    assert list(parts) == list(CHANNELS)
    assert parts["return"] != 0.0
    assert [parts[name] for name in CHANNELS[1:]] == [0.0] * 3


def test_a_window_that_is_not_there_yet_has_no_parts() -> None:
    assert channel_parts(Follower(), looked_at(10), 2) == {}
    assert channel_parts(Follower(), looked_at(10), 3) != {}


def test_now_is_thought_what_a_backtest_thought_to_the_bit(recipe: Recipe) -> None:
    bars = tiny().bars.window(0, LAST + 1)
    known = forecast(bars, recipe)
    assert known.ballot is not None
    for at in (LAST, LAST - 1):
        for i, one in enumerate(outlook(tiny().bars, load(recipe), at, bars.symbols)):
            assert np.array_equal([one.score, one.confidence], [known.score[at, i], known.confidence[at, i]], True)
            assert np.float32(one.up).tobytes() == known.ballot.outlook[at, i]["up"].tobytes()
            votes = known.ballot.votes[at, i]
            assert np.array_equal([v.calibrated for v in one.voices], votes["calibrated"].astype(float), True)


def test_reasons_come_on_demand_the_greatest_first(recipe: Recipe) -> None:
    (plain,) = outlook(tiny().bars, load(recipe), LAST, ("BBBUSDT",))
    (told,) = outlook(tiny().bars, load(recipe), LAST, ("BBBUSDT",), reasons=True)
    assert [voice.reasons for voice in plain.voices] == [{}, {}]
    for voice in told.voices:
        parts = [abs(part) for part in voice.reasons.values()]
        assert 0 < len(parts) <= TOP
        assert parts == sorted(parts, reverse=True)
        assert set(voice.reasons) <= set(tiny().plan.features)


def test_a_network_is_asked_about_windows_that_no_market_shows(tmp_path: Path) -> None:
    made = tiny("lightgbm,nhits")
    for one in outlook(made.bars, load(recipe_in(tmp_path, made)), LAST, made.bars.symbols, reasons=True):
        assert set(CHANNELS[1:]) <= set(one.voices[1].reasons)
        assert any(one.voices[1].reasons.values())


def test_the_first_bars_are_thought_nothing_of_and_say_why(recipe: Recipe) -> None:
    (one,) = outlook(tiny().bars, load(recipe), 5, ("AAAUSDT",), reasons=True)
    assert np.isnan(one.up)
    assert {voice.silence for voice in one.voices} == {"not_finite"}
    assert [voice.reasons for voice in one.voices] == [{}, {}]


def test_what_is_not_there_is_one_line(recipe: Recipe) -> None:
    bars = tiny().bars
    with pytest.raises(Invalid, match=f"bars 0 to {len(bars) - 1} are there, was asked for {len(bars)}"):
        outlook(bars, load(recipe), len(bars), bars.symbols)
    with pytest.raises(InvalidConfig, match="symbols of AAAUSDT, BBBUSDT, was asked for XYZUSDT"):
        outlook(bars, load(recipe), 3, ("XYZUSDT",))
    with pytest.raises(InvalidConfig, match=r"predictor.kind: ensemble, which has votes to show, was trend"):
        outlook(bars, load(Recipe("trend", {})), 3, bars.symbols)


@pytest.mark.parametrize(("late_ms", "bar"), [(-1, 1), (0, 2), (1, 2), (10**12, len(BARS) - 1)])
def test_a_bar_is_closed_from_its_end_on(late_ms: int, bar: int) -> None:
    assert closed_by(BARS, int(BARS.ts[2]) + BARS.interval_ms + late_ms) == bar
    assert closed_by(BARS, None) == len(BARS) - 1


def test_before_the_first_close_nothing_is_closed() -> None:
    with pytest.raises(Invalid, match="at: a moment from the first close on"):
        closed_by(BARS, int(BARS.ts[0]) + BARS.interval_ms - 1)
