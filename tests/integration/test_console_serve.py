"""The console on Ray Serve: whoever watches, dawdles or crowds in, the stop is not behind him."""

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from qt_ray.adapters.clock import monotonic_ns
from tests.integration.consoles import Deployed, deployed

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("ray"), pytest.mark.timeout(300)]

WATCHERS = 5
CROWD = 60
STOP_MS_MAX = 2_000


def dawdler(console: Deployed) -> socket.socket:
    """Return a client that has said what it wants to send, and sends nothing of it."""
    place = urlsplit(console.url)
    found = socket.create_connection((place.hostname or "", place.port or 0))
    head = f"PATCH /api/policy HTTP/1.1\r\nHost: fund\r\nAuthorization: Bearer {console.token}\r\n"
    found.sendall(f'{head}Content-Type: application/json\r\nIf-Match: "2"\r\nContent-Length: 100\r\n\r\n'.encode())
    return found


@pytest.mark.requirement("S7 HttpApi")
def test_neither_a_slow_client_nor_watchers_nor_a_crowd_delay_the_stop(ray_head: str, tmp_path: Path) -> None:
    async def story(console: Deployed) -> None:
        known = {"Authorization": f"Bearer {console.token}"}
        async with (
            aiohttp.ClientSession(console.url) as stranger,
            aiohttp.ClientSession(console.url, headers=known) as session,
        ):
            async with stranger.get("/api/policy") as answer:
                assert answer.status == 401
            async with session.get("/api/policy") as answer:
                assert (answer.status, (await answer.json())["policy"]["active_mode"]) == (200, "NORMAL")
            watchers = [await session.ws_connect("/stream") for _ in range(WATCHERS)]
            crowd = [asyncio.create_task(status_of(session)) for _ in range(CROWD)]
            await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED)
            slow = [dawdler(console) for _ in range(3)]
            began_ns = monotonic_ns()
            async with session.post("/api/emergency/trigger", json={"reason": "fire"}) as answer:
                told = await answer.json()
            took_ms = (monotonic_ns() - began_ns) / 1e6
            assert (told["acted"], told["emergency"]["reason"]) == ("emergency_stop", "fire")
            assert took_ms < STOP_MS_MAX
            frames = [(await watcher.receive_json())["link"] for watcher in watchers]
            assert frames == ["down"] * WATCHERS  # this fund was told of no bus
            for watcher in watchers:
                await watcher.close()
            for client in slow:
                client.close()
            for task in crowd:
                task.cancel()
            assert 503 in [one for one in await asyncio.gather(*crowd, return_exceptions=True) if isinstance(one, int)]

    async def status_of(session: aiohttp.ClientSession) -> int:
        async with session.get("/api/status") as answer:
            return answer.status

    with deployed(tmp_path, ray_head) as console:
        asyncio.run(story(console))
