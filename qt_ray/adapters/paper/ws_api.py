"""WS API: the same calls over a socket: a method's name stands for a call of the table, and the reply is wrapped.

Parameters are signed in the order of their names. Logging on needs an Ed25519 key at the real venue and is refused to
the HMAC keys given out here, in its words; so every request is signed for itself.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson

from qt_ray.adapters.paper.carriage import carry
from qt_ray.adapters.paper.door import Door, Reply, Request
from qt_ray.adapters.paper.hall import Hall
from qt_ray.adapters.paper.info_shapes import rate_limits
from qt_ray.adapters.paper.limits import Limits
from qt_ray.adapters.paper.params import params_of, spelled
from qt_ray.adapters.paper.refusals import denied

METHODS: dict[str, tuple[str, str]] = {
    "ping": ("GET", "/fapi/v1/ping"),
    "time": ("GET", "/fapi/v1/time"),
    "depth": ("GET", "/fapi/v1/depth"),
    "ticker.price": ("GET", "/fapi/v2/ticker/price"),
    "ticker.book": ("GET", "/fapi/v1/ticker/bookTicker"),
    "order.place": ("POST", "/fapi/v1/order"),
    "order.status": ("GET", "/fapi/v1/order"),
    "order.modify": ("PUT", "/fapi/v1/order"),
    "order.cancel": ("DELETE", "/fapi/v1/order"),
    "algoOrder.place": ("POST", "/fapi/v1/algoOrder"),
    "algoOrder.cancel": ("DELETE", "/fapi/v1/algoOrder"),
    "account.balance": ("GET", "/fapi/v2/balance"),
    "v2/account.balance": ("GET", "/fapi/v3/balance"),
    "account.status": ("GET", "/fapi/v2/account"),
    "v2/account.status": ("GET", "/fapi/v3/account"),
    "account.position": ("GET", "/fapi/v2/positionRisk"),
    "v2/account.position": ("GET", "/fapi/v3/positionRisk"),
    "userDataStream.start": ("POST", "/fapi/v1/listenKey"),
    "userDataStream.ping": ("PUT", "/fapi/v1/listenKey"),
    "userDataStream.stop": ("DELETE", "/fapi/v1/listenKey"),
}
NOBODY = {"apiKey": None, "authorizedSince": None, "connectedSince": 0, "returnRateLimits": True}


def request_of(wish: Mapping[str, Any], address: str) -> Request | None:
    """Return the request that a method stands for, or None when there is no such method."""
    call = METHODS.get(str(wish.get("method")))
    if call is None:
        return None
    fields = wish.get("params") or {}
    return Request(*call, params_of(fields), payloads(fields), fields.get("apiKey"), address)


def payloads(fields: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return the bytes that may be signed: the parameters by name, as they are and as a query would carry them."""
    named = {name: spelled(fields[name]) for name in sorted(fields) if name != "signature" and fields[name] is not None}
    plain = "&".join(f"{name}={value}" for name, value in named.items())
    return plain.encode(), urlencode(named).encode()


async def answer(door: Door, hall: Hall, said: bytes, address: str) -> bytes | None:
    """Carry out what a client said on the socket; return the whole answer, or None when the line is cut instead."""
    try:
        wish = orjson.loads(said)
    except orjson.JSONDecodeError:
        wish = None
    if not isinstance(wish, dict) or not isinstance(wish.get("params") or {}, dict):
        return _failed(None, 400, -1000, "Invalid JSON")
    number = wish.get("id")
    if (session := _session(wish, number)) is not None:
        return session
    request = request_of(wish, address)
    if request is None:
        return _failed(number, 400, -5000, f"Method {wish.get('method')} is invalid")
    reply = await carry(door, hall.faults, request)
    if reply is None:
        return None
    whole = _wrapped(number, reply, hall.limits)
    return whole[: len(whole) // 2] if reply.is_cut else whole


def _session(wish: Mapping[str, Any], number: Any) -> bytes | None:
    """Return the answer to what would log a session on, or None when something else is wanted."""
    method = wish.get("method")
    if method == "session.logon":
        no = denied(-4056)
        return _failed(number, 400, no.code, no.message)
    if method in ("session.status", "session.logout"):
        return orjson.dumps({"id": number, "status": 200, "result": NOBODY})
    return None


def _wrapped(number: Any, reply: Reply, limits: Limits) -> bytes:
    used = rate_limits(limits)
    used[0]["count"] = int(reply.headers.get("X-MBX-USED-WEIGHT-1M", 0))
    used[1]["count"] = int(reply.headers.get("X-MBX-ORDER-COUNT-1M", 0))
    used[2]["count"] = int(reply.headers.get("X-MBX-ORDER-COUNT-10S", 0))
    name = "result" if reply.status == 200 else "error"
    whole = {"id": number, "status": reply.status, name: orjson.Fragment(reply.body), "rateLimits": used}
    return orjson.dumps(whole)


def _failed(number: Any, status: int, code: int, message: str) -> bytes:
    return orjson.dumps({"id": number, "status": status, "error": {"code": code, "msg": message}})
