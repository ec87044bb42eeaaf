from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from qt_ray.adapters.binance.wire import Patience
from qt_ray.adapters.settings_exchange import Exchange
from qt_ray.adapters.trading.account_loop import windowed
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.venue.calls import Answer, Call, Unsure
from qt_ray.execution.venue.news import News

pytestmark = pytest.mark.unit


class Silent:
    """A session that says nothing, not even until when a request may arrive."""

    async def ask(self, call: Call) -> Answer[Any]:
        return Unsure("silence")

    async def news(self) -> AsyncIterator[News]:
        return
        yield

    async def close(self) -> None:
        return


class Signing(Silent):
    """A session that signs with a window of its own."""

    receive_window_ms = 4_000


def test_absence_is_not_believed_before_the_window_that_was_signed_has_passed() -> None:
    rules = Rules(receive_window_ms=300)
    assert windowed(rules, Signing()) == replace(rules, receive_window_ms=4_000)
    assert windowed(rules, Silent()) is rules


def test_where_nobody_says_otherwise_all_mean_the_same_window() -> None:
    assert Exchange().recv_window_ms == Patience().recv_window_ms == Rules().receive_window_ms
