"""User events: a message of an account's own stream as news, strictly, in well under a tenth of a millisecond.

Nothing is dropped in silence: what breaks a rule is `Unreadable` and names it, what we have no use for is `Unheeded`.
TRADE_LITE is one of those, for the order's own report follows it and alone tells the fee.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import orjson

from qt_ray.adapters.binance.fields import ZERO, Fields
from qt_ray.adapters.binance.orders import ALGO_STATUSES, STATUSES, child_of
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Execution, OrderType, Side
from qt_ray.execution.venue.news import (
    AccountNews,
    AlgoNews,
    Held,
    LeverageNews,
    MarginCallNews,
    News,
    OrderNews,
    Unheeded,
    Unreadable,
)
from qt_ray.execution.venue.views import PositionSide

KEPT_LETTERS: Final = 200
KIND_LETTERS: Final = 40
LISTEN_KEY: Final = re.compile(r'("listenKey"\s*:\s*")[^"]*')
EXPIRED: Final = "listenKeyExpired"
SHUTDOWN: Final = "serverShutdown"
EVENTS: Final = frozenset({"NEW", "TRADE", "CANCELED", "EXPIRED", "AMENDMENT", "CALCULATED", "TRADE_PREVENTION"})
# Bookkeepers' words in the reasons of orders: "0" and "" and "NONE" all say that there is none.
NO_REASON: Final = frozenset({"0", "", "NONE"})


def news_of(text: str | bytes, at_ms: int) -> News:
    """Return what a message says."""
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return unreadable(f"a message is JSON, {error}", text, at_ms)
    try:
        return _news(unwrapped(body), at_ms)
    except Invalid as error:
        return unreadable(str(error), text, at_ms)


def unwrapped(body: Any) -> Any:
    """Return a message without the envelope in which combined streams put it."""
    return body["data"] if isinstance(body, dict) and "stream" in body and "data" in body else body


def unreadable(rule: str, text: str | bytes, at_ms: int) -> Unreadable:
    """Return the note that a message broke a rule; no key is kept with it."""
    kept = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return Unreadable(rule[:KEPT_LETTERS], LISTEN_KEY.sub(r"\1***", kept)[:KEPT_LETTERS], at_ms)


def _news(body: Any, at_ms: int) -> News:
    if not isinstance(body, dict):
        raise Invalid(f"message: an object, was {body!r:.60}")
    kind = body.get("e")
    if type(kind) is not str:
        return Unheeded("reply" if "result" in body or "id" in body else "unnamed", at_ms)
    read = READERS.get(kind)
    return Unheeded(kind[:KIND_LETTERS], at_ms) if read is None else read(Fields(body, kind))


def _order(event: Fields) -> OrderNews:
    order = event.part("o")
    happened = order.word("x", EVENTS)
    return OrderNews(
        symbol=order.text("s"),
        client_id=order.text("c"),
        venue_id=str(order.whole("i")),
        side=order.member("S", Side),
        position_side=order.member("ps", PositionSide),
        type=order.member("o", OrderType),
        event=happened,
        status=order.word("X", STATUSES),
        quantity=order.amount("q"),
        executed=order.amount("z"),
        limit_price=order.price("p"),
        average_price=order.price("ap"),
        reduce_only=order.flag("R"),
        execution=_execution(order) if happened in ("TRADE", "CALCULATED") else None,
        realised=order.number("rp") if order.has("rp") else ZERO,
        time_ms=event.moment("T"),
        reason=_reason(order, "er"),
    )


def _execution(order: Fields) -> Execution | None:
    # A liquidation is told once when it begins, before anything has traded.
    if order.has("l") and order.amount("l") == 0:
        return None
    return Execution(
        trade_id=order.whole("t"),
        quantity=order.positive("l"),
        price=order.positive("L"),
        fee=order.number("n") if order.has("n") else ZERO,
        fee_asset=order.text("N", ""),
        maker=order.flag("m"),
        time_ms=order.moment("T"),
    )


def _algo(event: Fields) -> AlgoNews:
    order = event.part("o")
    return AlgoNews(
        symbol=order.text("s"),
        client_id=order.text("caid"),
        venue_id=str(order.whole("aid")),
        side=order.member("S", Side),
        position_side=order.member("ps", PositionSide),
        type=order.member("o", OrderType),
        status=order.word("X", ALGO_STATUSES),
        quantity=order.amount("q") if order.has("q") else ZERO,
        trigger_price=order.price("tp"),
        reduce_only=order.flag("R"),
        closes_position=order.flag("cp"),
        child_id=child_of(order, "ai"),
        time_ms=event.moment("T"),
        reason=_reason(order, "rm"),
    )


def _account(event: Fields) -> AccountNews:
    change = event.part("a")
    balances = change.parts("B")
    moved = {balance.text("a"): _moved(balance) for balance in balances}
    return AccountNews(
        reason=change.text("m"),
        wallets={balance.text("a"): balance.number("wb") for balance in balances},
        changes={asset: amount for asset, amount in moved.items() if amount},
        positions=tuple(map(_held, change.parts("P"))),
        time_ms=event.moment("T"),
    )


def _moved(balance: Fields) -> Decimal:
    return balance.number("bc") if balance.has("bc") else ZERO


def _held(position: Fields) -> Held:
    return Held(
        symbol=position.text("s"),
        side=position.member("ps", PositionSide),
        quantity=position.number("pa"),
        entry=position.amount("ep"),
        unrealised=position.number("up"),
    )


def _setting(event: Fields) -> News:
    if not event.has("ac"):
        return Unheeded("ACCOUNT_CONFIG_UPDATE/ai", event.moment("E"))
    setting = event.part("ac")
    return LeverageNews(setting.text("s"), setting.whole("l"), event.moment("T"))


def _margin_call(event: Fields) -> MarginCallNews:
    return MarginCallNews(tuple(position.text("s") for position in event.parts("p")), event.moment("E"))


def _reason(order: Fields, name: str) -> str:
    text = order.text(name, "")
    return "" if text in NO_REASON else text


READERS: Final[dict[str, Callable[[Fields], News]]] = {
    "ORDER_TRADE_UPDATE": _order,
    "ALGO_UPDATE": _algo,
    "ACCOUNT_UPDATE": _account,
    "ACCOUNT_CONFIG_UPDATE": _setting,
    "MARGIN_CALL": _margin_call,
}
