"""What the venue takes of one symbol, for whoever holds an order against it."""

from decimal import Decimal

from qt_ray.core.orders import OrderType
from qt_ray.execution.venue.views import SymbolRules

RULES = SymbolRules(
    symbol="BTCUSDT",
    status="TRADING",
    contract="PERPETUAL",
    base="BTC",
    quote="USDT",
    tick=Decimal("0.1"),
    step=Decimal("0.001"),
    quantity_min=Decimal("0.002"),
    quantity_max=Decimal(1000),
    market_step=Decimal("0.01"),
    market_quantity_max=Decimal(120),
    notional_min=Decimal(50),
    price_min=Decimal("556.8"),
    price_max=Decimal(4_529_764),
    price_up=Decimal("1.05"),
    price_down=Decimal("0.95"),
    orders_max=200,
    liquidation_rate=Decimal("0.0125"),
    market_take_bound=Decimal("0.05"),
    order_types=tuple(kind for kind in OrderType if kind is not OrderType.TRAILING_STOP_MARKET),
    times_in_force=("GTC",),
)
