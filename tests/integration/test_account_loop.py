"""An account over real sockets: what it owns is what the venue says, and it is protected."""

import asyncio
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.paper.control import FIRST_ACCOUNT
from qt_ray.execution.venue.views import PositionSide
from tests.integration.accounts import account_at, entry, venue_open

pytestmark = pytest.mark.integration


@pytest.mark.requirement("L8")
def test_an_entry_ends_in_equal_books_and_a_stop_at_the_venue(tmp_path: Path) -> None:
    async def story() -> None:
        async with venue_open() as venue, account_at(venue, tmp_path) as stage:
            account, exchange = stage.account, venue.exchange
            account.gateway.take(partial(account.gateway.engine.want, entry(1, "0.02")))
            await stage.until(lambda: len(exchange.open_algos(FIRST_ACCOUNT)) == 1)
            (stop,) = exchange.open_algos(FIRST_ACCOUNT)
            assert stop.wanted.quantity == Decimal("0.02")
            assert stop.wanted.reduce_only
            assert account.custody.books.position("BTCUSDT").quantity == Decimal("0.02")
            await stage.until(lambda: account.is_ready)
            assert account.custody.books.wallets["USDT"] == exchange.figures(FIRST_ACCOUNT)["USDT"].wallet
            assert max(account.custody.unprotected_ms(0).values(), default=0) <= 2_000
            assert account.alerts == []

    asyncio.run(story())


@pytest.mark.requirement("L8")
def test_a_restart_remembers_everything_and_asks_for_the_rest(tmp_path: Path) -> None:
    async def story() -> None:
        async with venue_open() as venue:
            async with account_at(venue, tmp_path) as stage:
                engine = stage.account.gateway.engine
                stage.account.gateway.take(partial(engine.want, entry(1, "0.02")))
                await stage.until(lambda: len(venue.exchange.open_algos(FIRST_ACCOUNT)) == 1)
                before = stage.account.custody.books.digest()
            async with account_at(venue, tmp_path) as stage:
                assert stage.account.custody.books.digest() == before
                assert stage.account.is_ready
                assert len(venue.exchange.open_algos(FIRST_ACCOUNT)) == 1
                assert stage.account.custody.books.position("BTCUSDT", PositionSide.BOTH).quantity == Decimal("0.02")

    asyncio.run(story())


def test_no_entry_leaves_while_the_accounts_latch_is_closed_and_what_is_held_stays_protected(tmp_path: Path) -> None:
    async def story() -> None:
        latch = Latch(tmp_path / "latch.json")
        async with venue_open() as venue, account_at(venue, tmp_path / "journal") as stage:
            account, exchange = stage.account, venue.exchange
            account.gateway.take(partial(account.gateway.engine.want, entry(1, "0.02")))
            await stage.until(lambda: len(exchange.open_algos(FIRST_ACCOUNT)) == 1 and account.is_ready)
            latch.close(1, "by hand", "ann", now_ms())
            await stage.until(lambda: not account.is_ready)
            account.gateway.take(partial(account.gateway.engine.want, entry(2, "0.05")))
            assert account.gateway.engine.fence.emergency
            assert [alert.detail for alert in account.alerts] == ["epoch 1, by ann: by hand"]
            latch.open(1, "looked at", "ann", now_ms())
            await stage.until(lambda: account.is_ready)
            account.gateway.take(partial(account.gateway.engine.want, entry(3, "0.03")))
            await stage.until(lambda: account.custody.books.position("BTCUSDT").quantity == Decimal("0.05"))
            assert len(exchange.open_algos(FIRST_ACCOUNT)) >= 1

    asyncio.run(story())


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"closed":false'])
def test_an_account_that_cannot_read_its_latch_when_it_starts_lets_nothing_in(tmp_path: Path, damage: bytes) -> None:
    async def story() -> None:
        (tmp_path / "latch.json").write_bytes(damage)
        async with venue_open() as venue, account_at(venue, tmp_path / "journal") as stage:
            assert not stage.account.is_ready
            stage.account.gateway.take(partial(stage.account.gateway.engine.want, entry(1, "0.02")))
            assert stage.account.gateway.engine.fence.emergency
            assert not any(o.wanted.symbol for o in venue.exchange.open_orders(FIRST_ACCOUNT))

    asyncio.run(story())
