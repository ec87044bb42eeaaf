"""Fund setup: what the settings say is what the fund is, number by number."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters.fund_setup import exits_of, recipe_of, setup_of, sizer_of, venue_of, with_fees
from qt_ray.adapters.settings import Settings, Venue
from qt_ray.adapters.settings_strategy import (
    DynamicExits,
    EmaCross,
    FixedFraction,
    FixedQuantity,
    HybridExits,
    MeanReversion,
    NoExits,
    RegimeExits,
    Trend,
    VolatilityTarget,
)
from qt_ray.ai.sizing import Method
from qt_ray.core.policy import Policy
from qt_ray.execution.exits import BY_REGIME, ExitPlan
from qt_ray.market.regime import Regime
from tests.unit.engine.funds import candles, contract, still

pytestmark = pytest.mark.unit

BARS = candles(still(5))


@given(
    maker=st.none() | st.decimals(-5, 50, places=2),
    taker=st.none() | st.decimals(0, 50, places=2),
)
def test_a_fee_is_overridden_by_name_and_is_the_instruments_own_otherwise(
    maker: Decimal | None, taker: Decimal | None
) -> None:
    listed = contract()
    fees = with_fees(listed, Venue.model_construct(maker_bps=maker, taker_bps=taker))
    assert fees.maker_rate == (listed.maker_rate if maker is None else maker / 10_000)
    assert fees.taker_rate == (listed.taker_rate if taker is None else taker / 10_000)
    assert replace(fees, maker_rate=listed.maker_rate, taker_rate=listed.taker_rate) == listed


def test_a_fee_of_zero_is_an_override_too() -> None:
    assert with_fees(contract(), Venue(maker_bps=Decimal(0), taker_bps=Decimal(0))).taker_rate == 0


def test_the_venue_is_told_every_number_of_its_settings() -> None:
    told = Venue(
        latency_ms=7,
        half_spread_bps=Decimal("1.5"),
        slippage_bps=Decimal(2),
        impact_coefficient=Decimal("0.3"),
        depth_minutes=Decimal(9),
        participation_max_bps=123,
        entry="limit",
        limit_offset_bps=4,
        queue="touch",
    )
    venue = venue_of(told)
    for name in ("latency_ms", "half_spread_bps", "slippage_bps", "impact_coefficient", "depth_minutes"):
        assert getattr(venue, name) == getattr(told, name)
    assert (venue.participation_max_bps, venue.limit_offset_bps) == (123, 4)
    assert (venue.entry_limit, venue.queue_touch) == (True, True)
    assert (venue_of(Venue()).entry_limit, venue_of(Venue()).queue_touch) == (False, False)


@pytest.mark.parametrize(
    ("sizer", "method"),
    [
        (FixedFraction(fraction_bps=321, rebalance_bps=99), Method.FIXED_FRACTION),
        (FixedQuantity(quantity=Decimal("0.5"), quantities={"BTCUSDT": Decimal(2)}), Method.FIXED_QUANTITY),
        (
            VolatilityTarget(fraction_bps=321, target_atr_bps=7, fraction_max_bps=654, rebalance_bps=99),
            Method.VOLATILITY_TARGET,
        ),
    ],
)
def test_each_kind_of_sizer_keeps_its_own_numbers(
    sizer: FixedFraction | FixedQuantity | VolatilityTarget, method: Method
) -> None:
    plan = sizer_of(sizer)
    assert plan.method is method
    for name, value in sizer.model_dump(exclude={"kind"}).items():
        assert getattr(plan, name) == value


def test_the_table_of_exits_in_the_settings_is_the_table_of_the_house() -> None:
    shipped = exits_of(RegimeExits())
    for regime in Regime:
        if regime:
            ours, theirs = shipped.levels[regime.name], BY_REGIME[regime]
            for name in ("stop_atr", "target_atr", "breakeven_r", "trail_atr", "hours_max"):
                assert getattr(ours, name) == getattr(theirs, name), (regime, name)


def test_each_kind_of_exits_is_its_own_plan() -> None:
    table = exits_of(RegimeExits()).levels
    assert exits_of(NoExits()) == ExitPlan.none()
    assert exits_of(RegimeExits()) == ExitPlan.by_regime({regime: table[regime.name] for regime in Regime if regime})
    assert exits_of(HybridExits()) == ExitPlan.hybrid({regime: table[regime.name] for regime in Regime if regime})
    own = DynamicExits(stop_atr=Decimal(1), take_atr=Decimal(7), partial_r=Decimal(2), partial_bps=300, hours_max=5)
    plan = exits_of(own)
    assert set(plan.levels) == set(Regime.__members__)
    for levels in plan.levels.values():
        assert (levels.stop_atr, levels.target_atr, levels.hours_max) == (1, 7, 5)
        assert (levels.partial_r, levels.partial_bps) == (2, 300)


@pytest.mark.parametrize("kind", [Trend(), MeanReversion(), EmaCross(fast_bars=3, slow_bars=9)])
def test_each_kind_of_predictor_can_be_made_from_its_settings(kind: Trend | MeanReversion | EmaCross) -> None:
    recipe = recipe_of(kind)
    assert (recipe.kind, recipe.root) == (kind.kind, None)
    assert "kind" not in recipe.parameters
    assert all(isinstance(value, int | float) for value in recipe.parameters.values())
    assert recipe.predictor(BARS).name == kind.kind


@pytest.mark.parametrize("assume", [True, False])
@pytest.mark.parametrize("has_funding", [True, False])
def test_funding_is_known_where_bars_carry_it_or_the_settings_assume_none(assume: bool, has_funding: bool) -> None:
    bars = replace(BARS, funding=np.full((5, 1), np.nan)) if has_funding else BARS
    told = Settings(venue=Venue(assume_no_funding=assume))
    setup = setup_of(told, Policy(), (contract(),), bars)
    assert setup.funding_known is (assume and not has_funding)
