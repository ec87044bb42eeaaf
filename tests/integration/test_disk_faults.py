"""Row 60 of the fault catalogue, an account over real sockets on a disk that fails.

Nothing leaves without its intent, and the successor knows all.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue
from qt_ray.adapters.trading.account_loop import AccountLoop, Keeping
from qt_ray.core.errors import Retryable
from qt_ray.core.orders import Side
from qt_ray.execution.gateway.fence import Fence
from tests.crash.checker import breaches, journal_story, orphans, venue_story
from tests.crash.trader import RULES, why_restless
from tests.integration.accounts import (
    EPOCH,
    LEASE_MS,
    PATIENCE_S,
    SYMBOLS,
    account_at,
    endpoints_of,
    entry,
    until,
    venue_open,
)
from tests.unit.adapters.failing_disk import FailingDisk, PowerCut

pytestmark = pytest.mark.integration

BALANCE = Decimal(10_000)
ENTRIES_MAX = 1_000
# Many lives within a minute ask for more than a venue would answer: here it is about the disk alone.
WEIGHT_MINUTE = 24_000
Arm = Callable[[FailingDisk], None]


def armed_already(disk: FailingDisk) -> None:
    """Leave a disk as it is."""


async def lived(
    venue: PaperVenue, folder: Path, disk: FailingDisk, arm: Arm = armed_already, first: int = 0
) -> BaseException | None:
    """Trade on a disk, armed once the account is ready, until it fails; return what the account ended with."""
    session = await BinanceSession.open(endpoints_of(venue), Signer(PAPER_KEY, PAPER_SECRET))
    working: asyncio.Task[None] | None = None
    try:
        account = await AccountLoop.open(folder, session, SYMBOLS, RULES, Keeping(), disk=disk)
        account.fenced(Fence(EPOCH, now_ms() + LEASE_MS))
        working = asyncio.create_task(account.run())
        await until(lambda: account.is_ready or working.done())
        arm(disk)
        for number in range(first, first + ENTRIES_MAX):
            if working.done():
                break
            # One symbol or both may be shut for the doubt that the last life has left, until absence is proven.
            side, symbol = (Side.BUY, Side.SELL)[number // 2 % 2], SYMBOLS[number % 2]
            wanted = entry(number, f"0.{31 + number % 40:03d}", symbol, side)
            with suppress(Retryable):
                account.gateway.take(partial(account.gateway.engine.want, wanted))
            await asyncio.sleep(0.01)
        await asyncio.wait({working}, timeout=PATIENCE_S)
        return working.exception()
    except PowerCut as cut:
        return cut
    finally:
        if working is not None:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        await session.close()


async def succeeded(venue: PaperVenue, folder: Path) -> None:
    """Let a successor on a good disk come to rest."""
    async with account_at(venue, folder, RULES) as stage:
        await stage.until(lambda: not why_restless(stage.account))


def settings_at(folder: Path) -> PaperSettings:
    return PaperSettings(
        symbols=SYMBOLS, seed=7, balance=BALANCE, trade_log=folder / "venue.jsonl", weight_minute=WEIGHT_MINUTE
    )


def told(folder: Path) -> list[str]:
    return breaches(venue_story(folder / "venue.jsonl"), journal_story(folder / "journal"), BALANCE)


@pytest.mark.parametrize(("kind", "how", "nth"), [("sync", "EIO", 2), ("write", "ENOSPC", 7), ("write", "short", 9)])
def test_a_disk_that_fails_ends_the_account_before_anything_leaves_unwritten(
    tmp_path: Path, kind: str, how: str, nth: int
) -> None:
    def arm(disk: FailingDisk) -> None:
        disk.kind, disk.how, disk.nth = kind, how, disk.calls.count(kind) + nth

    async def story() -> None:
        async with venue_open(settings_at(tmp_path)) as venue:
            disk = FailingDisk()
            ended = await lived(venue, tmp_path / "journal", disk, arm)
            assert isinstance(ended, BaseExceptionGroup)
            assert ended.subgroup(Retryable) is not None
            assert disk.calls[-1] == kind  # never on with a disk that has failed
            assert not list(orphans(venue_story(tmp_path / "venue.jsonl"), journal_story(tmp_path / "journal")))
            await succeeded(venue, tmp_path / "journal")

    asyncio.run(story())
    assert told(tmp_path) == []


def test_a_crash_at_any_of_the_first_syncs_of_a_recovery_is_recovered_from(tmp_path: Path) -> None:
    def arm(disk: FailingDisk) -> None:
        disk.kind, disk.how, disk.nth = "sync", "cut", disk.calls.count("sync") + 4

    async def story() -> None:
        async with venue_open(settings_at(tmp_path)) as venue:
            assert await lived(venue, tmp_path / "journal", FailingDisk(), arm) is not None
            for nth in range(1, 6):
                cut = FailingDisk("sync", nth, "cut")
                assert await lived(venue, tmp_path / "journal", cut, first=ENTRIES_MAX * nth) is not None
            await succeeded(venue, tmp_path / "journal")

    asyncio.run(story())
    assert told(tmp_path) == []
