"""Emergency routes: the stop, which nothing here may delay, and the reset, which is a person's with a reason.

The emergency stop is asked first. If it does not answer within a second the latch is closed here, which shuts every
entry of the account out, and the policy store is told; nothing is flattened by that, and the answer says so. It is
asked again until it has begun, so that a stop which it slept through is carried out when it wakes.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response

from qt_ray.actors.emergency_door import NO_REASON, reason_in
from qt_ray.adapters.latch import LatchState
from qt_ray.core.errors import QtError, Retryable
from qt_ray.core.policy import TEXT_MAX
from qt_ray.governance.rulebook_entries import Author
from qt_ray.governance.wishes import Emergency as BeginEmergency
from qt_ray.monitoring.emergency import Stopped
from qt_ray.risk.ess import Cause
from qt_ray.serve.answers import Json, error
from qt_ray.serve.asker import Asking, grant_of
from qt_ray.serve.bodies import Reset
from qt_ray.serve.doors import KILL_PATH
from qt_ray.serve.ports import Ports, Views

INSIST_MAX: Final = 3_600
BY_LATCH: Final = "the emergency stop did not answer: entries are shut out, nothing is closed yet; run `qt flatten`"


def emergency_routes(ports: Ports) -> APIRouter:
    """Return the routes below /api/emergency."""
    routes, stopper = APIRouter(tags=["emergency"]), Stopper(ports)

    @routes.post(KILL_PATH, openapi_extra={"requestBody": REASON_BODY})
    async def trigger(request: Request) -> Response:
        """Stop the account now. A body may give a reason; one that cannot be read keeps nothing from being stopped."""
        return Json(await stopper.stop(_reason_in(await request.body()), grant_of(request).person))

    @routes.post("/api/emergency/reset")
    async def reset(body: Reset, author: Asking) -> Response:
        """Clear one cause, when all is flat and the cool-down is over; with the last one entries are let in again."""
        if not author.is_person:
            return error(403, "needs_person", f"a person resets, was {author.name}")
        return Json({"emergency": await ports.emergency.clear(body.cause, author.name, body.reason)})

    @routes.get("/api/emergency/status")
    async def status() -> Response:
        """Return the three memories of an emergency, and the gateway's word; any one of them shuts entries out."""
        return Json(await standing(ports))

    @routes.get("/api/emergency/history")
    async def history() -> Response:
        """Return trips and resets."""
        return Json({"emergencies": await ports.emergency.history()})

    return routes


class Stopper:
    """Trips the emergency stop, or shuts the latch in its place and goes on asking."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._insisting: asyncio.Task[None] | None = None

    async def stop(self, reason: str, by: str) -> Stopped:
        """Stop the account, as far as anybody is there to do it."""
        ports = self._ports
        try:
            emergency = await self._trip(reason, by)
            return Stopped("emergency_stop", True, emergency, ports.latch.state(), None, "")
        except (QtError, TimeoutError) as silent:
            latch = _shut(ports, reason, by)
            if self._insisting is None or self._insisting.done():
                self._insisting = asyncio.create_task(self._insist(reason, by))
            is_told = await _policy_told(ports, reason, by)
            detail = f"{BY_LATCH} ({silent or _late(ports)})"
            return Stopped("latch", False, None, latch, is_told, detail)

    async def _trip(self, reason: str, by: str) -> Any:
        async with asyncio.timeout(self._ports.patience_s):
            return await self._ports.emergency.trip(Cause.MANUAL, reason, by)

    async def _insist(self, reason: str, by: str) -> None:
        """Ask again for as long as no person has opened the latch in the meantime."""
        for _ in range(INSIST_MAX):
            await asyncio.sleep(self._ports.patience_s)
            if not self._ports.latch.state().closed:
                return
            with suppress(QtError, TimeoutError):
                await self._trip(reason, by)
                return


async def standing(ports: Ports) -> dict[str, Any]:
    """Return how stop, latch, policy and gateway stand: each may shut entries out, also by giving no answer."""
    questions = {"ess": ports.emergency.status(), "policy": ports.policy.policy(), "gateway": _gateway(ports.views)}
    answers = await asyncio.gather(*(_asked(ports, question) for question in questions.values()))
    found = dict(zip(questions, answers, strict=True))
    unknown = {name: str(one) for name, one in found.items() if isinstance(one, Retryable)}
    known: dict[str, Any] = {name: None if name in unknown else one for name, one in found.items()}
    policy, gateway, latch = known["policy"], known["gateway"], ports.latch.state()
    is_open = not (unknown or latch.closed) and policy.allow_new_trades and gateway["lets_entries"]
    told = {**known, "policy": policy and _emergency_of(policy), "latch": latch, "unknown": unknown}
    return {**told, "entries_shut": not is_open}


async def _gateway(views: Views) -> dict[str, Any]:
    """Return whether an entry would leave now, and why not, as the gateway has told the monitor."""
    told = (await views.status())["actors"].get("Gateway") or {}
    if "lets_entries" not in told.get("facts", {}):
        raise Retryable(", ".join(told.get("reasons") or ["Gateway: was not heard of yet"]))
    return {"lets_entries": told["facts"]["lets_entries"], "reasons": told["reasons"]}


async def _asked(ports: Ports, question: Any) -> Any:
    try:
        async with asyncio.timeout(ports.patience_s):
            return await question
    except (QtError, TimeoutError) as silent:
        return Retryable(str(silent) or _late(ports))


def _late(ports: Ports) -> str:
    return f"no answer within {ports.patience_s:g} s"


def _emergency_of(policy: Any) -> dict[str, Any]:
    names = ("version", "epoch", "emergency_mode", "emergency_reason", "emergency_activated_at", "new_trades_paused")
    return {name: getattr(policy, name) for name in names}


def _shut(ports: Ports, reason: str, by: str) -> LatchState:
    state = ports.latch.state()
    if state.closed:
        return state
    try:
        return ports.latch.close(state.epoch + 1, reason, by, ports.clock())
    except Retryable:  # this process knows it all the same, and says what it could not write
        return ports.latch.state()


async def _policy_told(ports: Ports, reason: str, by: str) -> bool:
    found = await _asked(ports, ports.policy.wish(BeginEmergency(reason), Author(by, is_person=True)))
    return not isinstance(found, Retryable)


def _reason_in(body: bytes) -> str:
    try:
        return reason_in(orjson.loads(body) if body else {})
    except orjson.JSONDecodeError:
        return NO_REASON


REASON_BODY: Final = {
    "required": False,
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"reason": {"type": "string", "maxLength": TEXT_MAX}}},
            "example": {"reason": "the exchange is odd"},
        }
    },
}
