"""Trader: one account at work in a process of its own, which may be made to die at a point of an order's life.

Asked by one JSON argument, it answers with one JSON line when it has begun, when it is ready and when everything has
settled; what keeps it from that it says on the other stream.
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

from qt_ray.adapters.binance.assembly import open_session
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.journal_file import PATTERN
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.account_loop import AccountLoop, Keeping
from qt_ray.adapters.trading.places import places_of
from qt_ray.adapters.trading.start import begun
from qt_ray.core.codec import canonical
from qt_ray.core.limits import Limits
from qt_ray.core.orders import OrderType, Working
from qt_ray.execution.gateway.book import Book, Tracked
from qt_ray.execution.gateway.effects import Declined
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.gateway.remainder import delay_ms, remainder
from qt_ray.execution.gateway.rules import Rules
from qt_ray.governance.journal import head_of, records
from tests.crash.metronome import EPOCH, intents
from tests.crash.points import NAMES

LEASE_MS = 3_600_000
BEAT_S = 0.04
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


def complain(why: str) -> None:
    sys.stderr.write(f"not at rest: {why}\n")
    sys.stderr.flush()


async def trade(asked: dict[str, Any]) -> None:
    """Open the account, want everything that the metronome wants, and wait until it has become of it what will."""
    say(said="begun")
    prices = {symbol: Decimal(price) for symbol, price in asked["prices"].items()}
    settings = Settings.model_validate(asked["settings"])
    death = Death(asked["point"], asked["nth"], places_of(settings).journal)
    session = await open_session(settings.exchange, settings.credentials)
    account = await begun(session, settings, RULES, Keeping(), death.mark)
    declined: Counter[str] = Counter()
    account.gateway.listen(
        lambda effect, at_ms: declined.update([effect.reason] if isinstance(effect, Declined) else [])
    )
    account.fenced(Fence(EPOCH, now_ms() + LEASE_MS))
    working = asyncio.create_task(account.run())
    await until(lambda: account.is_ready, working)
    say(said="ready", cpu_s=process_time())
    may_not_grow(asked["file_bytes_max"])
    for intent in intents(asked["seed"], prices):
        death.mark("decided", intent)
        account.gateway.take(partial(account.gateway.engine.want, intent))
        await asyncio.sleep(BEAT_S)
    await come_to_rest(account, working)
    books, book = account.custody.books, account.gateway.engine.book
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    await session.close()
    alerts = sorted({alert.title for alert in account.alerts})
    say(said="done", books=books.digest(), book=book.digest, alerts=alerts, declined=declined)


async def come_to_rest(account: AccountLoop, working: "asyncio.Task[None]") -> None:
    """Want no entry any more, whichever attempt at it the gateway makes by itself, and wait until nothing moves."""
    quiet, said = 0.0, ""
    while quiet < QUIET_S:
        if working.done():
            working.result()
        end_entries(account)
        why = why_restless(account)
        if why and why != said:
            complain(why)
        quiet, said = 0.0 if why else quiet + LOOK_S, why
        await asyncio.sleep(LOOK_S)


def end_entries(account: AccountLoop) -> None:
    book = account.gateway.engine.book
    for intent in [tracked.intent for tracked in book.open() if not tracked.intent.reduce_only and not tracked.ending]:
        account.gateway.take(partial(account.gateway.engine.cancel, intent.client_id, "the day is over"))


def why_restless(account: AccountLoop) -> str:
    """Return why it is not at rest: books and venue agree, and nothing is open but a stop on all of each position."""
    book = account.gateway.engine.book
    live = [book.orders[name] for name in book.live]
    stops = {(t.intent.symbol, t.intent.position_side): t.intent for t in live if isinstance(t.order, Working)}
    if len(stops) != len(live) or any(stop.type is not OrderType.STOP_MARKET for stop in stops.values()):
        shown = [
            f"{t.intent.client_id} {t.order.kind} {t.intent.symbol} {t.intent.side} {t.intent.quantity}"
            f" at {t.intent.trigger_price}, {'ending' if t.ending else 'wanted'}"
            for t in live
        ]
        held = {key[0]: str(position.quantity) for key, position in account.custody.books.positions.items()}
        return f"open beside one stop for each of {held}: {'; '.join(shown)}"
    held = {key: position.quantity for key, position in account.custody.books.positions.items()}
    if stops.keys() != held.keys():
        return f"stops for {[*stops]}, positions of {[*held]}"
    if short := [key for key in held if -stops[key].side.sign * stops[key].quantity / held[key] < 1]:
        return f"stops that cover less than their positions: {short}"
    if tried := [name for name, tracked in book.orders.items() if is_tried_again(tracked, book)]:
        return f"the rest of {tried} is tried again in a moment"
    return "" if account.is_ready else account.custody.why_closed(now_ms()) or "the start is not over"


def is_tried_again(tracked: Tracked, book: Book) -> bool:
    """Return whether the gateway will try by itself what the venue has left of an order: it may wait longer than we."""
    return delay_ms(tracked, RULES, now_ms()) is not None and remainder(tracked, book, RULES) is not None


async def until(holds: Callable[[], bool], working: "asyncio.Task[None]") -> None:
    while not holds():
        if working.done():
            working.result()
        await asyncio.sleep(LOOK_S)


if __name__ == "__main__":
    asyncio.run(trade(orjson.loads(sys.argv[1])))
