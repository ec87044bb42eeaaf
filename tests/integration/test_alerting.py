"""An alert reaches an address over a real socket, whatever the address answers first."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from qt_ray.adapters.alerting import Alerting, DeadMan, Webhook
from qt_ray.core.errors import Retryable
from qt_ray.monitoring.alerts import Alert, Severity

pytestmark = pytest.mark.integration

ALERT = Alert("fire", Severity.CRITICAL, "fire", "in the desk", 0, 0, told=1)


class Chat:
    """A place that takes letters; answers with a number of errors first."""

    def __init__(self, errors: int = 0) -> None:
        self.letters: list[dict[str, Any]] = []
        self.errors, self.pings = errors, 0

    async def post(self, request: web.Request) -> web.Response:
        self.errors -= 1
        if self.errors >= 0:
            return web.Response(status=503)
        self.letters.append(await request.json())
        return web.Response(status=204)

    async def get(self, request: web.Request) -> web.Response:
        self.pings += 1
        return web.Response(status=200 if self.pings < 2 else 404)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SecretStr]:
        app = web.Application()
        app.add_routes([web.post("/hooks/secret", self.post), web.get("/hooks/secret", self.get)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        try:
            yield SecretStr(f"http://{host}:{port}/hooks/secret")
        finally:
            await runner.cleanup()


@pytest.mark.requirement("S7 Alerts")
def test_an_alert_is_posted_as_json_once_the_address_takes_it() -> None:
    async def story() -> None:
        chat = Chat(errors=2)
        async with chat.open() as address:
            alerting = Alerting([Webhook(address)], again_s=0.01)
            running = asyncio.create_task(alerting.run())
            alerting.tell(ALERT)
            async with asyncio.timeout(20):
                while not alerting.counts["delivered"]:
                    await asyncio.sleep(0.01)
            running.cancel()
            await asyncio.wait([running])
            await alerting.close()
        assert [letter["text"] for letter in chat.letters] == ["[CRITICAL] fire: in the desk"]

    asyncio.run(story())


def test_an_address_that_refuses_is_said_without_its_name() -> None:
    async def story() -> None:
        chat = Chat()
        async with chat.open() as address:
            dead_man = DeadMan(address)
            await dead_man.ping()
            with pytest.raises(Retryable, match="answered 404") as refused:
                await dead_man.ping()
            assert "secret" not in str(refused.value)
            await dead_man.close()
        assert chat.pings == 2

    asyncio.run(story())
