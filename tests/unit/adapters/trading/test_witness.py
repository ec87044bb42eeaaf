"""FAULTS row 63: what nobody would write down is not opened; a record that is away for a moment is no reason."""

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters.trading.witness import ASK_EVERY_MS, SILENCE_MS, Witness
from qt_ray.core.errors import Retryable

pytestmark = pytest.mark.unit

AWAY, YES, NO = "away", None, "no entry on a full disk"


class Monitor:
    """Says one word after another; while it is away it says nothing."""

    def __init__(self, words: Iterable[str | None]) -> None:
        self.words, self.now_ms = iter(words), 0

    async def why_silent(self) -> str | None:
        word = next(self.words)
        if word == AWAY:
            raise Retryable("Monitor.why_silent: answers within 1000 ms, did not")
        return word


@given(st.lists(st.sampled_from([AWAY, YES, NO]), max_size=40))
def test_something_is_opened_only_after_a_yes_that_is_the_last_word_and_young(words: list[str | None]) -> None:
    monitor = Monitor(words)
    witness = Witness(monitor.why_silent, lambda: monitor.now_ms)
    assert witness.why_not() == "no entry before the monitor has spoken"
    heard: tuple[int, str | None] | None = None
    for word in words:
        asyncio.run(witness.look())
        heard = heard if word == AWAY else (monitor.now_ms, word)
        monitor.now_ms += ASK_EVERY_MS
        is_young = heard is not None and monitor.now_ms - heard[0] < SILENCE_MS
        assert (witness.why_not() is None) is (is_young and heard is not None and heard[1] is YES)
        assert witness.gate("BTCUSDT", 0) == witness.why_not()


def test_each_no_that_follows_upon_a_yes_is_heard_of_once() -> None:
    monitor, shut = Monitor([YES, NO, NO, YES, NO]), list[str]()

    async def story() -> None:
        witness = Witness(monitor.why_silent, lambda: monitor.now_ms)
        with pytest.raises(BaseExceptionGroup):
            async with asyncio.timeout(30), asyncio.TaskGroup() as group:
                group.create_task(witness.run(shut.append, every_ms=0))

    asyncio.run(story())
    assert shut == [NO, NO]
