"""Gate: who asks, whether he may, and how much of his request is read; in this order, before any route is reached.

A stranger's body is never read, a slow or endless one is cut off, and every lane has its own room: whatever is asked of
the console, however often, the way to the kill switch stays open. What was turned away is told, and so is a deed that
a rule forbade to somebody who may ask; neither has changed anything.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qt_ray.core.errors import Invalid, QtError
from qt_ray.governance.access import Grant, Refused
from qt_ray.serve.answers import error
from qt_ray.serve.doors import SAFE, Door, Lane, door_of
from qt_ray.serve.overhearing import Overhearing
from qt_ray.serve.pace import BURST, PER_SECOND, Pace
from qt_ray.serve.ports import Ports
from qt_ray.serve.reading import Headers, TurnedAway, lenient, whole
from qt_ray.serve.wrong_keys import WINDOW_MS, WrongKeys

HEADER_BYTES_MAX: Final = 8 << 10
BODY_S: Final = 5.0
ANSWER_S: Final = 10.0
COOKIE: Final = "qt_session"


class Gate:
    """Stands in front of an application; what comes through bears its grant in the request's state."""

    def __init__(self, app: ASGIApp, ports: Ports, body_s: float = BODY_S, answer_s: float = ANSWER_S) -> None:
        self._app, self._ports, self._body_s, self._answer_s = app, ports, body_s, answer_s
        self._room: dict[Lane, asyncio.Semaphore] = {
            lane: asyncio.Semaphore(lane.value) for lane in Lane if lane is not Lane.KILL
        }
        self._wrong, self._pace = WrongKeys(), Pace()
        self._noting: dict[str, asyncio.Task[None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        method, path = scope.get("method", "GET"), scope["path"]
        door = door_of(method, path)
        heard, what = Overhearing(send), f"{method} {path:.200}"
        try:
            grant = scope.setdefault("state", {})["grant"] = self._admitted(scope, door, method, what)
        except TurnedAway as away:
            await _answered(away, scope, receive, send)
            return
        try:
            self._check_pace(scope, door, grant)
            await self._within(door, scope, receive, heard)
        except TurnedAway as away:
            await _answered(away, scope, receive, heard)
        if grant is not None and method not in SAFE and heard.is_refusal:
            self._tell(scope, grant.person, what, heard.status, heard.rule)

    def _check_pace(self, scope: Scope, door: Door, grant: Grant | None) -> None:
        who = f"{_address_of(scope)} {grant.person if grant else ''}"
        if door.lane is Lane.READ and not self._pace.allows(who, self._ports.clock()):
            raise TurnedAway(
                429, "too_many", f"a person reads {PER_SECOND} times a second from one address, {BURST} at once"
            )

    def _admitted(self, scope: Scope, door: Door, method: str, what: str) -> Grant | None:
        headers = _headers_of(scope)
        if door.scope is None:
            return None
        token, is_cookie = _token_of(headers)
        grant = self._known(token)
        if grant is None:
            raise self._refused(scope, "", what, 401, "a request bears a key that is known")
        if not grant.allows(door.scope):
            rule = f"a key has the scope {door.scope}, this one has {', '.join(grant.scopes)}"
            raise self._refused(scope, grant.person, what, 403, rule)
        if is_cookie and not _is_own_page(scope, headers, method):
            raise self._refused(scope, grant.person, what, 403, "a page of another origin may not ask")
        if not grant.was_used_at(self._ports.clock()) and grant.id not in self._noting:
            self._noting[grant.id] = asyncio.create_task(self._noted(grant))
        return grant

    async def _noted(self, grant: Grant) -> None:
        """Remember that a grant was used, beside the request: no disk stands in the way of the stop."""
        with suppress(QtError, OSError):  # a disk that does not take it shows an older use, which is no reason to fail
            await asyncio.to_thread(self._ports.keys.used, grant)
        del self._noting[grant.id]

    def _known(self, token: str) -> Grant | None:
        try:
            return self._ports.keys.known(token) if token else None
        except Invalid as fault:
            raise TurnedAway(503, "no_keys", str(fault)) from fault

    def _refused(self, scope: Scope, who: str, what: str, status: int, rule: str) -> TurnedAway:
        """Tell of a refusal, and return its answer."""
        if self._tell(scope, who, what, status, rule) and status == 401:
            return TurnedAway(429, "too_many", "an address guesses few keys a second")
        return TurnedAway(status, "not_known" if status == 401 else "not_allowed", rule)

    def _tell(self, scope: Scope, who: str, what: str, status: int, rule: str) -> bool:
        """Tell of a refusal, those of one second together, and return whether they are a flood."""
        address = _address_of(scope)
        # A stranger may ask for anything; somebody with a key is told of by what he asked for, and what came of it.
        asker = f"{address} {who} {what} {status}" if who else address
        refused = Refused(who, address, what, rule, status)
        seen = self._wrong.seen(asker, self._ports.clock())
        if seen.times:
            self._ports.told(replace(refused, times=seen.times))
        if seen.begins_to_wait:
            asyncio.get_running_loop().call_later(WINDOW_MS / 1_000, self._tell_rest, asker, refused)
        return seen.is_flood

    def _tell_rest(self, asker: str, refused: Refused) -> None:
        if times := self._wrong.untold(asker):
            self._ports.told(replace(refused, times=times))

    async def _within(self, door: Door, scope: Scope, receive: Receive, send: Send) -> None:
        room = None if door.lane is Lane.KILL else self._room[door.lane]
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
        elif room is None:
            await self._app(scope, lenient(receive), send)
        elif room.locked():
            raise TurnedAway(503, "busy", f"at most {door.lane.value} such requests are under way at once")
        else:
            async with room:
                await self._answered_in_time(scope, await self._read(scope, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> Receive:
        if scope["method"] in SAFE:
            return receive
        return await whole(receive, _headers_of(scope), self._body_s)

    async def _answered_in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            async with asyncio.timeout(self._answer_s):
                await self._app(scope, receive, noting)
        except TimeoutError as late:
            if begun:
                raise
            raise TurnedAway(504, "too_late", f"an answer takes at most {self._answer_s:g} s") from late


def _address_of(scope: Scope) -> str:
    address: str = (scope.get("client") or ("", 0))[0]
    return address


def _headers_of(scope: Scope) -> Headers:
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES_MAX:
        raise TurnedAway(431, "too_large", f"headers have at most {HEADER_BYTES_MAX} bytes together")
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _token_of(headers: Headers) -> tuple[str, bool]:
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return token.strip(), False
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        found = None
    return (found.value if found else ""), found is not None


def _is_own_page(scope: Scope, headers: Headers, method: str) -> bool:
    """Return whether a browser asks for a page of ours; a plain read needs no proof, nobody else sees it."""
    origin = headers.get("origin")
    if origin is None:
        return method in SAFE and scope["type"] == "http"
    try:
        return urlsplit(origin).netloc == headers.get("host")
    except ValueError:  # an origin that is no address is not ours
        return False


async def _answered(away: TurnedAway, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": away.rule[:120]})
        return
    await error(away.status, away.code, away.rule)(scope, receive, send)
