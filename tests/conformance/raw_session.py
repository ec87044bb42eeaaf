"""A venue session that shares no line with our adapter: it signs, sends and reads by itself, as somebody who has only
read the venue's documentation would."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from qt_ray.core.instruments import Bracket
from qt_ray.core.orders import Execution, Intent, OrderType, PositionSide, Side
from qt_ray.execution.venue import calls
from qt_ray.execution.venue.calls import Answer, Call, Done, Refused
from qt_ray.execution.venue.news import (
    AccountNews,
    AlgoNews,
    Held,
    LeverageNews,
    MarginCallNews,
    News,
    OrderNews,
    StreamUp,
    Unheeded,
)
from qt_ray.execution.venue.views import (
    AccountView,
    BookView,
    IncomeView,
    KeyView,
    MarkView,
    ModeView,
    OrderView,
    PositionView,
    RulesView,
    SymbolMode,
    SymbolRules,
    TradeView,
)

KEY, SECRET = "paper", "paper"
Json = Any
Read = Callable[[Json], Any]
Request = tuple[str, str, dict[str, Any], Read]


def some(text: str | None) -> Decimal | None:
    """Return a price, or None where the venue writes zero or nothing."""
    return Decimal(text) or None if text else None


def shown_order(o: Json) -> OrderView:
    return OrderView(
        str(o["orderId"]),
        o["clientOrderId"],
        o["symbol"],
        Side(o["side"]),
        OrderType(o["type"]),
        False,
        o["status"],
        Decimal(o["origQty"]),
        Decimal(o["executedQty"]),
        some(o["avgPrice"]),
        some(o["price"]),
        some(o["stopPrice"]),
        o["reduceOnly"],
        o["closePosition"],
        PositionSide(o["positionSide"]),
        o["timeInForce"],
        o.get("time", o["updateTime"]),
        o["updateTime"],
    )


def shown_algo(o: Json) -> OrderView:
    return OrderView(
        str(o["algoId"]),
        o["clientAlgoId"],
        o["symbol"],
        Side(o["side"]),
        OrderType(o["orderType"]),
        True,
        o["algoStatus"],
        Decimal(o["quantity"]),
        Decimal(o.get("actualQty", "0")),
        some(o.get("actualPrice")),
        some(o["price"]),
        some(o["triggerPrice"]),
        o["reduceOnly"],
        o["closePosition"],
        PositionSide(o["positionSide"]),
        o["timeInForce"],
        o["createTime"],
        o["updateTime"],
        o.get("actualOrderId") or None,
    )


def shown_trade(t: Json) -> TradeView:
    done = Execution(
        t["id"],
        Decimal(t["qty"]),
        Decimal(t["price"]),
        Decimal(t["commission"]),
        t["commissionAsset"],
        t["maker"],
        t["time"],
    )
    side, held = Side(t["side"]), PositionSide(t["positionSide"])
    return TradeView(str(t["orderId"]), t["symbol"], side, held, done, Decimal(t["realizedPnl"]))


def shown_income(i: Json) -> IncomeView:
    amount = Decimal(i["income"])
    return IncomeView(i["tranId"], i["incomeType"], i["asset"], amount, i["symbol"], i["time"], i["tradeId"])


def shown_position(p: Json) -> PositionView:
    return PositionView(
        p["symbol"],
        PositionSide(p["positionSide"]),
        Decimal(p["positionAmt"]),
        Decimal(p["entryPrice"]),
        Decimal(p["markPrice"]),
        Decimal(p["unRealizedProfit"]),
        some(p["liquidationPrice"]),
        Decimal(p["isolatedWallet"]) if Decimal(p["isolatedMargin"]) else None,
        p["updateTime"],
    )


def shown_account(a: Json) -> AccountView:
    figures = (
        "totalUnrealizedProfit",
        "totalMarginBalance",
        "totalInitialMargin",
        "totalMaintMargin",
        "availableBalance",
    )
    wallets = {asset["asset"]: Decimal(asset["walletBalance"]) for asset in a["assets"]}
    return AccountView(wallets, *(Decimal(a[name]) for name in figures), a["canTrade"], a["canWithdraw"])


def shown_mode(c: Json) -> SymbolMode:
    return SymbolMode(c["symbol"], c["leverage"], c["marginType"] == "ISOLATED", Decimal(c["maxNotionalValue"]))


def shown_symbol(s: Json) -> SymbolRules:
    kinds = {each["filterType"]: each for each in s["filters"]}
    price, lot, market = kinds["PRICE_FILTER"], kinds["LOT_SIZE"], kinds["MARKET_LOT_SIZE"]
    return SymbolRules(
        symbol=s["symbol"],
        status=s["status"],
        contract=s["contractType"],
        base=s["baseAsset"],
        quote=s["quoteAsset"],
        tick=Decimal(price["tickSize"]),
        step=Decimal(lot["stepSize"]),
        quantity_min=Decimal(lot["minQty"]),
        quantity_max=Decimal(lot["maxQty"]),
        market_step=Decimal(market["stepSize"]),
        market_quantity_max=Decimal(market["maxQty"]),
        notional_min=Decimal(kinds["MIN_NOTIONAL"]["notional"]),
        price_min=Decimal(price["minPrice"]),
        price_max=Decimal(price["maxPrice"]),
        price_up=Decimal(kinds["PERCENT_PRICE"]["multiplierUp"]),
        price_down=Decimal(kinds["PERCENT_PRICE"]["multiplierDown"]),
        orders_max=kinds["MAX_NUM_ORDERS"]["limit"],
        liquidation_rate=Decimal(s["liquidationFee"]),
        market_take_bound=Decimal(s["marketTakeBound"]),
        order_types=tuple(s["orderTypes"]),
        times_in_force=tuple(s["timeInForce"]),
    )


def shown_rules(r: Json) -> RulesView:
    symbols = {each["symbol"]: shown_symbol(each) for each in r["symbols"]}
    limits = {(each["rateLimitType"], each["intervalNum"]): each["limit"] for each in r["rateLimits"]}
    return RulesView(symbols, limits["REQUEST_WEIGHT", 1], limits["ORDERS", 10], limits["ORDERS", 1], r["serverTime"])


def shown_brackets(found: Json) -> dict[str, tuple[Bracket, ...]]:
    def bracket(b: Json) -> Bracket:
        rate, deduction = Decimal(str(b["maintMarginRatio"])), Decimal(str(b["cum"]))
        return Bracket(Decimal(b["notionalFloor"]), b["initialLeverage"], rate, deduction)

    return {each["symbol"]: tuple(map(bracket, each["brackets"])) for each in found}


def shown_mark(m: Json) -> MarkView:
    names = ("markPrice", "indexPrice", "lastFundingRate")
    return MarkView(m["symbol"], *(Decimal(m[name]) for name in names), m["nextFundingTime"], m["time"])


def every(read: Read) -> Read:
    return lambda found: tuple(map(read, found))


def element(found: Json) -> Done[OrderView] | Refused:
    return Refused(found["code"], found["msg"]) if "code" in found else Done(shown_order(found))


def wanted(intent: Intent) -> dict[str, Any]:
    """Return an order's fields."""
    fields: dict[str, Any] = {"symbol": intent.symbol, "side": intent.side.value, "type": intent.type.value}
    fields["quantity"] = f"{intent.quantity:f}"
    if intent.limit_price is not None:
        fields |= {"price": f"{intent.limit_price:f}", "timeInForce": intent.time_in_force.value}
    if intent.position_side != "BOTH":
        fields["positionSide"] = intent.position_side.value
    elif intent.reduce_only:
        fields["reduceOnly"] = "true"
    if not intent.reduce_only:
        fields["selfTradePreventionMode"] = "EXPIRE_TAKER"
    if not intent.type.is_conditional:
        return {**fields, "newClientOrderId": intent.client_id, "newOrderRespType": "RESULT"}
    working = "MARK_PRICE" if intent.type.value.startswith("STOP") else "CONTRACT_PRICE"
    fields |= {"algoType": "CONDITIONAL", "clientAlgoId": intent.client_id, "workingType": working}
    return {**fields, "triggerPrice": f"{intent.trigger_price:f}"}


def nothing(found: Json) -> None:
    assert isinstance(found, dict)


def place(call: calls.Place) -> Request:
    conditional = call.intent.type.is_conditional
    path, read = ("algoOrder", shown_algo) if conditional else ("order", shown_order)
    return "POST", f"/fapi/v1/{path}", wanted(call.intent), read


def place_many(call: calls.PlaceMany) -> Request:
    orders = json.dumps([wanted(intent) for intent in call.intents])
    return "POST", "/fapi/v1/batchOrders", {"batchOrders": orders}, every(element)


def cancel_many(call: calls.CancelMany) -> Request:
    fields = {"symbol": call.symbol, "origClientOrderIdList": json.dumps(list(call.client_ids))}
    return "DELETE", "/fapi/v1/batchOrders", fields, every(element)


def amend(call: calls.Amend) -> Request:
    fields = {"symbol": call.symbol, "origClientOrderId": call.client_id, "side": call.side.value}
    fields |= {"quantity": f"{call.quantity:f}", "price": f"{call.price:f}"}
    return "PUT", "/fapi/v1/order", fields, shown_order


def ask_order(call: calls.AskOrder) -> Request:
    if call.conditional:
        return "GET", "/fapi/v1/algoOrder", {"clientAlgoId": call.client_id}, shown_algo
    fields = {"symbol": call.symbol, "origClientOrderId": call.client_id}
    return "GET", "/fapi/v1/order", fields, shown_order


def open_orders(call: calls.AskOpenOrders) -> Request:
    fields = {"symbol": call.symbol}
    if call.conditional:
        return "GET", "/fapi/v1/openAlgoOrders", fields, every(shown_algo)
    return "GET", "/fapi/v1/openOrders", fields, every(shown_order)


def trades(call: calls.AskTrades) -> Request:
    fields = {"symbol": call.symbol, "fromId": call.from_id, "startTime": call.since_ms, "limit": call.limit}
    return "GET", "/fapi/v1/userTrades", fields, every(shown_trade)


def income(call: calls.AskIncome) -> Request:
    fields = {"incomeType": call.kind, "startTime": call.since_ms, "limit": call.limit}
    return "GET", "/fapi/v1/income", fields, every(shown_income)


def book(call: calls.AskBook) -> Request:
    def read(b: Json) -> BookView:
        sides = (tuple((Decimal(p), Decimal(q)) for p, q in b[name]) for name in ("bids", "asks"))
        return BookView(call.symbol, b["lastUpdateId"], *sides, b["E"])

    return "GET", "/fapi/v1/depth", {"symbol": call.symbol, "limit": call.levels}, read


def key(k: Json) -> KeyView:
    return KeyView(k["enableFutures"], k["enableWithdrawals"], k["ipRestrict"])


def margin(call: calls.SetMargin) -> Request:
    kind = "ISOLATED" if call.isolated else "CROSSED"
    return "POST", "/fapi/v1/marginType", {"symbol": call.symbol, "marginType": kind}, nothing


REQUESTS: dict[type, Callable[[Any], Request]] = {
    calls.Place: place,
    calls.PlaceMany: place_many,
    calls.CancelMany: cancel_many,
    calls.CancelAll: lambda c: (
        "DELETE",
        f"/fapi/v1/{'algoOpenOrders' if c.conditional else 'allOpenOrders'}",
        {"symbol": c.symbol},
        nothing,
    ),
    calls.Amend: amend,
    calls.Countdown: lambda c: (
        "POST",
        "/fapi/v1/countdownCancelAll",
        {"symbol": c.symbol, "countdownTime": c.after_ms},
        nothing,
    ),
    calls.AskOrder: ask_order,
    calls.AskOpenOrders: open_orders,
    calls.AskTrades: trades,
    calls.AskIncome: income,
    calls.AskPositions: lambda c: ("GET", "/fapi/v3/positionRisk", {"symbol": c.symbol}, every(shown_position)),
    calls.AskAccount: lambda c: ("GET", "/fapi/v2/account", {}, shown_account),
    calls.AskKey: lambda c: ("GET", "/sapi/v1/account/apiRestrictions", {}, key),
    calls.AskRules: lambda c: ("GET", "/fapi/v1/exchangeInfo", {}, shown_rules),
    calls.AskBrackets: lambda c: ("GET", "/fapi/v1/leverageBracket", {}, shown_brackets),
    calls.AskBook: book,
    calls.AskMarks: lambda c: (
        "GET",
        "/fapi/v1/premiumIndex",
        {},
        lambda found: {m["symbol"]: shown_mark(m) for m in found},
    ),
    calls.AskTime: lambda c: ("GET", "/fapi/v1/time", {}, lambda t: t["serverTime"]),
    calls.SetMargin: margin,
    calls.SetHedgeMode: lambda c: (
        "POST",
        "/fapi/v1/positionSide/dual",
        {"dualSidePosition": str(c.hedge).lower()},
        nothing,
    ),
}


def signature(text: str, secret: str = SECRET) -> str:
    """Return what signs a text."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class RawSession:
    """Somebody with a key, an HTTP client and the documentation."""

    def __init__(self, base_url: str, ws_url: str) -> None:
        self.base_url, self.ws_url = base_url, ws_url
        self.http = aiohttp.ClientSession()

    async def send(
        self, method: str, path: str, fields: dict[str, Any], key: str | None = KEY, secret: str = SECRET
    ) -> tuple[int, Json]:
        """Send one signed request; return status and JSON."""
        given = {"timestamp": time.time_ns() // 1_000_000, **fields}
        pairs = [(name, quote(str(value), safe="")) for name, value in given.items() if value is not None]
        query = "&".join(f"{name}={value}" for name, value in pairs)
        got = await self.raw(method, f"{path}?{query}&signature={signature(query, secret)}", key=key)
        return got[0], json.loads(got[1])

    async def raw(
        self, method: str, target: str, body: bytes = b"", key: str | None = KEY, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """Send exactly these bytes; return status, body and headers."""
        sent = headers if key is None else {"X-MBX-APIKEY": key, **headers}
        url = URL(self.base_url + target, encoded=True)
        async with self.http.request(method, url, data=body or None, headers=sent) as got:
            return got.status, await got.read(), dict(got.headers)

    async def ask(self, call: Call) -> Answer[Any]:
        """Carry out one call."""
        if isinstance(call, calls.Cancel | calls.CancelById):
            return await self._cancel(call)
        if isinstance(call, calls.SetLeverage):
            return await self._set_leverage(call)
        if isinstance(call, calls.AskMode):
            return await self._mode()
        return await self._one(REQUESTS[type(call)](call))

    async def _one(self, request: Request) -> Answer[Any]:
        method, path, fields, read = request
        status, found = await self.send(method, path, fields)
        if status != 200:
            return Refused(found["code"], found["msg"])
        return Done(read(found))

    async def _cancel(self, call: calls.Cancel | calls.CancelById) -> Answer[Any]:
        by_name = isinstance(call, calls.Cancel)
        named = call.client_id if isinstance(call, calls.Cancel) else call.venue_id
        if not call.conditional:
            fields = {"symbol": call.symbol, "origClientOrderId" if by_name else "orderId": named}
            return await self._one(("DELETE", "/fapi/v1/order", fields, shown_order))
        fields = {"clientAlgoId" if by_name else "algoId": named}
        ended = await self._one(("DELETE", "/fapi/v1/algoOrder", fields, nothing))
        return await self._one(("GET", "/fapi/v1/algoOrder", fields, shown_algo)) if isinstance(ended, Done) else ended

    async def _set_leverage(self, call: calls.SetLeverage) -> Answer[Any]:
        fields = {"symbol": call.symbol, "leverage": call.leverage}
        done = await self._one(("POST", "/fapi/v1/leverage", fields, nothing))
        shown: Request = ("GET", "/fapi/v1/symbolConfig", {"symbol": call.symbol}, lambda c: shown_mode(c[0]))
        return await self._one(shown) if isinstance(done, Done) else done

    async def _mode(self) -> Answer[Any]:
        _, sides = await self.send("GET", "/fapi/v1/positionSide/dual", {})
        _, assets = await self.send("GET", "/fapi/v1/multiAssetsMargin", {})
        _, symbols = await self.send("GET", "/fapi/v1/symbolConfig", {})
        modes = {each["symbol"]: shown_mode(each) for each in symbols}
        return Done(ModeView(sides["dualSidePosition"], assets["multiAssetsMargin"], modes))

    async def news(self) -> AsyncIterator[News]:
        """Yield what is told over a socket of our own."""
        _, made = await self.send("POST", "/fapi/v1/listenKey", {})
        async with self.http.ws_connect(f"{self.ws_url}/private/ws?listenKey={made['listenKey']}") as socket:
            yield StreamUp(0)
            async for message in socket:
                yield heard(json.loads(message.data))

    async def close(self) -> None:
        """End the conversation."""
        await self.http.close()


def heard(event: Json) -> News:
    """Return an event as news."""
    kind = event["e"]
    if kind == "ORDER_TRADE_UPDATE":
        return heard_order(event["o"], event["T"])
    if kind == "ALGO_UPDATE":
        return heard_algo(event["o"], event["T"])
    if kind == "ACCOUNT_UPDATE":
        return heard_account(event["a"], event["T"])
    if kind == "ACCOUNT_CONFIG_UPDATE" and "ac" in event:
        return LeverageNews(event["ac"]["s"], event["ac"]["l"], event["T"])
    if kind == "MARGIN_CALL":
        return MarginCallNews(tuple(p["s"] for p in event["p"]), event["E"])
    return Unheeded(kind, event["E"])


def heard_order(o: Json, at_ms: int) -> OrderNews:
    quantity, price = Decimal(o["l"]), Decimal(o["L"])
    done = Execution(o["t"], quantity, price, Decimal(o["n"]), o["N"], o["m"], o["T"]) if quantity else None
    return OrderNews(
        o["s"],
        o["c"],
        str(o["i"]),
        Side(o["S"]),
        PositionSide(o["ps"]),
        OrderType(o["o"]),
        o["x"],
        o["X"],
        Decimal(o["q"]),
        Decimal(o["z"]),
        some(o["p"]),
        some(o["ap"]),
        o["R"],
        done,
        Decimal(o["rp"]),
        at_ms,
        "" if o["er"] == "0" else o["er"],
    )


def heard_algo(o: Json, at_ms: int) -> AlgoNews:
    return AlgoNews(
        o["s"],
        o["caid"],
        str(o["aid"]),
        Side(o["S"]),
        PositionSide(o["ps"]),
        OrderType(o["o"]),
        o["X"],
        Decimal(o["q"]),
        some(o["tp"]),
        o["R"],
        o["cp"],
        o["ai"] or None,
        at_ms,
        o["rm"],
    )


def heard_account(a: Json, at_ms: int) -> AccountNews:
    wallets = {b["a"]: Decimal(b["wb"]) for b in a["B"]}
    changes = {b["a"]: Decimal(b["bc"]) for b in a["B"] if Decimal(b["bc"])}
    held = tuple(
        Held(p["s"], PositionSide(p["ps"]), Decimal(p["pa"]), Decimal(p["ep"]), Decimal(p["up"])) for p in a["P"]
    )
    return AccountNews(a["m"], wallets, changes, held, at_ms)
