"""Info shapes: what the venue says of itself: its symbols, filters, brackets and limits."""

from decimal import Decimal
from typing import Any

from qt_ray.adapters.paper.limits import Limits
from qt_ray.adapters.paper.spelling import like, places, text
from qt_ray.core.orders import OrderType
from qt_ray.execution.exchange.listing import Listing, Tier
from qt_ray.execution.exchange.values import TimeInForce

Shape = dict[str, Any]

DELIVERY_MS = 4_133_404_800_000
PERCENT = Decimal(100)


def exchange_info(listings: dict[str, Listing], limits: Limits, now_ms: int) -> Shape:
    """Return everything about every symbol; the venue ignores a `symbol` here."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": rate_limits(limits),
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [symbol_shape(listing) for listing in listings.values()],
    }


def rate_limits(limits: Limits) -> list[Shape]:
    """Return the limits on what may be asked."""
    return [
        _rate("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_minute),
        _rate("ORDERS", "MINUTE", 1, limits.orders_minute),
        _rate("ORDERS", "SECOND", 10, limits.orders_ten_seconds),
    ]


def _rate(kind: str, interval: str, count: int, limit: int) -> Shape:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": limit}


def symbol_shape(listing: Listing) -> Shape:
    """Return one symbol of exchangeInfo."""
    first = listing.brackets[0]
    leverage = Decimal(first.leverage_max)
    return {
        "symbol": listing.symbol,
        "pair": listing.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": DELIVERY_MS,
        "onboardDate": listing.onboard_ms,
        "status": listing.status,
        "maintMarginPercent": f"{first.maintenance_rate * PERCENT:.4f}",
        "requiredMarginPercent": f"{PERCENT / leverage:.4f}",
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        "marginAsset": listing.quote,
        "pricePrecision": places(listing.tick),
        "quantityPrecision": places(listing.step),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "triggerProtect": text(listing.trigger_protect),
        "liquidationFee": f"{listing.liquidation_rate:.6f}",
        "marketTakeBound": text(listing.market_take_bound),
        "maxMoveOrderLimit": 10_000,
        "filters": filters(listing),
        "orderTypes": [each.value for each in OrderType],
        "timeInForce": [each.value for each in TimeInForce],
        "permissionSets": ["GRID", "COPY"],
        **listing.extra,
    }


def filters(listing: Listing) -> list[Shape]:
    """Return a symbol's filters; the set of their kinds is closed."""
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": text(listing.price_min),
            "maxPrice": text(listing.price_max),
            "tickSize": text(listing.tick),
        },
        _lot("LOT_SIZE", listing.quantity_min, listing.quantity_max, listing.step),
        _lot("MARKET_LOT_SIZE", listing.quantity_min, listing.market_quantity_max, listing.market_step),
        {"filterType": "MAX_NUM_ORDERS", "limit": listing.orders_max},
        {"filterType": "MIN_NOTIONAL", "notional": text(listing.notional_min)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": like(listing.price_up, Decimal("0.0001")),
            "multiplierDown": like(listing.price_down, Decimal("0.0001")),
            "multiplierDecimal": "4",
        },
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]


def _lot(kind: str, least: Decimal, most: Decimal, step: Decimal) -> Shape:
    return {"filterType": kind, "minQty": text(least), "maxQty": text(most), "stepSize": text(step)}


def bracket_shape(symbol: str, brackets: tuple[Tier, ...]) -> Shape:
    """Return a symbol's leverage brackets; here, and nowhere else, the venue writes ratios as numbers."""
    return {
        "symbol": symbol,
        "brackets": [
            {
                "bracket": each.number,
                "initialLeverage": each.leverage_max,
                "notionalCap": int(each.cap),
                "notionalFloor": int(each.floor),
                "maintMarginRatio": float(each.maintenance_rate),
                "cum": float(each.deduction),
            }
            for each in brackets
        ],
    }
