"""Two processes write what one writes, bit for bit."""

from pathlib import Path

import numpy as np
import pytest

from qt_ray.adapters.models.recipe import Recipe
from qt_ray.engine.setup import Setup
from qt_ray.jobs.backtest import run_material
from qt_ray.jobs.fund import Material
from qt_ray.market.synthetic import synthetic
from tests.integration.shell import SMALL, qt

pytestmark = pytest.mark.integration

NAMES = ("AAAUSDT", "BBBUSDT", "CCCUSDT")


@pytest.mark.requirement("L10")
def test_a_run_forecast_on_two_processes_is_the_run_of_one() -> None:
    """SPEC law 10: same inputs, same hash, on 1 worker or on N."""
    market = synthetic(NAMES, 3_600_000, seed=3)
    bars = market.bars(900)
    bars.close[200:204, 1] = np.nan
    made = Material(Setup(market.instruments), bars, Recipe("trend", {"gap_atr_min": 0.3}))
    advanced: list[int] = []
    one = run_material(made, block_bars=250)
    two = run_material(made, workers=2, block_bars=400, progress=advanced.append)
    assert len(one.fills) > 20
    assert two.digests == one.digests
    assert advanced == [400, 400, 100]


def test_more_processes_than_symbols_are_no_trouble(tmp_path: Path) -> None:
    one = (*SMALL, "--set", "market.symbols=BTCUSDT", "--set", "data.source=synthetic")
    assert qt("backtest", *one, "--out", tmp_path / "run").code == 0
    ended = qt("replay", tmp_path / "run", "--workers", 3, "--json")
    assert ended.code == 0, ended
    assert ended.data["same"] is True


def test_a_sweep_on_two_processes_has_the_points_of_one_in_their_order() -> None:
    axes = ("predictor.gap_atr_min=1,0.2", "sizer.fraction_bps=300,700")
    words = ("sweep", *axes, "--set", "data.source=synthetic", "--set", "data.synthetic_bars=300", "--json")
    two = qt(*words, "--workers", 2)
    assert two.code == 0, two
    assert two.out == qt(*words).out
