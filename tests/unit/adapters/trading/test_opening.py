import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qt_ray.adapters.trading.memory import Memory, line_of
from qt_ray.adapters.trading.opening import LOOKS_MAX, opening_of
from qt_ray.core.codec import canonical
from qt_ray.core.errors import Retryable
from qt_ray.execution.entries import Cause, Moved, Opening
from qt_ray.execution.gateway.book import Book
from qt_ray.execution.gateway.records import Sent, Wanted
from qt_ray.execution.venue.calls import Answer, AskAccount, AskPositions, AskTime, Call, Done, Unsure
from tests.unit.adapters.trading.test_gateway_loop import Told
from tests.unit.execution.gateway.stories import entry, trade, trade_view
from tests.unit.execution.venue_shown import account_view, position_view

pytestmark = pytest.mark.unit


class Moving(Told):
    """An account whose wallet shows these amounts, look after look, the last one for ever."""

    def __init__(self, *amounts: int) -> None:
        super().__init__()
        self.amounts = list(amounts)
        self.now_ms = 0

    async def ask(self, call: Call) -> Answer[Any]:
        self.now_ms += 1
        if isinstance(call, AskTime):
            return Done(self.now_ms)
        if isinstance(call, AskAccount):
            return Done(account_view(USDT=Decimal(self.amounts.pop(0) if len(self.amounts) > 1 else self.amounts[0])))
        if isinstance(call, AskPositions):
            return Done((position_view(Decimal(2)), position_view(Decimal(0), "ETHUSDT")))
        return Done((trade_view(entry(), trade(41, 1)),))


def test_an_opening_is_what_two_looks_show_and_bears_the_time_of_the_later() -> None:
    found = asyncio.run(opening_of(Moving(100, 90, 90), ("BTCUSDT",)))
    assert found.wallets == {"USDT": Decimal(90)}
    assert [held.symbol for held in found.positions] == ["BTCUSDT"]
    assert found.cursors == {"BTCUSDT": 41}
    assert found.at_ms == 9  # four questions a look: the movement before the second look is in its wallets


def test_an_account_that_never_stands_still_is_not_opened() -> None:
    with pytest.raises(Retryable, match="an account stands still for two looks"):
        asyncio.run(opening_of(Moving(*range(LOOKS_MAX + 2)), ()))


def test_a_venue_that_does_not_answer_is_no_opening() -> None:
    class Silent(Told):
        async def ask(self, call: Call) -> Answer[Any]:
            return Unsure("no answer")

    with pytest.raises(Retryable, match="AskTime: the venue answers"):
        asyncio.run(opening_of(Silent(), ()))


def test_memory_gives_orders_to_the_book_and_entries_back_in_their_order(tmp_path: Path) -> None:
    opening = Opening(5, {"USDT": Decimal("1.5")}, (), {"BTCUSDT": 4})
    moved = Moved(1, Cause.FUNDING, "FUNDING_FEE", "USDT", Decimal("-0.1"), "BTCUSDT", 9)
    lines = [opening, Wanted(entry(), "parent", Decimal(10), 6), moved, Sent(entry().client_id, 7)]
    first = Memory(tmp_path, Book())
    first.append_many([canonical(line) for line in lines])
    first.close()
    memory = Memory(tmp_path, Book())
    assert memory.entries == [opening, moved]
    assert memory.book.orders[entry().client_id].sent_ms == 7
    assert [line_of(canonical(line)) for line in lines] == lines
    memory.close()
