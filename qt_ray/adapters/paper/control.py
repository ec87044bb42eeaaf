"""Control: what a test may do to the venue through a second port: put faults in force, and turn the world.

Each deed on the world is a row of a table. It is open to this machine alone and never to a client's key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from qt_ray.adapters.paper.faults import rule_of
from qt_ray.adapters.paper.front import Front
from qt_ray.adapters.paper.hall import Hall
from qt_ray.adapters.paper.hub import Listener
from qt_ray.adapters.paper.order_reading import read_order
from qt_ray.adapters.paper.order_shapes import order_shape
from qt_ray.adapters.paper.params import Params, params_of
from qt_ray.adapters.paper.pump import Pump
from qt_ray.core.errors import Invalid
from qt_ray.execution.exchange.listing import Listing
from qt_ray.execution.exchange.market import Outside
from qt_ray.execution.exchange.values import Refusal
from qt_ray.execution.venue.views import PositionSide


@dataclass(frozen=True, slots=True)
class Works:
    """What a deed may reach: everything."""

    hall: Hall
    front: Front
    market: Outside
    pump: Pump


Deed = Callable[[Works, Params], Any]
FIRST_ACCOUNT = "paper"
BURST_MAX = 10_000
RATE_MAX = 200_000
DECIMALS = frozenset(
    {
        "tick",
        "step",
        "market_step",
        "quantity_min",
        "quantity_max",
        "market_quantity_max",
        "notional_min",
        "price_min",
        "price_max",
        "maker_rate",
        "taker_rate",
    }
)


def _account(params: Params) -> str:
    return params.maybe("account") or FIRST_ACCOUNT


def _signed(params: Params, name: str) -> Decimal:
    """Return a number that may be below zero."""
    text = params.text(name)
    return -params_of({name: text[1:]}).amount(name) if text.startswith("-") else params.amount(name)


def _revoke(works: Works, params: Params) -> Any:
    key = works.hall.keys.of(_account(params))
    key.is_revoked = params.flag("revoked", True)
    key.may_trade = params.flag("may_trade", key.may_trade)
    key.may_withdraw = params.flag("may_withdraw", key.may_withdraw)
    key.is_bound = params.flag("is_bound", key.is_bound)
    return {}


def _relist(works: Works, params: Params) -> Any:
    """Change filters, fees or status of a listed symbol."""
    listing: Listing = works.hall.exchange.listing(params.text("symbol"))
    changes: dict[str, Any] = {name: params.amount(name) for name in DECIMALS if params.maybe(name)}
    if (status := params.maybe("status")) is not None:
        changes["status"] = status
    if (most := params.maybe_whole("leverage_max")) is not None:
        lowered = (replace(tier, leverage_max=min(tier.leverage_max, most)) for tier in listing.brackets)
        changes["brackets"] = tuple(lowered)
    works.hall.relist(replace(listing, **changes))
    return {}


def _jump(works: Works, params: Params) -> Any:
    """Multiply a symbol's prices, at once or over some time."""
    symbol, factor = works.hall.row(params.text("symbol")).symbol, float(params.amount("factor"))
    now_ms = works.hall.market_ms()
    works.market.jump(symbol, factor, now_ms, params.maybe_whole("over_ms") or 0)
    works.pump.step(now_ms)
    return {}


def _split(works: Works, params: Params) -> Any:
    """Let a symbol's mark and index be a factor of its last price for a while."""
    symbol, factor = works.hall.row(params.text("symbol")).symbol, float(params.amount("factor"))
    now_ms = works.hall.market_ms()
    works.market.split_mark(symbol, factor, now_ms, now_ms + params.whole("for_ms"))
    works.pump.step(now_ms)
    return {}


def _deposit(works: Works, params: Params) -> Any:
    """Change a balance from outside; below zero is a withdrawal."""
    amount = _signed(params, "amount")
    reason = params.maybe("reason") or ("DEPOSIT" if amount > 0 else "WITHDRAW")
    asset = params.maybe("asset") or "USDT"
    works.hall.exchange.deposit(_account(params), asset, amount, works.hall.market_ms(), reason)
    return {}


def _order(works: Works, params: Params) -> Any:
    """Place an order in an account's name that its client never sent."""
    order = works.hall.exchange.place(_account(params), read_order(params), works.hall.market_ms())
    return order_shape(order)


def _fund(works: Works, params: Params) -> Any:
    """Let funding be paid now, at a rate if one is given."""
    symbol = works.hall.row(params.text("symbol")).symbol
    rate = _signed(params, "rate") if params.maybe("rate") else None
    works.hall.exchange.fund(symbol, rate, works.hall.market_ms())
    return {}


def _deleverage(works: Works, params: Params) -> Any:
    """Close a part of an account's position as automatic deleveraging does."""
    side = params.choice("positionSide", PositionSide, PositionSide.BOTH)
    order = works.hall.exchange.deleverage(
        _account(params),
        params.text("symbol"),
        side,
        params.amount("quantity"),
        params.amount("price"),
        works.hall.market_ms(),
    )
    return order_shape(order)


def _leverage(works: Works, params: Params) -> Any:
    """Set an account's leverage by somebody else's hand."""
    now_ms = works.hall.market_ms()
    works.hall.exchange.set_leverage(_account(params), params.text("symbol"), params.whole("leverage"), now_ms)
    return {}


def _end_listen_key(works: Works, params: Params) -> Any:
    """Let an account's listen key end, and say so if wanted."""
    key = works.hall.listen_keys.close(_account(params))
    if key is not None and params.flag("told"):
        works.hall.farewell(key, works.hall.now())
    return {"ended": key is not None}


def _skew(works: Works, params: Params) -> Any:
    """Put the venue's clock wrong, as far as requests are dated by it."""
    works.hall.clock.skew_ms = int(_signed(params, "ms"))
    return {}


def _meant(params: Params) -> Callable[[Listener], bool]:
    """Return which sockets are meant: all, those of one road, or those that hear a stream."""
    road, stream = params.maybe("road"), params.maybe("stream")
    return lambda listener: (road is None or listener.road == road) and (stream is None or stream in listener.names)


def _close(works: Works, params: Params) -> Any:
    return {"closed": works.front.close(_meant(params))}


def _stall(works: Works, params: Params) -> Any:
    return {"stalled": works.front.stall(_meant(params), True)}


def _resume(works: Works, params: Params) -> Any:
    return {"resumed": works.front.stall(_meant(params), False)}


def _announce_shutdown(works: Works, params: Params) -> Any:
    """Say to every socket that the venue will soon restart, as it does before it closes them."""
    return {"told": works.front.announce(b'{"e":"serverShutdown","E":%d}' % works.hall.now())}


def _burst(works: Works, params: Params) -> Any:
    """Tell every symbol's best prices many times over: at once, or at a rate of messages a second for a while."""
    if (rate := params.maybe_whole("rate")) is not None:
        if rate > RATE_MAX:
            raise Invalid(f"rate: {RATE_MAX} a second at most, was {rate}")
        works.hall.feed.storm(rate, params.whole("for_ms"), works.hall.market_ms())
        return {}
    rounds = params.whole("rounds")
    if rounds > BURST_MAX:
        raise Invalid(f"rounds: {BURST_MAX} at most, was {rounds}")
    works.hall.feed.repeat(rounds, works.hall.market_ms())
    return {}


DEEDS: dict[str, Deed] = {
    "key": _revoke,
    "relist": _relist,
    "jump": _jump,
    "split": _split,
    "deposit": _deposit,
    "order": _order,
    "fund": _fund,
    "deleverage": _deleverage,
    "leverage": _leverage,
    "end_listen_key": _end_listen_key,
    "skew": _skew,
    "close": _close,
    "stall": _stall,
    "resume": _resume,
    "announce_shutdown": _announce_shutdown,
    "burst": _burst,
}


class Control:
    """The control port."""

    def __init__(self, works: Works) -> None:
        self._works = works

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request: GET, POST or DELETE /faults, POST /do/DEED."""
        try:
            found = self.act(request.method, request.path, await request.read())
        except Invalid as error:
            return web.json_response({"error": str(error)}, status=400)
        except Refusal as error:
            return web.json_response({"error": error.message, "code": error.code}, status=400)
        return web.Response(body=orjson.dumps(found), content_type="application/json")

    def act(self, method: str, path: str, body: bytes) -> Any:
        """Carry out one request of the control port."""
        faults, data = self._works.hall.faults, _fields(body)
        if path == "/faults":
            if method == "POST":
                return {"id": faults.add(rule_of(data)).id}
            if method == "DELETE":
                return {"lifted": faults.remove(data.get("id"))}
            return faults.shown()
        deed = DEEDS.get(path.removeprefix("/do/")) if method == "POST" and path.startswith("/do/") else None
        if deed is None:
            raise Invalid(f"control: /faults, or POST /do/ and one of {', '.join(DEEDS)}, was {method} {path:.60}")
        return self.do(path.removeprefix("/do/"), data)

    def do(self, name: str, data: Mapping[str, Any]) -> Any:
        """Carry out a deed on the world, count it, and tell everybody what came of it."""
        self._works.hall.hub.flush()
        found = DEEDS[name](self._works, params_of(data))
        self._works.hall.faults.note(name)
        self._works.hall.tell()
        return found


def _fields(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"control: a body is JSON, {error}") from None
    if not isinstance(found, dict):
        raise Invalid(f"control: a body is an object, was {type(found).__name__}")
    return found
