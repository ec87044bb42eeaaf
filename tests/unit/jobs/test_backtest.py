"""Backtest: the Python door, from frames to a result."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.jobs.backtest import Backtest
from qt_ray.market.bars import Bars
from tests.unit.engine.funds import lively

pytestmark = pytest.mark.unit

BARS, SETUP = lively(count=400, symbols=2)


def framed(bars: Bars) -> dict[str, pd.DataFrame]:
    index = pd.to_datetime(bars.ts, unit="ms")
    names = ("open", "high", "low", "close", "volume", "funding", "mark")
    return {
        symbol: pd.DataFrame({name: getattr(bars, name)[:, at] for name in names}, index=index)
        for at, symbol in enumerate(bars.symbols)
    }


def test_frames_and_bars_are_the_same_run() -> None:
    of_bars = Backtest(BARS, SETUP.instruments).run()
    of_frames = Backtest(framed(BARS), SETUP.instruments).run()
    assert of_frames.run.digests == of_bars.run.digests


def test_blocks_and_progress_change_no_digest() -> None:
    told: list[int] = []
    whole = Backtest(BARS, SETUP.instruments).run()
    cut = Backtest(BARS, SETUP.instruments).run(block_bars=150, progress=told.append)
    assert cut.run.digests == whole.run.digests
    assert told == [150, 150, 100]


def test_the_numbers_of_a_result_are_those_of_its_run(tmp_path: Path) -> None:
    result = Backtest(BARS, SETUP.instruments, "ema_cross", {"fast_bars": 5, "slow_bars": 20}).run()
    run = result.run
    assert run.parameters["predictor"] == {"kind": "ema_cross", "fast_bars": 5, "slow_bars": 20}
    assert result.summary["final"] == f"{Decimal(int(run.cycles['equity'][-1])).scaleb(-8):.8f}"
    assert len(result.fills) == len(run.fills) > 10
    assert result.equity["equity"].iloc[-1] == run.equity[-1]
    assert (result.decisions(BARS.symbols[1])["granted"] != 0).any()
    page = result.report(tmp_path / "new" / "page.html", "A title of mine")
    assert "A title of mine" in page.read_text()


def test_instruments_are_inferred_only_where_nobody_gave_them() -> None:
    inferred = Backtest(BARS)
    assert [one.symbol for one in inferred.setup.instruments] == list(BARS.symbols)
    averaged = replace(BARS, close=BARS.close * np.pi, high=BARS.high * 4)
    with pytest.raises(Invalid, match="at most 8 decimals"):
        Backtest(averaged)
    assert Backtest(averaged, setup=SETUP).setup is SETUP


def test_funding_is_unknown_only_where_bars_carry_it() -> None:
    assert Backtest(BARS, SETUP.instruments).setup.funding_known is False
    assert Backtest(replace(BARS, funding=None), SETUP.instruments).setup.funding_known is True


def test_a_predictor_nobody_knows_is_refused_with_those_that_are() -> None:
    with pytest.raises(InvalidConfig, match=r"one of ema_cross, trend, mean_reversion, was 'magic'"):
        Backtest(BARS, SETUP.instruments, "magic").run()
    with pytest.raises(InvalidConfig, match=r"predictor\.parameters for trend"):
        Backtest(BARS, SETUP.instruments, "trend", {"speed": 3}).run()
