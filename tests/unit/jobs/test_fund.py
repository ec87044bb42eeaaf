"""Fund: the same bars, setup and recipe for everybody who reads the same settings."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.config import Loaded, load
from qt_ray.adapters.models.recipe import Recipe
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.jobs.fund import market_of, material
from tests.unit.engine.funds import candles, still

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
SMALL = {"data.source": "synthetic", "data.synthetic_bars": "50", "market.symbols": "AAAUSDT,BBBUSDT"}
BARS = candles(still(5))


def loaded(**flags: str) -> Loaded:
    named = {key.replace("__", "."): value for key, value in flags.items()}
    return load("backtest", {**SMALL, **named}, {}, ROOT)


def test_the_settings_reach_the_setup() -> None:
    made = material(loaded(fund__initial_balance="2500.50", run__operator_reset_hours="6", venue__latency_ms="70"))
    assert made.setup.initial == Decimal("2500.50")
    assert made.setup.operator_reset_hours == 6
    assert made.setup.venue.latency_ms == 70
    assert made.bars.symbols == ("AAAUSDT", "BBBUSDT")
    assert tuple(one.symbol for one in made.setup.instruments) == made.bars.symbols
    assert made.recipe == Recipe("trend", {"gap_atr_min": 0.5, "adx_min": 20.0})


def test_the_seed_and_the_strength_make_the_synthetic_market() -> None:
    def made(**flags: str) -> str:
        return material(loaded(data__synthetic_bars="300", **flags)).bars.digest()

    assert made() == made(run__seed="7", data__synthetic_strength="0.12")
    assert len({made(), made(run__seed="8"), made(data__synthetic_strength="0")}) == 3


def test_material_of_the_same_market_shares_bars_and_takes_the_listed_instruments() -> None:
    first = material(loaded(venue__taker_bps="9"))
    other = material(loaded(venue__maker_bps="1"), first)
    assert other.bars is first.bars
    assert other.setup.instruments[0].maker_rate == Decimal("0.0001")
    assert other.setup.instruments[0].taker_rate == first.listed[0].taker_rate != first.setup.instruments[0].taker_rate


def test_a_bad_policy_is_found_before_any_bar_is_read() -> None:
    with pytest.raises(InvalidConfig, match=r"policy/none\.yaml"):
        material(load("backtest", {"policy.seed": "policy/none.yaml", "data.root": "nowhere"}, {}, ROOT))


@settings(max_examples=10, deadline=None)
@given(count=st.integers(1, 40), seed=st.integers(0, 100))
def test_the_synthetic_market_of_the_settings_has_the_bars_asked_for(count: int, seed: int) -> None:
    told = loaded(data__synthetic_bars=str(count), run__seed=str(seed), market__interval="15m").settings
    bars, instruments = market_of(told)
    assert (len(bars), bars.interval_ms) == (count, 900_000)
    assert tuple(one.symbol for one in instruments) == bars.symbols


def test_an_empty_catalogue_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="AAAUSDT"):
        market_of(loaded(data__source="catalogue", data__root=str(tmp_path)).settings)
