"""Fault table: how long until our order, our books and the venue agree, fault by fault, on real sockets.

One market order with two partial fills a run, as the best public system was measured (1.231 of NautilusTrader, by
default and with its checks every 5 seconds); its better time is the peer. To agree is to hold exactly the venue's
trades, each with its own number, price and fee, durably. Where the order never arrived, it is to know that and to
have the next entry filled.
"""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from benchmarks.desk import LOOK_S, Desk, at_desk
from benchmarks.form import Row, Sample, at_most, less_is_better, main
from qt_ray.core.orders import Intent
from tests.integration.accounts import until

RUNS, RUNS_QUICK = 10, 1
TRIES_MAX: Final = 5
LIVE_S, LOST_S = 1.0, 6.0

POST: Final = {"method": "POST", "path": "/fapi/v1/order", "count": 1}
EVENT: Final = {"event": "ORDER_TRADE_UPDATE"}
CUT: Final = {"deed": "drop_after", **POST}
PRIVATE: Final = {"road": "private"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and the seconds of the peer by default and with its checks; None is never."""

    name: str
    default_s: float | None
    checked_s: float | None
    rules: tuple[dict[str, Any], ...]
    is_heard: bool = True
    arrives: bool = True
    is_silent: bool = False

    @property
    def peer_s(self) -> float:
        """Return the better of the peer's two times."""
        return min(found for found in (self.default_s, self.checked_s) if found is not None)

    @property
    def title(self) -> str:
        """Return the row's name with both columns of the peer."""
        told = ("never" if found is None else f"{found:g} s" for found in (self.default_s, self.checked_s))
        return f"{self.name} (peer {', '.join(told)})"


FAULTS: Final = (
    Fault("answer lost after accept", 1.1, 1.2, (CUT,)),
    Fault("503 -1007 after accept", 1.2, 1.1, ({"deed": "answer_after", "answer": "timeout", **POST},)),
    Fault("request never arrives", 41.7, 25.0, ({"deed": "drop_before", **POST},), is_heard=False, arrives=False),
    Fault(
        "all order events lost",
        9.6,
        5.5,
        ({"deed": "event_lose", **EVENT}, {"deed": "event_lose", "event": "TRADE_LITE"}),
        is_heard=False,
    ),
    Fault("one partial-fill event lost", None, 9.7, ({"deed": "event_lose", "nth": 2, **EVENT},), is_heard=False),
    Fault("events duplicated", 1.1, 1.2, ({"deed": "event_duplicate", **EVENT},)),
    Fault(
        "events reordered",
        1.2,
        1.1,
        ({"deed": "event_hold", "nth": 1, "hold": 5, **EVENT}, {"deed": "event_hold", "nth": 2, "hold": 3, **EVENT}),
    ),
    Fault("private socket closed", 1.2, 1.2, ({"deed": "event_close", "count": 1, **EVENT},), is_heard=False),
    Fault("stream silent + answer lost", 9.6, 5.7, (CUT,), is_heard=False, is_silent=True),
)


async def settled(desk: Desk, fault: Fault) -> float:
    """Return the seconds that one fault takes to be over."""
    for _ in range(TRIES_MAX):
        intent = await desk.two_levels()
        following = () if fault.arrives else (await desk.two_levels(2),)
        await begun(desk, fault)
        started = perf_counter()
        for wanted in (intent, *following):
            desk.want(wanted)
        await until(_over(desk, fault, intent, following), LOOK_S)
        taken = perf_counter() - started
        await ended(desk)
        if not fault.arrives or len(desk.log.trades[intent.client_id]) == 2:
            return taken
    raise SystemExit(f"{fault.name}: an order has two fills, the book moved under {TRIES_MAX} orders")


def _over(desk: Desk, fault: Fault, intent: Intent, following: tuple[Intent, ...]) -> Callable[[], bool]:
    def over() -> bool:
        own = desk.agrees(intent) if fault.arrives else desk.is_rejected(intent)
        return own and all(map(desk.agrees, following))

    return over


async def begun(desk: Desk, fault: Fault) -> None:
    """Put a fault in force."""
    for rule in fault.rules:
        await desk.tell("POST", "/faults", rule)
    if fault.is_silent:
        await desk.tell("POST", "/do/stall", PRIVATE)


async def ended(desk: Desk) -> None:
    """Lift every fault, and let the account come to rest."""
    await desk.tell("DELETE", "/faults")
    await desk.tell("POST", "/do/resume", PRIVATE)
    await desk.rest()


async def tabled(runs: int) -> tuple[list[tuple[Fault, Sample]], int, int]:
    """Return the p95 of each fault, the trades that differ in the end, and the orders that were doubled."""
    found: list[tuple[Fault, Sample]] = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        async with at_desk(Path(name)) as desk:
            for fault in FAULTS:
                times = sorted([await settled(desk, fault) for _ in range(runs)])
                tail = times[min(len(times) * 95 // 100, len(times) - 1)]
                found.append((fault, Sample(tail, runs, (times[0], times[-1]))))
            return found, desk.difference(), desk.doubled()


def measure(quick: bool) -> list[Row]:
    """Let every fault strike, and hold the time against the peer's better one."""
    runs = RUNS_QUICK if quick else RUNS
    found, differing, doubled = asyncio.run(tabled(runs))
    rows = [less_is_better(fault.title, "s, p95", sample, fault.peer_s, 1.0) for fault, sample in found]
    for title, is_heard, most in (("worst with a live stream", True, LIVE_S), ("worst without", False, LOST_S)):
        samples = [sample for fault, sample in found if fault.is_heard is is_heard]
        spread = (min(sample.spread[0] for sample in samples), max(sample.spread[1] for sample in samples))
        worst = Sample(max(sample.value for sample in samples), sum(sample.runs for sample in samples), spread)
        rows.append(at_most(title, "s, p95", worst, most))
    exact = [("trades in books or venue alone", differing), ("orders the venue accepted twice", doubled)]
    return rows + [at_most(title, "count", Sample(count, 1, (count, count)), 0) for title, count in exact]


if __name__ == "__main__":
    main(measure)
