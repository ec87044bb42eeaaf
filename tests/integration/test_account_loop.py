"""An account over real sockets: what it owns is what the venue says, and it is protected."""

import asyncio
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from qt_ray.adapters.paper.control import FIRST_ACCOUNT
from qt_ray.execution.venue.views import PositionSide
from tests.integration.accounts import account_at, entry, venue_open

pytestmark = pytest.mark.integration


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
