"""Shown: what the exchange holds, as the views that a venue shows to whoever asks.

It is what a client reads on the wire, without the wire: zero stands for nothing where the venue writes "0" for it.
"""

from decimal import Decimal

from qt_ray.core.instruments import Bracket
from qt_ray.core.orders import Execution, OrderType
from qt_ray.execution.exchange.listing import Level, Listing, Quote
from qt_ray.execution.exchange.margin import Figures
from qt_ray.execution.exchange.reports import Depth, PositionFigures
from qt_ray.execution.exchange.values import ZERO, Algo, Income, Order, TimeInForce, Trade
from qt_ray.execution.venue.views import (
    AccountView,
    BookView,
    IncomeView,
    MarkView,
    OrderView,
    PositionView,
    SymbolMode,
    SymbolRules,
    TradeView,
)


def order_view(order: Order) -> OrderView:
    """Return a plain order."""
    return OrderView(
        venue_id=str(order.id),
        client_id=order.client_id,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        conditional=False,
        status=order.state,
        quantity=order.quantity,
        executed=order.executed,
        average_price=order.average or None,
        limit_price=order.price or None,
        trigger_price=order.trigger_price or None,
        reduce_only=order.reduce_only,
        closes_position=order.closes_position,
        position_side=order.position_side,
        time_in_force=order.time_in_force,
        created_ms=order.created_ms,
        updated_ms=order.updated_ms,
    )


def algo_view(algo: Algo) -> OrderView:
    """Return a conditional order, and what the plain one that its trigger made has traded."""
    wanted, child = algo.wanted, algo.order
    return OrderView(
        venue_id=str(algo.id),
        client_id=algo.client_id,
        symbol=wanted.symbol,
        side=wanted.side,
        type=wanted.type,
        conditional=True,
        status=algo.state,
        quantity=wanted.quantity or ZERO,
        executed=child.executed if child else ZERO,
        average_price=(child.average or None) if child else None,
        limit_price=wanted.price,
        trigger_price=wanted.trigger_price,
        reduce_only=wanted.reduce_only,
        closes_position=wanted.closes_position,
        position_side=wanted.position_side,
        time_in_force=wanted.time_in_force,
        created_ms=algo.created_ms,
        updated_ms=algo.updated_ms,
        child_id=str(child.id) if child else None,
        reason=algo.reason,
    )


def execution_of(trade: Trade) -> Execution:
    """Return a trade as an order's execution."""
    return Execution(trade.id, trade.quantity, trade.price, trade.fee, trade.fee_asset, trade.maker, trade.time_ms)


def trade_view(trade: Trade) -> TradeView:
    """Return a trade."""
    number, execution = str(trade.order_id), execution_of(trade)
    return TradeView(number, trade.symbol, trade.side, trade.position_side, execution, trade.realised)


def income_view(income: Income) -> IncomeView:
    """Return one movement of a wallet."""
    return IncomeView(
        income.id, income.kind, income.asset, income.amount, income.symbol, income.time_ms, income.trade_id
    )


def position_view(found: PositionFigures) -> PositionView:
    """Return a position."""
    held = found.held
    return PositionView(
        symbol=held.symbol,
        side=held.side,
        quantity=held.quantity,
        entry=held.entry,
        mark=held.mark,
        unrealised=held.unrealised,
        liquidation=found.liquidation or None,
        isolated_wallet=held.isolated_wallet if held.isolated and held.quantity else None,
        updated_ms=held.updated_ms,
    )


def account_view(each: dict[str, Figures], whole: Figures) -> AccountView:
    """Return an account's balances by asset, and the margin of all of it."""
    return AccountView(
        wallets={asset: found.wallet for asset, found in each.items()},
        unrealised=whole.unrealised,
        margin_balance=whole.margin_balance,
        initial_margin=whole.initial,
        maintenance_margin=whole.maintenance,
        available=whole.available,
        can_trade=True,
        can_withdraw=True,
    )


def symbol_mode(found: PositionFigures) -> SymbolMode:
    """Return how an account is set for a symbol."""
    return SymbolMode(found.held.symbol, found.leverage, found.held.isolated, found.notional_max)


def symbol_rules(listing: Listing) -> SymbolRules:
    """Return a symbol's filters."""
    return SymbolRules(
        symbol=listing.symbol,
        status=listing.status,
        contract="PERPETUAL",
        base=listing.base,
        quote=listing.quote,
        tick=listing.tick,
        step=listing.step,
        quantity_min=listing.quantity_min,
        quantity_max=listing.quantity_max,
        market_step=listing.market_step,
        market_quantity_max=listing.market_quantity_max,
        notional_min=listing.notional_min,
        price_min=listing.price_min,
        price_max=listing.price_max,
        price_up=listing.price_up,
        price_down=listing.price_down,
        orders_max=listing.orders_max,
        liquidation_rate=listing.liquidation_rate,
        market_take_bound=listing.market_take_bound,
        order_types=tuple(kind.value for kind in OrderType),
        times_in_force=tuple(kind.value for kind in TimeInForce),
    )


def brackets_of(listing: Listing) -> tuple[Bracket, ...]:
    """Return a symbol's leverage brackets."""
    return tuple(
        Bracket(tier.floor, tier.leverage_max, tier.maintenance_rate, tier.deduction) for tier in listing.brackets
    )


def book_view(symbol: str, depth: Depth) -> BookView:
    """Return an order book."""
    return BookView(symbol, depth.update_id, _pairs(depth.bids), _pairs(depth.asks), depth.time_ms)


def mark_view(quote: Quote, next_funding_ms: int) -> MarkView:
    """Return mark, index and funding of a symbol."""
    return MarkView(quote.symbol, quote.mark, quote.index, quote.funding_rate, next_funding_ms, quote.time_ms)


def _pairs(levels: tuple[Level, ...]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((level.price, level.quantity) for level in levels)
