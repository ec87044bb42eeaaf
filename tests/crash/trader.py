"""Trader: one account at work in a process of its own, which may be made to die at a point of an order's life.

Asked by one JSON argument, it answers with one JSON line when it is ready and one when everything has settled.
"""

import asyncio
import os
import resource
import signal
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import orjson

from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.journal_file import PATTERN
from qt_ray.adapters.trading.account_loop import AccountLoop, Keeping
from qt_ray.core.codec import canonical
from qt_ray.core.limits import Limits
from qt_ray.core.orders import Intent, OrderType, Working
from qt_ray.execution.gateway.effects import Declined
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.gateway.rules import Rules
from qt_ray.governance.journal import head_of, records
from tests.crash.metronome import EPOCH, intents
from tests.crash.points import NAMES

LEASE_MS = 3_600_000
BEAT_S = 0.06
LOOK_S = 0.005
QUIET_S = 0.4
# More orders a second than a fund may send, so that a day is short.
RULES = Rules(limits=Limits(orders_per_second_max=30))


class Death:
    """Ends this process at the n-th time that a point is met; without a point it never comes."""

    def __init__(self, point: str, nth: int, journal: Path) -> None:
        self._met = NAMES[point].met if point else None
        self._is_torn = bool(point) and NAMES[point].is_torn
        self._left = nth
        self._journal = journal

    def mark(self, name: str, about: object) -> None:
        if self._met is None or not self._met(name, about):
            return
        self._left -= 1
        if self._left == 0:
            if self._is_torn:
                tear_after(self._journal, canonical(about))
            os.kill(os.getpid(), signal.SIGKILL)


def tear_after(folder: Path, line: bytes) -> None:
    """Cut a journal off behind a line of its last turn; nothing of that turn has left yet."""
    path = max(folder.glob(PATTERN))
    data = path.read_bytes()
    ends = [r.end for r in records(path.name, data, head_of(path.name, data).first, True) if r.payload == line]
    os.truncate(path, ends[-1])


def may_not_grow(bytes_max: int | None) -> None:
    """Let no file of this process grow beyond so many bytes, as on a disk that is full."""
    if bytes_max is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, bytes_max))


def say(**fields: Any) -> None:
    sys.stdout.write(orjson.dumps(fields).decode() + "\n")
    sys.stdout.flush()


async def trade(asked: dict[str, Any]) -> None:
    """Open the account, want everything that the metronome wants, and wait until it has become of it what will."""
    death = Death(asked["point"], asked["nth"], Path(asked["folder"]))
    prices = {symbol: Decimal(price) for symbol, price in asked["prices"].items()}
    endpoints = Endpoints(asked["rest"], asked["streams"], asked["rest"])
    session = await BinanceSession.open(endpoints, Signer(PAPER_KEY, PAPER_SECRET))
    account = await AccountLoop.open(Path(asked["folder"]), session, prices, RULES, Keeping(), mark=death.mark)
    declined: Counter[str] = Counter()
    account.gateway.listen(
        lambda effect, at_ms: declined.update([effect.reason] if isinstance(effect, Declined) else [])
    )
    account.fenced(Fence(EPOCH, now_ms() + LEASE_MS))
    working = asyncio.create_task(account.run())
    await until(lambda: account.is_ready, working)
    say(said="ready", cpu_s=process_time())
    may_not_grow(asked["file_bytes_max"])
    wanted = list(intents(asked["seed"], prices))
    for intent in wanted:
        death.mark("decided", intent)
        account.gateway.take(partial(account.gateway.engine.want, intent))
        await asyncio.sleep(BEAT_S)
    await come_to_rest(account, wanted, working)
    books, book = account.custody.books, account.gateway.engine.book
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    await session.close()
    alerts = sorted({alert.title for alert in account.alerts})
    say(said="done", books=books.digest(), book=book.digest, alerts=alerts, declined=declined)


async def come_to_rest(account: AccountLoop, wanted: list[Intent], working: "asyncio.Task[None]") -> None:
    for intent in wanted:
        account.gateway.take(partial(account.gateway.engine.cancel, intent.client_id, "the day is over"))
    quiet = 0.0
    while quiet < QUIET_S:
        await until(lambda: is_settled(account), working)
        await asyncio.sleep(LOOK_S)
        quiet = quiet + LOOK_S if is_settled(account) else 0.0


def is_settled(account: AccountLoop) -> bool:
    """Return whether books and venue agree, and nothing is open but one stop that covers all of each position."""
    book = account.gateway.engine.book
    live = [book.orders[name] for name in book.live]
    stops = {(t.intent.symbol, t.intent.position_side): t.intent for t in live if isinstance(t.order, Working)}
    if len(stops) != len(live) or any(stop.type is not OrderType.STOP_MARKET for stop in stops.values()):
        return False
    held = {key: position.quantity for key, position in account.custody.books.positions.items()}
    covers = all(-stops[key].side.sign * stops[key].quantity / held[key] >= 1 for key in held if key in stops)
    return account.is_ready and stops.keys() == held.keys() and covers


async def until(holds: Callable[[], bool], working: "asyncio.Task[None]") -> None:
    while not holds():
        if working.done():
            working.result()
        await asyncio.sleep(LOOK_S)


if __name__ == "__main__":
    asyncio.run(trade(orjson.loads(sys.argv[1])))
