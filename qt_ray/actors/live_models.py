"""Live models: the version that serves in this process, as one value that is exchanged whole.

Another version is loaded beside it, in a thread, and refused if one byte of it is not what it was; what serves goes on
serving meanwhile and afterwards. Whoever takes `served` once has one version for all that it does with it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from qt_ray.actors.model_board import Changed, unheard
from qt_ray.ai.model_sync import Live, Orders, Report, duty
from qt_ray.core.errors import Invalid, Retryable

T = TypeVar("T")

# Orders come at once; a report that says nothing new only shows that somebody lives.
WAIT_MS: Final = 1_000
# Everybody waits for the last one who loads, so that one tells soon when it has.
LOADING_WAIT_MS: Final = 20
AGAIN_MS: Final = 100


class Board(Protocol):
    """Where users of models report; Retryable when it does not answer."""

    async def sync(self, report: Report, wait_ms: int) -> Orders:
        """Return the orders of a user, as soon as it has something to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Served(Generic[T]):
    """A version with what answers by it."""

    live: Live
    models: T


class LiveModels(Generic[T]):
    """One user's models; `load` makes ready, in a thread, what it serves by; `swapped` hears of every change."""

    def __init__(
        self, user: str, board: Board, load: Callable[[str], T], swapped: Changed = unheard, wait_ms: int = WAIT_MS
    ) -> None:
        """Serve nothing yet; report at least every `wait_ms`."""
        self.served: Served[T] | None = None
        self.refused: dict[str, str] = {}
        self._user, self._board, self._load, self._swapped, self._wait_ms = user, board, load, swapped, wait_ms
        self._ready: dict[str, T] = {}
        self._loading: tuple[str, asyncio.Task[T]] | None = None

    def report(self) -> Report:
        """Return what is served here, what is ready, what is loading and what was refused."""
        return Report(
            self._user,
            None if self.served is None else self.served.live,
            frozenset(self._ready),
            self._loading[0] if self._loading else "",
            dict(self.refused),
        )

    async def run(self) -> None:
        """Follow the board until cancelled."""
        while True:
            try:
                await self.turn()
            except Retryable:
                await asyncio.sleep(AGAIN_MS / 1_000)

    async def turn(self) -> None:
        """Report once, and begin or carry out what the board orders."""
        self._loaded()
        orders = await self._board.sync(self.report(), LOADING_WAIT_MS if self._loading else self._wait_ms)
        due = duty(orders, self.report())
        if due.load:
            self._loading = due.load, asyncio.create_task(asyncio.to_thread(self._load, due.load))
        if due.serve is not None:
            before = self.served.live if self.served is not None else None
            self.served = Served(due.serve, self._ready[due.serve.version])
            self._swapped(before, due.serve)
        self._forget(orders)

    def _loaded(self) -> None:
        """Take in what a load has come to; what is not a fault of the models ends this process."""
        if self._loading is None or not self._loading[1].done():
            return
        (version, task), self._loading = self._loading, None
        try:
            self._ready[version] = task.result()
        except (Invalid, OSError) as error:
            self.refused[version] = str(error)

    def _forget(self, orders: Orders) -> None:
        """Keep what serves or may serve next, and nothing else."""
        kept = {live.version for live in (orders.serve, orders.coming) if live is not None}
        if self.served is not None:
            kept.add(self.served.live.version)
        self._ready = {version: models for version, models in self._ready.items() if version in kept}
        self.refused = {version: reason for version, reason in self.refused.items() if version in kept}
