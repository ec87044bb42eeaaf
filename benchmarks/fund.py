"""Fund: the benchmark's fund, every rule on and none of them in the way.

Limits stand at their widest lawful values so that each order of the strategy passes; the guard is asked every rule
for every symbol and bar all the same, and the ledger and the decision records are the product's own.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from qt_ray.ai.sizing import Method, SizerPlan
from qt_ray.core.instruments import Instrument
from qt_ray.core.limits import Limits, Modes
from qt_ray.core.policy import Policy
from qt_ray.engine.setup import Setup, VenueModel
from qt_ray.execution.exits import ExitPlan
from qt_ray.market.bars import Bars

CAPITAL = Decimal(10_000_000)
TAKER = Decimal("0.0004")

WIDE = Limits(
    price_collar_market_bps=2_000,
    price_collar_limit_bps=2_000,
    price_collar_max_bps=2_000,
    slippage_pause_bps=2_000,
    order_value_equity_max_bps=10_000,
    order_value_max=Decimal(100_000_000),
    order_depth_max_bps=10_000,
    order_day_volume_max_bps=1_000,
    repeat_entries_max=1_000,
    day_loss_max_bps=5_000,
    drawdown_soft_bps=5_000,
    drawdown_hard_bps=5_000,
    drawdown_month_max_bps=5_000,
)


def plain(bars: Bars) -> Bars:
    """Return the bars as every engine here sees them: no funding, last as mark, volume that fills any order whole."""
    return replace(bars, funding=None, mark=None, volume=bars.volume * 1_000.0)


def policy() -> Policy:
    """Return a lawful policy that never binds on the benchmark's orders."""
    base = Policy()
    mode = replace(base.risk, max_positions=1_000, position_cap_usd=Decimal(100_000_000), min_confidence=Decimal(0))
    wild = replace(base.volatility, fallback_size_max=Decimal(1), fallback_leverage=Decimal(2))
    return replace(base, limits=WIDE, modes=Modes(NORMAL=mode), volatility=wild)


def fund(instruments: Sequence[Instrument], quantities: Sequence[Decimal]) -> Setup:
    """Return the benchmark's fund: fixed quantities, market orders, 4 bps, no spread, no exits but the signal's."""
    listed = tuple(replace(one, taker_rate=TAKER, maker_rate=TAKER) for one in instruments)
    amounts = {one.symbol: quantity for one, quantity in zip(listed, quantities, strict=True)}
    return Setup(
        instruments=listed,
        initial=CAPITAL,
        policy=policy(),
        venue=VenueModel(
            latency_ms=0,
            half_spread_bps=Decimal(0),
            impact_coefficient=Decimal(0),
            participation_max_bps=10_000,
            depth_minutes=Decimal(1_440),
        ),
        sizer=SizerPlan(Method.FIXED_QUANTITY, quantities=amounts),
        exits=ExitPlan.none(),
        funding_known=True,
    )
