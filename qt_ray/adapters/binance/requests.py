"""Requests: each call as what goes over the wire, one table row each; sending and reading know nothing of calls.

A call is one or more steps in order. A step that changes something is sent once and never again; a question may be
repeated. What the first step's answer lacks, a second step asks for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from qt_ray.adapters.binance.account import (
    account_view,
    brackets_of,
    income_view,
    key_by_account,
    key_of,
    mode_of,
    position_view,
    symbol_mode,
)
from qt_ray.adapters.binance.fields import Fields, each
from qt_ray.adapters.binance.order_requests import batch_parameters, names, order_parameters
from qt_ray.adapters.binance.orders import algo_view, element, order_view, trade_view
from qt_ray.adapters.binance.rules import book_view, marks_of, rules_of
from qt_ray.adapters.binance.signing import Pairs
from qt_ray.core.codec import decimal_text
from qt_ray.execution.venue import calls
from qt_ray.execution.venue.calls import Call, Done

Read = Callable[[Any], Done[Any]]
DEPTH_WEIGHTS: Final = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1_000: 20}


@dataclass(frozen=True, slots=True)
class Step:
    """One request: how it is sent, what it weighs, and how its answer is read."""

    method: str
    path: str
    pairs: Pairs
    read: Read
    weight: int = 1
    orders: int = 0
    is_signed: bool = True
    asks_keys: bool = False

    @property
    def changes(self) -> bool:
        """Return whether the venue is another one afterwards."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of one call, and how their values become the call's own; without a rule the last one is it."""

    steps: tuple[Step, ...]
    join: Callable[[list[Any]], Done[Any]] | None = field(default=None)


def plan_of(call: Call, tells_keys: bool) -> Plan:
    """Return how a call is carried out; `tells_keys` where the venue answers for the key itself."""
    if isinstance(call, calls.AskKey):
        return Plan((KEY if tells_keys else KEY_BY_ACCOUNT,))
    return ROWS[type(call)](call)


def one(read: Callable[[Fields], Any], where: str) -> Read:
    """Return the reading of a single object."""
    return lambda body: Done(read(Fields(body, where)))


def many(read: Callable[[Fields], Any], where: str) -> Read:
    """Return the reading of a list, in which a bad element hides no good one."""
    return lambda body: Done(*each(body, where, read))


def nothing(body: Any) -> Done[None]:
    """Return nothing: that it was done is all there is to know, as long as the venue said so in its own words."""
    Fields(body, "acknowledgement")
    return Done(None)


ORDER, ALGO = one(order_view, "order"), one(algo_view, "algoOrder")
KEY: Final = Step("GET", "/sapi/v1/account/apiRestrictions", (), one(key_of, "apiRestrictions"), asks_keys=True)
KEY_BY_ACCOUNT: Final = Step("GET", "/fapi/v2/account", (), one(key_by_account, "account"), weight=5)


def _place(call: calls.Place) -> Plan:
    pairs = order_parameters(call.intent)
    if call.intent.type.is_conditional:
        return Plan((Step("POST", "/fapi/v1/algoOrder", pairs, ALGO, 0, 1),))
    return Plan((Step("POST", "/fapi/v1/order", pairs, ORDER, 0, 1),))


def _place_many(call: calls.PlaceMany) -> Plan:
    pairs = batch_parameters(call.intents)
    return Plan((Step("POST", "/fapi/v1/batchOrders", pairs, _elements(len(call.intents)), 5, len(call.intents)),))


def _elements(count: int) -> Read:
    """Return the reading of a batch: as many answers as were asked for, each readable, or none counts."""

    def read(body: Any) -> Done[Any]:
        data = Fields({"elements": body}, "batchOrders")
        return Done(tuple(map(element, data.parts("elements", count))))

    return read


def _cancel(call: calls.Cancel) -> Plan:
    if not call.conditional:
        pairs = (("symbol", call.symbol), ("origClientOrderId", call.client_id))
        return Plan((Step("DELETE", "/fapi/v1/order", pairs, ORDER),))
    return _cancel_algo((("clientAlgoId", call.client_id),))


def _cancel_by_id(call: calls.CancelById) -> Plan:
    if not call.conditional:
        pairs = (("symbol", call.symbol), ("orderId", call.venue_id))
        return Plan((Step("DELETE", "/fapi/v1/order", pairs, ORDER),))
    return _cancel_algo((("algoId", call.venue_id),))


def _cancel_algo(named: Pairs) -> Plan:
    cancel = Step("DELETE", "/fapi/v1/algoOrder", named, nothing)
    return Plan((cancel, Step("GET", "/fapi/v1/algoOrder", named, ALGO)))


def _cancel_many(call: calls.CancelMany) -> Plan:
    pairs = (("symbol", call.symbol), ("origClientOrderIdList", names(call.client_ids)))
    return Plan((Step("DELETE", "/fapi/v1/batchOrders", pairs, _elements(len(call.client_ids))),))


def _cancel_all(call: calls.CancelAll) -> Plan:
    path = "/fapi/v1/algoOpenOrders" if call.conditional else "/fapi/v1/allOpenOrders"
    return Plan((Step("DELETE", path, (("symbol", call.symbol),), nothing),))


def _amend(call: calls.Amend) -> Plan:
    pairs = (
        ("symbol", call.symbol),
        ("origClientOrderId", call.client_id),
        ("side", call.side.value),
        ("quantity", decimal_text(call.quantity)),
        ("price", decimal_text(call.price)),
    )
    return Plan((Step("PUT", "/fapi/v1/order", pairs, ORDER, 1, 1),))


def _countdown(call: calls.Countdown) -> Plan:
    pairs = (("symbol", call.symbol), ("countdownTime", str(call.after_ms)))
    return Plan((Step("POST", "/fapi/v1/countdownCancelAll", pairs, nothing, 10),))


def _ask_order(call: calls.AskOrder) -> Plan:
    if call.conditional:
        return Plan((Step("GET", "/fapi/v1/algoOrder", (("clientAlgoId", call.client_id),), ALGO),))
    pairs = (("symbol", call.symbol), ("origClientOrderId", call.client_id))
    return Plan((Step("GET", "/fapi/v1/order", pairs, ORDER),))


def _ask_open_orders(call: calls.AskOpenOrders) -> Plan:
    read = many(algo_view, "openAlgoOrders") if call.conditional else many(order_view, "openOrders")
    path = "/fapi/v1/openAlgoOrders" if call.conditional else "/fapi/v1/openOrders"
    return Plan((Step("GET", path, _given(symbol=call.symbol), read, 1 if call.symbol else 40),))


def _ask_trades(call: calls.AskTrades) -> Plan:
    since = None if call.from_id is not None else call.since_ms
    pairs = _given(symbol=call.symbol, fromId=call.from_id, startTime=since, limit=call.limit)
    return Plan((Step("GET", "/fapi/v1/userTrades", pairs, many(trade_view, "userTrades"), 5),))


def _ask_income(call: calls.AskIncome) -> Plan:
    pairs = _given(incomeType=call.kind, startTime=call.since_ms, limit=call.limit)
    return Plan((Step("GET", "/fapi/v1/income", pairs, many(income_view, "income"), 30),))


def _ask_positions(call: calls.AskPositions) -> Plan:
    read = many(position_view, "positionRisk")
    return Plan((Step("GET", "/fapi/v3/positionRisk", _given(symbol=call.symbol), read, 5),))


def _ask_account(call: calls.AskAccount) -> Plan:
    return Plan((Step("GET", "/fapi/v2/account", (), one(account_view, "account"), 5),))


def _ask_mode(call: calls.AskMode) -> Plan:
    hedge = one(lambda body: body.flag("dualSidePosition"), "positionSide/dual")
    multi = one(lambda body: body.flag("multiAssetsMargin"), "multiAssetsMargin")
    sides = Step("GET", "/fapi/v1/positionSide/dual", (), hedge, 30)
    assets = Step("GET", "/fapi/v1/multiAssetsMargin", (), multi, 30)
    symbols = Step("GET", "/fapi/v1/symbolConfig", (), lambda body: Done(each(body, "symbolConfig", symbol_mode)), 5)
    return Plan((sides, assets, symbols), mode_of)


def _ask_rules(call: calls.AskRules) -> Plan:
    return Plan((Step("GET", "/fapi/v1/exchangeInfo", (), rules_of, is_signed=False),))


def _ask_brackets(call: calls.AskBrackets) -> Plan:
    return Plan((Step("GET", "/fapi/v1/leverageBracket", (), brackets_of),))


def _ask_book(call: calls.AskBook) -> Plan:
    read = one(lambda body: book_view(call.symbol, body), "depth")
    pairs = (("symbol", call.symbol), ("limit", str(call.levels)))
    return Plan((Step("GET", "/fapi/v1/depth", pairs, read, DEPTH_WEIGHTS[call.levels], is_signed=False),))


def _ask_marks(call: calls.AskMarks) -> Plan:
    return Plan((Step("GET", "/fapi/v1/premiumIndex", (), marks_of, 10, is_signed=False),))


def _ask_time(call: calls.AskTime) -> Plan:
    read = one(lambda body: body.moment("serverTime"), "time")
    return Plan((Step("GET", "/fapi/v1/time", (), read, is_signed=False),))


def _set_leverage(call: calls.SetLeverage) -> Plan:
    pairs = (("symbol", call.symbol), ("leverage", str(call.leverage)))
    shown = Step("GET", "/fapi/v1/symbolConfig", (("symbol", call.symbol),), _only(call.symbol), 5)
    return Plan((Step("POST", "/fapi/v1/leverage", pairs, nothing), shown))


def _only(symbol: str) -> Read:
    """Return the reading of the one symbol that a list was asked for."""

    def read(body: Any) -> Done[Any]:
        data = Fields({"symbols": body}, "symbolConfig")
        found = [part for part in data.parts("symbols") if part.text("symbol") == symbol]
        return Done(symbol_mode(found[0] if found else data.part(symbol)))

    return read


def _set_margin(call: calls.SetMargin) -> Plan:
    pairs = (("symbol", call.symbol), ("marginType", "ISOLATED" if call.isolated else "CROSSED"))
    return Plan((Step("POST", "/fapi/v1/marginType", pairs, nothing),))


def _set_hedge_mode(call: calls.SetHedgeMode) -> Plan:
    pairs = (("dualSidePosition", "true" if call.hedge else "false"),)
    return Plan((Step("POST", "/fapi/v1/positionSide/dual", pairs, nothing),))


def _given(**values: str | int | Decimal | None) -> Pairs:
    return tuple((name, str(value)) for name, value in values.items() if value is not None)


ROWS: Final[dict[type[Any], Callable[[Any], Plan]]] = {
    calls.Place: _place,
    calls.PlaceMany: _place_many,
    calls.Cancel: _cancel,
    calls.CancelById: _cancel_by_id,
    calls.CancelMany: _cancel_many,
    calls.CancelAll: _cancel_all,
    calls.Amend: _amend,
    calls.Countdown: _countdown,
    calls.AskOrder: _ask_order,
    calls.AskOpenOrders: _ask_open_orders,
    calls.AskTrades: _ask_trades,
    calls.AskIncome: _ask_income,
    calls.AskPositions: _ask_positions,
    calls.AskAccount: _ask_account,
    calls.AskMode: _ask_mode,
    calls.AskRules: _ask_rules,
    calls.AskBrackets: _ask_brackets,
    calls.AskBook: _ask_book,
    calls.AskMarks: _ask_marks,
    calls.AskTime: _ask_time,
    calls.SetLeverage: _set_leverage,
    calls.SetMargin: _set_margin,
    calls.SetHedgeMode: _set_hedge_mode,
}
