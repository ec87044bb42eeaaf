"""Sleeper: an account with an order at rest, in a process of its own that a test may put to sleep.

It says when the order rests, and when it is asked to end (a line on its input) what has become of it.
"""

import asyncio
import json
import sys
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.trading.account_loop import AccountLoop, Keeping
from qt_ray.core.orders import OrderType, Working
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.gateway.rules import Rules
from tests.integration.accounts import EPOCH, LEASE_MS, SYMBOLS, entry


def say(**fields: Any) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


async def sleep_over(asked: dict[str, Any]) -> None:
    endpoints = Endpoints(asked["rest"], asked["streams"], asked["rest"])
    session = await BinanceSession.open(endpoints, Signer(PAPER_KEY, PAPER_SECRET))
    rules = Rules(countdown_ms=asked["countdown_ms"])
    account = await AccountLoop.open(Path(asked["folder"]), session, SYMBOLS, rules, Keeping())
    account.fenced(Fence(EPOCH, now_ms() + LEASE_MS))
    working = asyncio.create_task(account.run())
    engine = account.gateway.engine
    while not account.is_ready:
        await asyncio.sleep(0.005)
    wanted = replace(entry(1, "0.01"), type=OrderType.LIMIT, limit_price=Decimal(asked["price"]))
    account.gateway.take(partial(engine.want, wanted))
    while not isinstance(engine.book.orders[wanted.client_id].order, Working):
        await asyncio.sleep(0.005)
    say(name=wanted.client_id)
    await asyncio.to_thread(sys.stdin.readline)
    say(states=[tracked.order.kind for tracked in engine.book.orders.values()], is_ready=account.is_ready)
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    await session.close()


if __name__ == "__main__":
    asyncio.run(sleep_over(json.loads(sys.argv[1])))
