"""One life of a desk on a folder, in a world that outlives it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from qt_ray.actors.desk import Desk, Ports
from qt_ray.adapters.deliberation import Chain
from qt_ray.adapters.desk_journal import DeskJournal
from qt_ray.adapters.desk_keeper import DeskKeeper
from qt_ray.adapters.disk import Disk
from qt_ray.engine.desk import DeskBook
from tests.unit.actors.desk_world import World, fused, living
from tests.unit.actors.voices import HeardVoice

PATIENCE_S = 60


class Life:
    """One life of a desk on a folder."""

    def __init__(
        self,
        stage: World,
        folder: Path,
        chain: Chain | None = None,
        disk: Disk | None = None,
        voice: HeardVoice | None = None,
    ) -> None:
        self.stage, self.voice = stage, voice or HeardVoice()
        self.keeper = DeskKeeper(DeskJournal(folder, disk), self.voice, stage.market.clock)
        ports = Ports(stage.market, stage.account, chain or fused(len(stage.bars.symbols)), stage.law, stage.began)
        self.desk = Desk(self.keeper, ports, living(), stage.market.clock)
        self.task, self.is_killed = asyncio.ensure_future(self.desk.run()), False

    @property
    def book(self) -> DeskBook:
        return self.keeper.book

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0)

    async def decided(self) -> None:
        """Wait until the newest bar was decided on, and all that follows was handed over and heard."""
        newest = int(self.stage.bars.ts[self.stage.market.shown - 1])

        def settled() -> bool:
            told = self.stage.account.tidings_told
            is_told = not told or self.book.told >= told[-1].number
            return self.keeper._book is not None and self.book.seen_ms == newest and not self.book.due and is_told

        await self.until(lambda: self.keeper._book is not None)
        await self.until(settled)

    async def bars(self, count: int) -> None:
        for _ in range(count):
            self.stage.close_bar()
            await self.decided()

    def kill(self) -> None:
        """End as by kill -9: nothing is kept, nothing is told, and the lock is gone with the process."""
        self.is_killed = True
        self.task.cancel()
        self.keeper._journal.close()

    async def rest(self) -> None:
        self.task.cancel()
        await asyncio.wait((self.task,))
        await self.desk.rest()


@asynccontextmanager
async def life(stage: World, folder: Path, chain: Chain | None = None) -> AsyncIterator[Life]:
    one = Life(stage, folder, chain)
    try:
        await one.decided()
        yield one
    finally:
        await one.rest()
