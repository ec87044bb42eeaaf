"""Doorkeeper: who may ask for forecasts, decided before a body is read; whoever is turned away is told of.

Refusals of one second are told together, so that guessing fills no record, and an address that guesses often waits.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol

from fastapi import Request

from qt_ray.core.errors import Invalid
from qt_ray.governance.access import Grant, Refused, Scope
from qt_ray.serve.wrong_keys import WINDOW_MS, WrongKeys

BEARER: Final = re.compile(r"Bearer +([!-~]{1,256})", re.IGNORECASE)


class Keys(Protocol):
    """Who is known; Invalid if nobody can be, because the keys cannot be read."""

    def known(self, token: str) -> Grant | None:
        """Return the good grant behind a token, or nothing."""


class Unfit(Exception):
    """A request that is answered with an error and nothing else."""

    def __init__(self, status: int, code: str, rule: str, detail: Any = None) -> None:
        super().__init__(rule)
        self.status, self.code, self.rule, self.detail = status, code, rule, detail


class Doorkeeper:
    """Lets those in who may read; `told` hears of the others."""

    def __init__(self, keys: Keys, told: Callable[[Refused], None], clock: Callable[[], int]) -> None:
        self._keys, self._told, self._clock, self._wrong = keys, told, clock, WrongKeys()

    async def admit(self, request: Request) -> None:
        """Return if a request may be answered; Unfit if not."""
        found = BEARER.fullmatch(request.headers.get("authorization", ""))
        try:
            grant = self._keys.known(found[1]) if found else None
        except Invalid as fault:
            raise Unfit(503, "no_keys", str(fault)) from fault
        if grant is None:
            raise self._refused(request, "", 401, "a request bears a key that is known")
        if not grant.allows(Scope.READ):
            rule = f"a key has the scope {Scope.READ}, this one has {', '.join(grant.scopes)}"
            raise self._refused(request, grant.person, 403, rule)

    def _refused(self, request: Request, who: str, status: int, rule: str) -> Unfit:
        address = request.client.host if request.client else ""
        refused = Refused(who, address, f"{request.method} {request.url.path:.200}", rule, status)
        asker = f"{address} {who}"
        seen = self._wrong.seen(asker, self._clock())
        if seen.times:
            self._told(replace(refused, times=seen.times))
        if seen.begins_to_wait:
            asyncio.get_running_loop().call_later(WINDOW_MS / 1_000, self._tell_rest, asker, refused)
        if seen.is_flood and status == 401:
            return Unfit(429, "too_many", "an address guesses few keys a second")
        return Unfit(status, "not_known" if status == 401 else "not_allowed", rule)

    def _tell_rest(self, asker: str, refused: Refused) -> None:
        if times := self._wrong.untold(asker):
            self._told(replace(refused, times=times))
