"""Shown: what the exchange core holds and tells, in the words of the venue port."""

from decimal import Decimal
from typing import Final

from qt_ray.core.orders import Execution
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.listing import Listing
from qt_ray.execution.exchange.reports import PositionFigures, Window
from qt_ray.execution.exchange.told import AccountTold, AlgoTold, MarginCallTold, OrderTold, SettingTold
from qt_ray.execution.exchange.values import Algo, Happened, Order, Trade
from qt_ray.execution.venue.news import AccountNews, AlgoNews, Held, LeverageNews, MarginCallNews, News, OrderNews
from qt_ray.execution.venue.views import (
    AccountView,
    IncomeView,
    OrderView,
    PositionView,
    RulesView,
    SymbolRules,
    TradeView,
)

ZERO: Final = Decimal(0)


def order_view(order: Order) -> OrderView:
    """Return a plain order as the venue shows it."""
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
    """Return a conditional order as the venue shows it."""
    wanted = algo.wanted
    return OrderView(
        venue_id=f"a{algo.id}",
        client_id=algo.client_id,
        symbol=wanted.symbol,
        side=wanted.side,
        type=wanted.type,
        conditional=True,
        status=algo.state,
        quantity=wanted.quantity or ZERO,
        executed=ZERO,
        average_price=None,
        limit_price=wanted.price,
        trigger_price=wanted.trigger_price,
        reduce_only=wanted.reduce_only,
        closes_position=wanted.closes_position,
        position_side=wanted.position_side,
        time_in_force=wanted.time_in_force,
        created_ms=algo.created_ms,
        updated_ms=algo.updated_ms,
        child_id=str(algo.order.id) if algo.order else None,
        reason=algo.reason,
    )


def trade_view(trade: Trade) -> TradeView:
    """Return a trade as the venue shows it."""
    return TradeView(
        str(trade.order_id), trade.symbol, trade.side, trade.position_side, execution_of(trade), trade.realised
    )


def execution_of(trade: Trade) -> Execution:
    return Execution(trade.id, trade.quantity, trade.price, trade.fee, trade.fee_asset, trade.maker, trade.time_ms)


def news_of(told: object) -> News | None:
    if isinstance(told, OrderTold):
        return _order_news(told)
    if isinstance(told, AlgoTold):
        return _algo_news(told)
    if isinstance(told, AccountTold):
        held = tuple(Held(p.symbol, p.side, p.quantity, ZERO, ZERO) for p in told.positions)
        return AccountNews(told.reason, told.wallets, told.changes, held, told.time_ms)
    if isinstance(told, SettingTold) and told.symbol:
        return LeverageNews(told.symbol, told.leverage, told.time_ms)
    if isinstance(told, MarginCallTold):
        return MarginCallNews(tuple(p.symbol for p in told.positions), told.time_ms)
    return None


def _order_news(told: OrderTold) -> OrderNews:
    order, trade = told.order, told.trade
    return OrderNews(
        symbol=order.symbol,
        client_id=order.client_id,
        venue_id=str(order.id),
        side=order.side,
        position_side=order.position_side,
        type=order.type,
        event=Happened(told.happened),
        status=order.state,
        quantity=order.quantity,
        executed=order.executed,
        limit_price=order.price or None,
        average_price=order.average or None,
        reduce_only=order.reduce_only,
        execution=execution_of(trade) if trade else None,
        realised=trade.realised if trade else ZERO,
        time_ms=told.time_ms,
    )


def _algo_news(told: AlgoTold) -> AlgoNews:
    algo, wanted = told.algo, told.algo.wanted
    return AlgoNews(
        symbol=wanted.symbol,
        client_id=algo.client_id,
        venue_id=f"a{algo.id}",
        side=wanted.side,
        position_side=wanted.position_side,
        type=wanted.type,
        status=algo.state,
        quantity=wanted.quantity or ZERO,
        trigger_price=wanted.trigger_price,
        reduce_only=wanted.reduce_only,
        closes_position=wanted.closes_position,
        child_id=str(algo.order.id) if algo.order else None,
        time_ms=told.time_ms,
        reason=algo.reason,
    )


def position_view(found: PositionFigures) -> PositionView:
    """Return a position as the venue shows it."""
    held = found.held
    entry = held.cost / held.quantity if held.quantity else ZERO
    return PositionView(
        held.symbol, held.side, held.quantity, entry, held.mark, ZERO, found.liquidation, None, held.updated_ms
    )


def account_view(exchange: Exchange, name: str) -> AccountView:
    """Return balances as the venue shows them."""
    wallets = {asset: figures.wallet for asset, figures in exchange.figures(name).items()}
    total = exchange.totals(name)
    return AccountView(wallets, ZERO, total.wallet, ZERO, ZERO, ZERO, can_trade=True, can_withdraw=False)


def incomes_of(exchange: Exchange, name: str, window: Window) -> tuple[IncomeView, ...]:
    """Return what moved the wallets, as the venue shows it."""
    found = exchange.incomes(name, window=window)
    return tuple(IncomeView(i.id, i.kind, i.asset, i.amount, i.symbol, i.time_ms, i.trade_id) for i in found)


def rules_view(listings: list[Listing], now_ms: int) -> RulesView:
    """Return the rules as the venue shows them."""
    return RulesView({each.symbol: symbol_rules(each) for each in listings}, 2_400, 300, 1_200, now_ms)


def symbol_rules(listing: Listing) -> SymbolRules:
    """Return one symbol's rules."""
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
        order_types=("LIMIT", "MARKET", "STOP_MARKET"),
        times_in_force=("GTC", "IOC", "FOK", "GTX"),
    )
