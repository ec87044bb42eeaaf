"""View routes: what is seen of the fund. Nothing is computed here, and what nobody knows is not filled in."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response

from qt_ray.core.errors import QtError
from qt_ray.serve.answers import Json, error
from qt_ray.serve.asker import Asking
from qt_ray.serve.bodies import Trouble
from qt_ray.serve.ports import Ports, Views

READY_S: Final = 2.0
LOOK_MS: Final = 1_000
WATCHERS: Final = ("RiskGuard", "EmergencyStop", "FundOS")
PAGE_MAX: Final = 500
Count = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Name = Annotated[str, Path(max_length=200, examples=["decision-3f9a"])]
Before = Annotated[str | None, Query(max_length=200)]
Kinds = Annotated[list[str] | None, Query(max_length=20, examples=[["policy.", "system.emergency."]])]


class Readiness:
    """Who of those that decide does not answer: looked at once a second, however many strangers ask."""

    def __init__(self, ports: Ports) -> None:
        self._ports, self._one_at_a_time = ports, asyncio.Lock()
        self._faults: dict[str, str] = {}
        self._looked_ms: int | None = None

    async def faults(self) -> dict[str, str]:
        """Return why each part that does not answer does not."""
        async with self._one_at_a_time:
            now_ms = self._ports.clock()
            if self._looked_ms is None or now_ms - self._looked_ms >= LOOK_MS:
                self._faults, self._looked_ms = await self._looked(), now_ms
            return self._faults

    async def _looked(self) -> dict[str, str]:
        ports = self._ports
        asked = {"policy": ports.policy.policy(), "ess": ports.emergency.status(), "views": ports.views.status()}
        found = await asyncio.gather(*(_fault_of(question) for question in asked.values()))
        return {name: fault for name, fault in zip(asked, found, strict=True) if fault}


def view_routes(ports: Ports) -> APIRouter:
    """Return the routes that only look, and the one by which a person takes a trouble on."""
    routes = APIRouter()
    _health(routes, ports)
    _fund(routes, ports)
    _portfolio(routes, ports.views)
    _troubles(routes, ports.views)
    return routes


def _health(routes: APIRouter, ports: Ports) -> None:
    readiness = Readiness(ports)

    @routes.get("/health", tags=["health"])
    async def health() -> Response:
        """Say that the console itself lives."""
        return Json({"status": "ok"})

    @routes.get("/health/ready", tags=["health"])
    async def ready() -> Response:
        """Say whether the policy, the emergency stop and the views answer; 503 names who does not."""
        faults = await readiness.faults()
        if faults:
            return error(503, "not_ready", f"all parts answer, {', '.join(faults)} did not", faults)
        return Json({"status": "ready"})

    @routes.get("/health/system", tags=["health"])
    async def system() -> Response:
        """Return how every part and the machine are, and the worst of it."""
        return Json(await ports.views.health())

    @routes.get("/api/patches/status", tags=["health"])
    async def patches() -> Response:
        """Return the founding requirements, each by a live probe, and whether all of them hold."""
        found = await ports.views.patches()
        return Json({"all_hold": all(patch.holds for patch in found), "patches": {patch.key: patch for patch in found}})


def _fund(routes: APIRouter, ports: Ports) -> None:
    @routes.get("/api/status", tags=["fund"])
    async def status() -> Response:
        """Return the fund on one screen."""
        return Json(await ports.views.status())

    @routes.get("/risk", tags=["fund"])
    async def risk() -> Response:
        """Return the limits in force, and what those who watch them say of themselves."""
        policy, status = await asyncio.gather(ports.policy.policy(), ports.views.status())
        actors = status.get("actors", {})
        shown: dict[str, Any] = {name: getattr(policy, name) for name in ("limits", "ess", "volatility")}
        shown |= {"mode": policy.active_mode, "mode_limits": policy.risk, "version": policy.version}
        shown |= {"emergency_mode": policy.emergency_mode, "allow_new_trades": policy.allow_new_trades}
        watchers = {name: actors[name] for name in WATCHERS if name in actors}
        return Json({**shown, "epoch": policy.epoch, "equity": status.get("equity"), "watchers": watchers})

    @routes.get("/api/decisions", tags=["fund"])
    async def decisions(count: Count = 50, before: Before = None) -> Response:
        """Return what was decided, the newest first; `before` is the last one seen."""
        return Json({"decisions": await ports.views.decisions(count, before)})

    @routes.get("/api/decisions/{name}", tags=["fund"])
    async def decision(name: Name) -> Response:
        """Return one decision and why: what each model said, what was wanted, every rule that bound it."""
        found = await ports.views.decision(name)
        return error(404, "unknown", f"a decision that was made, was {name!r:.60}") if found is None else Json(found)


def _portfolio(routes: APIRouter, views: Views) -> None:
    @routes.get("/api/portfolio", tags=["portfolio"])
    async def portfolio() -> Response:
        """Return what the account holds, is worth and was worth."""
        found = await views.portfolio()
        return Json({**found, "curve": _curve(found)})

    @routes.get("/api/portfolio/positions", tags=["portfolio"])
    async def positions() -> Response:
        """Return what is held, by symbol; null before the account has told."""
        found = await views.portfolio()
        return Json({"as_of_ms": found["as_of_ms"], "positions": found["positions"] if found["as_of_ms"] else None})

    @routes.get("/api/portfolio/orders", tags=["portfolio"])
    async def orders(count: Count = 50) -> Response:
        """Return the orders at work, and those that ended last."""
        return Json(await views.orders(count))

    @routes.get("/api/portfolio/fills", tags=["portfolio"])
    async def fills(count: Count = 50) -> Response:
        """Return the last executions, the newest first."""
        return Json({"fills": await views.fills(count)})

    @routes.get("/api/portfolio/pnl", tags=["portfolio"])
    async def pnl(count: Count = 50) -> Response:
        """Return what the account made, what is still open, and the last round trips."""
        found = await views.portfolio()
        made = {name: found[name] for name in ("as_of_ms", "wallet", "realised", "unrealised")}
        return Json({**made, "trips": await views.trips(count)})

    @routes.get("/api/portfolio/equity", tags=["portfolio"])
    async def equity() -> Response:
        """Return what the account is worth, and was over time."""
        found = await views.portfolio()
        return Json({"equity": found["equity"], "curve": _curve(found)})


def _troubles(routes: APIRouter, views: Views) -> None:
    @routes.get("/api/timeline", tags=["fund"])
    async def timeline(count: Count = 100, kind: Kinds = None) -> Response:
        """Return what was noted last: emergencies, policy, health, models, and who was refused."""
        return Json({"events": await views.timeline(count, *(kind or ()))})

    @routes.get("/api/alerts", tags=["fund"])
    async def alerts() -> Response:
        """Return every alert as it stands."""
        return Json({"alerts": await views.alerts()})

    @routes.post("/api/alerts/acknowledge", tags=["fund"])
    async def acknowledge(body: Trouble, author: Asking) -> Response:
        """Take a trouble on: it is not told again unless it gets worse."""
        return Json({"alert": await views.acknowledge(body.key, author.name)})


def _curve(portfolio: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"at_ms": at_ms, "equity": equity} for at_ms, equity in portfolio["curve"]]


async def _fault_of(question: Any) -> str:
    try:
        async with asyncio.timeout(READY_S):
            await question
    except TimeoutError:
        return f"no answer within {READY_S:g} s"
    except QtError as fault:
        return str(fault)
    return ""
