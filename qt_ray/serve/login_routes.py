"""Login routes: a browser's way in, by an address that works once, to a cookie that no script of any page can read."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from qt_ray.adapters.api_keys import SESSION_MS
from qt_ray.governance.access import TOKEN_LETTERS_MAX, Kind
from qt_ray.serve.answers import Json, error
from qt_ray.serve.asker import grant_of
from qt_ray.serve.gate import COOKIE
from qt_ray.serve.ports import Ports

HOME: Final = "/"


def login_routes(ports: Ports) -> APIRouter:
    """Return the way in and the way out of a browser."""
    routes = APIRouter(tags=["access"])

    @routes.get("/login")
    async def login(code: Annotated[str, Query(max_length=TOKEN_LETTERS_MAX)]) -> Response:
        """Open a session with the code of an address that `qt up` or `qt auth login` has shown."""
        session = await asyncio.to_thread(ports.keys.redeem, code)
        if session is None:
            return error(401, "not_known", "an address opens the console once and for five minutes; ask for another")
        home = RedirectResponse(HOME, 303)
        # Over plain HTTP on this machine a secure cookie would never come back, so the flag is the terminator's to add.
        home.set_cookie(COOKIE, session, SESSION_MS // 1_000, httponly=True, samesite="strict")
        return home

    @routes.get("/api/me")
    async def me(request: Request) -> Response:
        """Return whose key this is and what it is good for."""
        grant = grant_of(request)
        return Json({"person": grant.person, "is_person": grant.is_person, "scopes": grant.scopes})

    @routes.post("/api/logout")
    async def logout(request: Request) -> Response:
        """End a browser's session."""
        grant = grant_of(request)
        if grant.kind is Kind.SESSION:
            await asyncio.to_thread(ports.keys.revoke, grant.id, by=grant.person)
        gone = Json({"ended": grant.kind is Kind.SESSION})
        gone.delete_cookie(COOKIE)
        return gone

    return routes
