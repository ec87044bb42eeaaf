"""Wire: how the processes of a simulated cluster ask each other: late, out of order, or never, by one seed.

A question goes to one life, as a handle in a cluster does; whoever is dead answers at once that he is, whoever is held
up answers when he goes on, if anybody still waits. A question that was not answered may have been carried out.
"""

import asyncio
import inspect
from collections import Counter
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final

from qt_ray.core.errors import Invariant, QtError, Retryable
from tests.simulation.loop import Life, VirtualLoop

NOBODY: Final = Context()
WITHIN_MS: Final = 5_000
DEAD_MS: Final = 20


@dataclass(frozen=True, slots=True)
class Storm:
    """What a route is like for a while: which share of its messages is lost, and how long the others take."""

    lost: float = 0.15
    soonest_ms: float = 5
    latest_ms: float = 2_200


@dataclass(slots=True)
class Weather:
    """How messages fare; of several storms on a route the latest rules."""

    dice: Random
    storms: dict[str, list[Storm]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    is_over: bool = False

    def delay_ms(self, route: str) -> float | None:
        """Return how long a message takes, or nothing if it is lost."""
        storms = self.storms.get(route)
        if not storms:
            share, slowest = (0.1, 2_000) if "venue" in route else (0.02, 400)
            return self.dice.uniform(20, slowest) if self.dice.random() < share else self.dice.uniform(0.2, 5)
        if self.dice.random() < storms[-1].lost:
            self.counts["message lost"] += 1
            return None
        self.counts["message late"] += 1
        return self.dice.uniform(storms[-1].soonest_ms, storms[-1].latest_ms)


class Wire:
    """Carries questions and answers between lives."""

    def __init__(self, loop: VirtualLoop, weather: Weather, died: Callable[[Life], None]) -> None:
        self._loop, self._weather, self._died = loop, weather, died

    def later(self, route: str, what: Callable[..., object], *args: Any) -> None:
        """Let something happen when a message has arrived, if it does; `back` is a route's other direction."""
        delay = self._weather.delay_ms(route)
        if delay is not None:
            self._loop.call_later(delay / 1_000, what, *args, context=NOBODY)

    async def ask(self, route: str, to: Life, part: object, method: str, *args: Any, within_ms: int = WITHIN_MS) -> Any:
        """Return what the part of another life answers; Retryable if it does not in time."""
        if self._weather.is_over:
            raise Retryable("the history is over")
        answer: asyncio.Future[Any] = self._loop.create_future()
        gone = partial(self._gone, to, method, answer)
        self.later(route, self._arrive, route, to, part, method, args, answer)
        to.mourners[gone] = None
        try:
            async with asyncio.timeout(within_ms / 1_000):
                return await answer
        except TimeoutError as error:
            raise Retryable(f"{to.name}.{method}: answers within {within_ms} ms, did not") from error
        finally:
            to.mourners.pop(gone, None)

    def _gone(self, to: Life, method: str, answer: "asyncio.Future[Any]") -> None:
        """Let the asker know soon that nobody is there any more."""
        gone = Retryable(f"{to.name}.{method}: somebody is there, nobody was")
        self._loop.call_later(DEAD_MS / 1_000, _settle, answer, gone, context=NOBODY)

    def _arrive(
        self, route: str, to: Life, part: object, method: str, args: Any, answer: "asyncio.Future[Any]"
    ) -> None:
        if to.is_dead:
            self._gone(to, method, answer)
            return
        to.spawn(self._carried(route, to, part, method, args, answer))

    async def _carried(
        self, route: str, to: Life, part: object, method: str, args: Any, answer: "asyncio.Future[Any]"
    ) -> None:
        try:
            found = getattr(part, method)(*args)
            found = await found if inspect.isawaitable(found) else found
        except Invariant:
            self._died(to)
            return
        except QtError as error:
            found = error
        self.later(back(route), _settle, answer, found)


def back(route: str) -> str:
    """Return the other direction of a route."""
    return f"{route}, back"


def _settle(answer: "asyncio.Future[Any]", found: Any) -> None:
    if answer.done():
        return
    if isinstance(found, QtError):
        answer.set_exception(found)
    else:
        answer.set_result(found)
