from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from qt_ray.market.bars import Bars
from tests.unit.market.feature_bars import FULL, engine_for, walk

pytestmark = pytest.mark.unit


def features(bars: Bars) -> NDArray[np.float64]:
    return engine_for(bars).block(bars)[:, 0]


def test_volume_that_comes_out_of_nothing_is_capped_and_none_after_none_is_no_change() -> None:
    bars = walk(4, 5)
    quiet = replace(bars, volume=np.array([[0.0], [0.0], [5.0], [0.0], [0.0]]))
    column = features(quiet)[:, FULL.index("volume_change")]
    assert column[1:].tolist() == [0.0, 100.0, -1.0, 0.0]


def test_the_wait_for_funding_follows_the_period_the_venue_keeps() -> None:
    bars = walk(5, 600)
    funding = np.full((600, 1), np.nan)
    funding[[0, 240, 480]] = 1e-4
    wait = features(replace(bars, funding=funding))[:, FULL.index("funding_countdown")]
    assert wait[0] == pytest.approx(1 - 1 / 480)
    assert wait[240] == pytest.approx(0.5 - 1 / 480)
    assert wait[479] == pytest.approx(0.0)
    assert wait[480] == pytest.approx(0.5 - 1 / 480)


def test_a_missing_mark_silences_the_basis_of_that_bar_only() -> None:
    bars = walk(6, 100)
    assert bars.mark is not None
    mark = bars.mark.copy()
    mark[70] = np.nan
    columns = [FULL.index(name) for name in ("basis", "basis_mean", "basis_zscore")]
    out = features(replace(bars, mark=mark))
    assert np.isnan(out[70, columns]).all()
    assert np.isfinite(out[71:, columns]).all()
    assert np.isfinite(out[70, FULL.index("price_change")])
