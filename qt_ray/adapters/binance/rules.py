"""Rules: what the venue shows of its symbols and of the market when it is asked, as views."""

from decimal import Decimal
from typing import Any

from qt_ray.adapters.binance.fields import Fields, each
from qt_ray.core.errors import Invalid
from qt_ray.execution.venue.calls import Done
from qt_ray.execution.venue.views import BookView, MarkView, RulesView, SymbolRules

Levels = tuple[tuple[Decimal, Decimal], ...]


def rules_of(body: object) -> Done[RulesView]:
    """Return every symbol's rules; a symbol that breaks a rule hides no other."""
    data = Fields(body, "exchangeInfo")
    symbols, broken = each(data.items("symbols"), "exchangeInfo.symbols", symbol_rules)
    limits = {_limit_name(limit): limit.whole("limit") for limit in data.parts("rateLimits")}
    view = RulesView(
        symbols={rules.symbol: rules for rules in symbols},
        weight_minute=_limit(limits, "REQUEST_WEIGHT/1/MINUTE"),
        orders_ten_seconds=_limit(limits, "ORDERS/10/SECOND"),
        orders_minute=_limit(limits, "ORDERS/1/MINUTE"),
        server_ms=data.moment("serverTime") if data.has("serverTime") else 0,
    )
    return Done(view, broken)


def symbol_rules(data: Fields) -> SymbolRules:
    """Return one symbol's filters."""
    filters = {one.text("filterType"): one for one in data.parts("filters")}
    price, lot = _filter(data, filters, "PRICE_FILTER"), _filter(data, filters, "LOT_SIZE")
    market, percent = _filter(data, filters, "MARKET_LOT_SIZE"), _filter(data, filters, "PERCENT_PRICE")
    return SymbolRules(
        symbol=data.text("symbol"),
        status=data.text("status"),
        contract=data.text("contractType"),
        base=data.text("baseAsset"),
        quote=data.text("quoteAsset"),
        tick=price.positive("tickSize"),
        step=lot.positive("stepSize"),
        quantity_min=lot.amount("minQty"),
        quantity_max=lot.positive("maxQty"),
        market_step=market.positive("stepSize"),
        market_quantity_max=market.positive("maxQty"),
        notional_min=_filter(data, filters, "MIN_NOTIONAL").amount("notional"),
        price_min=price.amount("minPrice"),
        price_max=price.positive("maxPrice"),
        price_up=percent.positive("multiplierUp"),
        price_down=percent.positive("multiplierDown"),
        orders_max=_filter(data, filters, "MAX_NUM_ORDERS").whole("limit"),
        liquidation_rate=data.amount("liquidationFee"),
        market_take_bound=data.amount("marketTakeBound"),
        order_types=tuple(map(str, data.items("orderTypes"))),
        times_in_force=tuple(map(str, data.items("timeInForce"))),
    )


def mark_view(data: Fields) -> MarkView:
    """Return a symbol's mark and what funding it will pay; a delivery contract has no rate and says nothing."""
    return MarkView(
        symbol=data.text("symbol"),
        mark=data.positive("markPrice"),
        index=data.positive("indexPrice"),
        funding_rate=data.number("lastFundingRate") if data.has("lastFundingRate") else Decimal(0),
        next_funding_ms=data.moment("nextFundingTime"),
        time_ms=data.moment("time"),
    )


def marks_of(body: object) -> Done[dict[str, MarkView]]:
    """Return every symbol's mark."""
    marks, broken = each(body if isinstance(body, list) else [body], "premiumIndex", mark_view)
    return Done({mark.symbol: mark for mark in marks}, broken)


def book_view(symbol: str, data: Fields) -> BookView:
    """Return an order book as it was asked for."""
    return BookView(
        symbol=symbol,
        update_id=data.whole("lastUpdateId"),
        bids=levels(data, "bids"),
        asks=levels(data, "asks"),
        time_ms=data.moment("E") if data.has("E") else 0,
    )


def levels(data: Fields, name: str) -> Levels:
    """Return levels of a book; a quantity of zero takes one away."""
    return tuple(_level(item, f"{data.where}.{name}[{at}]") for at, item in enumerate(data.items(name)))


def _level(item: Any, where: str) -> tuple[Decimal, Decimal]:
    if not isinstance(item, list) or len(item) < 2:
        raise Invalid(f"{where}: a price and a quantity, was {item!r:.60}")
    pair = Fields({"price": item[0], "quantity": item[1]}, where)
    return pair.positive("price"), pair.amount("quantity")


def _filter(data: Fields, filters: dict[str, Fields], name: str) -> Fields:
    if name not in filters:
        raise Invalid(f"{data.where}.filters: a {name}, of {data.text('symbol')} it was missing")
    return filters[name]


def _limit_name(data: Fields) -> str:
    return f"{data.text('rateLimitType')}/{data.whole('intervalNum')}/{data.text('interval')}"


def _limit(limits: dict[str, int], name: str) -> int:
    if name not in limits:
        raise Invalid(f"exchangeInfo.rateLimits: {name}, was missing")
    return limits[name]
