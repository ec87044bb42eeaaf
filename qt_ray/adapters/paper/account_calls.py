"""Account calls: balances, margin, positions, income, and how an account and its key are set."""

from enum import StrEnum
from typing import Any

from qt_ray.adapters.paper.account_shapes import (
    account_position,
    asset_shape,
    balance_shape,
    income_shape,
    new_position,
    old_position,
    small_position,
    symbol_config,
    totals_shape,
)
from qt_ray.adapters.paper.door import Call, Endpoint
from qt_ray.adapters.paper.hall import Hall
from qt_ray.adapters.paper.info_shapes import bracket_shape, rate_limits
from qt_ray.adapters.paper.order_calls import window_of
from qt_ray.adapters.paper.order_shapes import asked_order
from qt_ray.adapters.paper.spelling import text
from qt_ray.execution.exchange.reports import PositionFigures
from qt_ray.execution.venue.views import PositionSide

Shape = dict[str, Any]
SUCCESS = {"code": 200, "msg": "success"}
PERMISSIONS = {"feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": True}


class MarginType(StrEnum):
    """How a symbol's margin is kept."""

    ISOLATED = "ISOLATED"
    CROSSED = "CROSSED"


def _positions(hall: Hall, call: Call) -> list[PositionFigures]:
    symbol = call.params.maybe("symbol")
    if symbol is not None:
        hall.row(symbol)
    return hall.exchange.positions(call.account, symbol)


def _busy(hall: Hall, call: Call) -> list[PositionFigures]:
    """Return what the third generation shows: positions of symbols that are held or in which orders wait."""
    wanted = call.params.maybe("symbol")
    busy = [symbol for symbol in hall.exchange.busy_symbols(call.account) if wanted in (None, symbol)]
    return [found for symbol in busy for found in hall.exchange.positions(call.account, symbol)]


def _old_account(hall: Hall, call: Call) -> Shape:
    positions = [account_position(found) for found in hall.exchange.positions(call.account, None)]
    return {
        **PERMISSIONS,
        "updateTime": 0,
        "multiAssetsMargin": hall.exchange.is_multi_assets(call.account),
        "tradeGroupId": -1,
        **_sums(hall, call),
        "positions": positions,
    }


def _new_account(hall: Hall, call: Call) -> Shape:
    positions = [small_position(found) for found in _busy(hall, call)]
    return {**PERMISSIONS, "updateTime": 0, **_sums(hall, call), "positions": positions}


def _sums(hall: Hall, call: Call) -> Shape:
    assets = [asset_shape(each, call.now_ms) for each in hall.exchange.figures(call.account).values()]
    return {**totals_shape(hall.exchange.totals(call.account)), "assets": assets}


def _balance(hall: Hall, call: Call) -> list[Shape]:
    return [balance_shape(each, call.now_ms) for each in hall.exchange.figures(call.account).values()]


def _old_positions(hall: Hall, call: Call) -> list[Shape]:
    return [old_position(found) for found in _positions(hall, call)]


def _new_positions(hall: Hall, call: Call) -> list[Shape]:
    return [new_position(found) for found in _busy(hall, call)]


def _config(hall: Hall, call: Call) -> Shape:
    return {
        **PERMISSIONS,
        "dualSidePosition": hall.exchange.is_hedged(call.account),
        "updateTime": 0,
        "multiAssetsMargin": hall.exchange.is_multi_assets(call.account),
        "tradeGroupId": -1,
    }


def _symbol_config(hall: Hall, call: Call) -> list[Shape]:
    return [symbol_config(each) for each in _positions(hall, call) if each.held.side is not PositionSide.SHORT]


def _mode(hall: Hall, call: Call) -> Shape:
    return {"dualSidePosition": hall.exchange.is_hedged(call.account)}


def _set_mode(hall: Hall, call: Call) -> Shape:
    call.params.text("dualSidePosition")
    hall.exchange.set_hedge(call.account, call.params.flag("dualSidePosition"), call.now_ms)
    return SUCCESS


def _multi_assets(hall: Hall, call: Call) -> Shape:
    return {"multiAssetsMargin": hall.exchange.is_multi_assets(call.account)}


def _set_multi_assets(hall: Hall, call: Call) -> Shape:
    call.params.text("multiAssetsMargin")
    hall.exchange.set_multi_assets(call.account, call.params.flag("multiAssetsMargin"), call.now_ms)
    return SUCCESS


def _set_leverage(hall: Hall, call: Call) -> Shape:
    symbol, leverage = call.params.text("symbol"), call.params.whole("leverage")
    hall.exchange.set_leverage(call.account, symbol, leverage, call.now_ms)
    found = hall.exchange.positions(call.account, symbol)[0]
    return {"symbol": symbol, "leverage": found.leverage, "maxNotionalValue": text(found.notional_max)}


def _set_margin(hall: Hall, call: Call) -> Shape:
    symbol, kind = call.params.text("symbol"), call.params.choice("marginType", MarginType)
    hall.exchange.set_isolated(call.account, symbol, kind is MarginType.ISOLATED, call.now_ms)
    return SUCCESS


def _move_margin(hall: Hall, call: Call) -> Shape:
    params = call.params
    amount, kind = params.amount("amount"), params.whole("type")
    side = params.choice("positionSide", PositionSide, PositionSide.BOTH)
    signed = amount if kind == 1 else -amount
    hall.exchange.move_margin(call.account, params.text("symbol"), side, signed, call.now_ms)
    return {"amount": float(amount), "code": 200, "msg": "Successfully modify position margin.", "type": kind}


def _brackets(hall: Hall, call: Call) -> Any:
    symbol = call.params.maybe("symbol")
    if symbol is not None:
        listing = hall.listings[hall.row(symbol).symbol]
        return [bracket_shape(symbol, listing.brackets)]
    return [bracket_shape(listing.symbol, listing.brackets) for listing in hall.listings.values()]


def _fees(hall: Hall, call: Call) -> Shape:
    listing = hall.listings[hall.row(call.params.text("symbol")).symbol]
    return {
        "symbol": listing.symbol,
        "makerCommissionRate": text(listing.maker_rate),
        "takerCommissionRate": text(listing.taker_rate),
        "rpiCommissionRate": "0",
    }


def _income(hall: Hall, call: Call) -> list[Shape]:
    params = call.params
    found = hall.exchange.incomes(
        call.account, params.maybe("symbol"), params.maybe("incomeType"), window_of(params, "fromId")
    )
    return [income_shape(income) for income in found]


def _fee_burn(hall: Hall, call: Call) -> Shape:
    return {"feeBurn": hall.exchange.burns_fees(call.account)}


def _set_fee_burn(hall: Hall, call: Call) -> Shape:
    call.params.text("feeBurn")
    hall.exchange.set_fee_burn(call.account, call.params.flag("feeBurn"), call.now_ms)
    return SUCCESS


def _order_limits(hall: Hall, call: Call) -> list[Shape]:
    ten, minute = hall.limits.orders_of(call.account, hall.now())
    _, per_minute, per_ten = rate_limits(hall.limits)
    return [{**per_ten, "count": ten.used}, {**per_minute, "count": minute.used}]


def _adl(hall: Hall, call: Call) -> Any:
    quantiles: dict[str, dict[str, int]] = {}
    for found in _positions(hall, call):
        if found.held.quantity:
            quantiles.setdefault(found.held.symbol, {})[found.held.side.value] = found.adl_quantile
    return [{"symbol": symbol, "adlQuantile": sides} for symbol, sides in quantiles.items()]


def _forced(hall: Hall, call: Call) -> list[Shape]:
    found = hall.exchange.force_orders(call.account, call.params.maybe("symbol"))
    return [asked_order(order) for order in found[-call.params.limit(50, 100) :]]


def _key(hall: Hall, call: Call) -> Shape:
    key = call.key
    return {
        "ipRestrict": key is not None and key.is_bound,
        "createTime": 0,
        "enableReading": True,
        "enableWithdrawals": key is not None and key.may_withdraw,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": key is not None and key.may_trade,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableSpotAndMarginTrading": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enablePortfolioMarginTrading": False,
    }


ACCOUNT_CALLS: dict[tuple[str, str], Endpoint] = {
    ("GET", "/fapi/v2/account"): Endpoint(_old_account, 5),
    ("GET", "/fapi/v3/account"): Endpoint(_new_account, 5),
    ("GET", "/fapi/v2/balance"): Endpoint(_balance, 5),
    ("GET", "/fapi/v3/balance"): Endpoint(_balance, 5),
    ("GET", "/fapi/v2/positionRisk"): Endpoint(_old_positions, 5),
    ("GET", "/fapi/v3/positionRisk"): Endpoint(_new_positions, 5),
    ("GET", "/fapi/v1/accountConfig"): Endpoint(_config, 5),
    ("GET", "/fapi/v1/symbolConfig"): Endpoint(_symbol_config, 5),
    ("GET", "/fapi/v1/positionSide/dual"): Endpoint(_mode, 30),
    ("POST", "/fapi/v1/positionSide/dual"): Endpoint(_set_mode, 1),
    ("GET", "/fapi/v1/multiAssetsMargin"): Endpoint(_multi_assets, 30),
    ("POST", "/fapi/v1/multiAssetsMargin"): Endpoint(_set_multi_assets, 1),
    ("POST", "/fapi/v1/leverage"): Endpoint(_set_leverage, 1, trades=True),
    ("POST", "/fapi/v1/marginType"): Endpoint(_set_margin, 1, trades=True),
    ("POST", "/fapi/v1/positionMargin"): Endpoint(_move_margin, 1, trades=True),
    ("GET", "/fapi/v1/leverageBracket"): Endpoint(_brackets, 1),
    ("GET", "/fapi/v1/commissionRate"): Endpoint(_fees, 20),
    ("GET", "/fapi/v1/income"): Endpoint(_income, 30),
    ("GET", "/fapi/v1/feeBurn"): Endpoint(_fee_burn, 30),
    ("POST", "/fapi/v1/feeBurn"): Endpoint(_set_fee_burn, 1),
    ("GET", "/fapi/v1/rateLimit/order"): Endpoint(_order_limits, 1),
    ("GET", "/fapi/v1/adlQuantile"): Endpoint(_adl, 5),
    ("GET", "/fapi/v1/forceOrders"): Endpoint(_forced, 20),
    ("GET", "/sapi/v1/account/apiRestrictions"): Endpoint(_key, 1),
}
