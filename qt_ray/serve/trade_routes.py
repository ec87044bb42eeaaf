"""Trade routes: new positions paused and resumed, and what is held closed by a person's hand."""

from fastapi import APIRouter, Response

from qt_ray.governance.wishes import Pause, Resume
from qt_ray.serve.answers import Json
from qt_ray.serve.asker import Asking, Version
from qt_ray.serve.bodies import Because, Close
from qt_ray.serve.policy_routes import answered
from qt_ray.serve.ports import Ports


def trade_routes(ports: Ports) -> APIRouter:
    """Return the routes below /api/trade."""
    routes = APIRouter(tags=["trade"])

    @routes.post("/api/trade/pause")
    async def pause(body: Because, author: Asking) -> Response:
        """Open nothing new from now on; what is held stays guarded. It races nobody, so it names no version."""
        return await answered(ports.policy, Pause(body.reason), author)

    @routes.post("/api/trade/resume")
    async def resume(body: Because, version: Version, author: Asking) -> Response:
        """Let new positions in again."""
        return await answered(ports.policy, Resume(version, body.reason), author)

    @routes.post("/api/trade/close")
    async def close(body: Close, author: Asking) -> Response:
        """Close positions at the market; what was not confirmed within a few seconds may still be carried out."""
        found = await ports.trader.close(body.symbols, author.name, body.reason)
        return Json({"closings": found, "all_closed": all(one.closed == one.quantity for one in found)})

    return routes
