"""What a venue shows, in few words."""

from decimal import Decimal

from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.core.orders import Execution, Intent, OrderType, PositionSide, Side, Working
from qt_ray.execution.venue.views import AccountView, OrderView, PositionView, TradeView

BOTH = PositionSide.BOTH
ZERO = Decimal(0)


def name(leg: int, purpose: str = "entry") -> str:
    return str(ClientOrderId("a", intent_id("d", purpose, leg)))


def working(client_id: str, at_ms: int = 0, type_: OrderType = OrderType.LIMIT, venue_id: str = "1") -> Working:
    trigger = Decimal(90) if type_.has_trigger else None
    limit = Decimal(90) if type_.has_limit else None
    intent = Intent(client_id, "BTCUSDT", Side.SELL, type_, Decimal(1), "d", 1, 1, type_.has_trigger, limit, trigger)
    return Working(intent, at_ms, venue_id)


def order_view(
    client_id: str, type_: OrderType = OrderType.LIMIT, venue_id: str = "1", executed: str = "0"
) -> OrderView:
    return OrderView(
        venue_id, client_id, "BTCUSDT", Side.SELL, type_, type_.is_conditional, "NEW", Decimal(1), Decimal(executed),
        None, Decimal(90), None, type_.is_conditional, False, BOTH, "GTC", 0, 0,
    )  # fmt: skip


def trade_view(number: int, side: Side, quantity: str, price: str, realised: str = "0", at_ms: int = 0) -> TradeView:
    execution = Execution(number, Decimal(quantity), Decimal(price), Decimal("0.01"), "USDT", False, at_ms)
    return TradeView("1", "BTCUSDT", side, BOTH, execution, Decimal(realised))


def position_view(
    quantity: Decimal, symbol: str = "BTCUSDT", side: PositionSide = BOTH, mark: str = "100"
) -> PositionView:
    return PositionView(symbol, side, quantity, Decimal(100), Decimal(mark), ZERO, None, None, 0)


def account_view(**wallets: Decimal) -> AccountView:
    return AccountView(wallets, ZERO, ZERO, ZERO, ZERO, ZERO, True, False)
