"""Forecasting: symbols dealt out and put back are the symbols they were."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.models.recipe import Recipe
from qt_ray.ai.baselines import BASELINES, baseline
from qt_ray.engine.backtest import forecast_blocks
from qt_ray.jobs.forecasting import blocks, chosen, forecast
from tests.unit.engine.funds import lively

pytestmark = pytest.mark.unit

BARS, SETUP = lively(count=300, symbols=4)
PARTS = ("score", "confidence", "agreement")


@given(st.permutations(BARS.symbols).flatmap(lambda names: st.integers(1, 4).map(lambda n: tuple(names[:n]))))
def test_chosen_bars_are_the_columns_of_their_symbols_and_nobody_elses_memory(symbols: tuple[str, ...]) -> None:
    fewer = chosen(BARS, symbols)
    assert fewer.symbols == symbols
    assert fewer.interval_ms == BARS.interval_ms
    for at, symbol in enumerate(symbols):
        column = BARS.symbols.index(symbol)
        np.testing.assert_array_equal(fewer.close[:, at], BARS.close[:, column])
        assert fewer.mark is not None
        assert BARS.mark is not None
        np.testing.assert_array_equal(fewer.mark[:, at], BARS.mark[:, column])
    assert fewer.close.flags.c_contiguous
    assert not np.shares_memory(fewer.close, BARS.close)


def test_what_bars_do_not_have_the_chosen_do_not_have() -> None:
    fewer = chosen(replace(BARS, funding=None, mark=None), BARS.symbols[1:2])
    assert (fewer.funding, fewer.mark) == (None, None)


@settings(max_examples=10, deadline=None)
@given(block=st.integers(1, 400), kind=st.sampled_from(sorted(BASELINES)))
def test_forecasts_do_not_depend_on_blocks(block: int, kind: str) -> None:
    whole, cut = forecast(BARS, Recipe(kind, {})), forecast(BARS, Recipe(kind, {}), block)
    for name in PARTS:
        assert getattr(whole, name).tobytes() == getattr(cut, name).tobytes()


@settings(max_examples=10, deadline=None)
@given(block=st.integers(1, 400))
def test_ready_forecasts_come_out_in_the_blocks_a_run_would_make_itself(block: int) -> None:
    known = forecast(BARS, Recipe("trend", {}))
    own = list(forecast_blocks(BARS, baseline("trend", 4, {}), block))
    ready = list(blocks(BARS, known, block))
    assert [(one.first, len(one.bars)) for one in ready] == [(one.first, len(one.bars)) for one in own]
    for left, right in zip(ready, own, strict=True):
        for name in PARTS:
            assert getattr(left.forecasts, name).tobytes() == getattr(right.forecasts, name).tobytes()


def test_progress_is_told_in_bars() -> None:
    told: list[int] = []
    forecast(BARS, Recipe("ema_cross", {}), 128, told.append)
    assert told == [128, 128, 44]
