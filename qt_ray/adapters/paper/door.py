"""Door: one request in, one reply out, as values; nothing here knows a socket.

The order of checks is the venue's: the path, the address's limits, the key, the signature, the time, the orders'
limits, and only then what was asked. So each no is given for the reason the real venue would give.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import orjson

from qt_ray.adapters.paper.hall import Hall
from qt_ray.adapters.paper.keys import Key, check_signature, check_time
from qt_ray.adapters.paper.params import Params, signed_bytes
from qt_ray.adapters.paper.refusals import Denied, denied, status_of
from qt_ray.execution.exchange.values import Refusal


@dataclass(frozen=True, slots=True)
class Request:
    """What came through a socket: a call, its parameters, the spellings in which they may be signed, and the key."""

    method: str
    path: str
    params: Params
    payloads: tuple[bytes, ...]
    key: str | None = None
    address: str = "127.0.0.1"


def http_request(
    method: str, path: str, query: bytes, body: bytes, key: str | None, address: str = "127.0.0.1"
) -> Request:
    """Return a request as HTTP carries it; it is signed over the raw query and the raw body."""
    return Request(method, path, Params.read(query, body), (signed_bytes(query, body),), key, address)


@dataclass(slots=True)
class Reply:
    """What goes back; `is_cut` when the connection ends in the middle of the body."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    is_cut: bool = False


class Guard(Enum):
    """Who may ask: anybody, whoever shows a key, or whoever signs."""

    NONE = 0
    KEY = 1
    SIGNED = 2


@dataclass(slots=True)
class Call:
    """A request that passed the door: its parameters, whose it is, and when."""

    params: Params
    account: str
    now_ms: int
    key: Key | None = None
    address: str = ""


Run = Callable[[Hall, Call], Any]
Weight = int | Callable[[Params], int]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call: who may make it, what it weighs, how many orders it counts as, and what it does."""

    run: Run
    weight: Weight = 1
    guard: Guard = Guard.SIGNED
    orders: Callable[[Params], int] | None = None
    trades: bool = False


Table = Mapping[tuple[str, str], Endpoint]


def weight_of(endpoint: Endpoint, params: Params) -> int:
    """Return what a call weighs with these parameters."""
    return endpoint.weight if isinstance(endpoint.weight, int) else endpoint.weight(params)


def may_pass(hall: Hall, endpoint: Endpoint, request: Request) -> Key | None:
    """Return the key of a request that may pass, or refuse it."""
    if endpoint.guard is Guard.NONE:
        return None
    key = hall.keys.find(request.key, request.address)
    if endpoint.guard is Guard.SIGNED:
        check_signature(key, request.payloads, request.params)
        check_time(request.params, hall.now())
    if endpoint.trades and not key.may_trade:
        raise denied(-2015, address=request.address)
    return key


class Door:
    """Carries out requests on a hall by a table of endpoints."""

    def __init__(self, hall: Hall, table: Table) -> None:
        self._hall, self.table = hall, table

    def ask(self, request: Request) -> Reply:
        """Carry out one request; a refusal is a reply like any other."""
        headers: dict[str, str] = {}
        try:
            found = self._carried_out(request, headers)
        except Refusal as refusal:
            return refused(refusal, headers)
        return Reply(200, orjson.dumps(found), headers)

    def _carried_out(self, request: Request, headers: dict[str, str]) -> Any:
        endpoint = self.table.get((request.method, request.path))
        if endpoint is None:
            raise denied(-5000, path=request.path, method=request.method)
        hall, params = self._hall, request.params
        now_ms = hall.now()
        used = hall.limits.enter(request.address, weight_of(endpoint, params), now_ms)
        headers["X-MBX-USED-WEIGHT-1M"] = str(used)
        key = may_pass(hall, endpoint, request)
        account = "" if key is None else key.account
        if endpoint.orders is not None:
            ten, minute = hall.limits.order(account, endpoint.orders(params), now_ms)
            headers["X-MBX-ORDER-COUNT-10S"], headers["X-MBX-ORDER-COUNT-1M"] = str(ten), str(minute)
        try:
            return endpoint.run(hall, Call(params, account, hall.market_ms(), key, request.address))
        finally:
            hall.tell()


def refused(refusal: Refusal, headers: dict[str, str]) -> Reply:
    """Return a refusal as a reply."""
    status = status_of(refusal.code)
    if isinstance(refusal, Denied):
        status = refusal.status
        if refusal.retry_after_s is not None:
            headers["Retry-After"] = str(refusal.retry_after_s)
    return Reply(status, error_body(refusal), headers)


def error_body(refusal: Refusal) -> bytes:
    """Return a refusal's number and words as JSON."""
    return orjson.dumps({"code": refusal.code, "msg": refusal.message})
