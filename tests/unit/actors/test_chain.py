"""RAY.md rule 2: a chain answers in time or not at all, wherever its stages live."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from qt_ray.actors.chain import Punctual
from qt_ray.core.errors import Retryable

pytestmark = pytest.mark.unit

DONE: Any = object()


class Stages:
    """A chain that takes as long as a test says: waiting, or holding the process up."""

    def __init__(self, waits: Callable[[], Awaitable[None]], works_ms: int = 0) -> None:
        self.waits, self.works_ms, self.at_ms = waits, works_ms, 0

    async def decided(self, snapshot: Any, closed: str) -> Any:
        await self.waits()
        self.at_ms += self.works_ms
        return DONE


def asked(stages: Stages, within_ms: int) -> Any:
    return asyncio.run(Punctual(stages, within_ms, lambda: stages.at_ms).decided(DONE, ""))


async def at_once() -> None:
    await asyncio.sleep(0)


async def never() -> None:
    await asyncio.Event().wait()


def test_what_comes_in_time_is_the_answer() -> None:
    assert asked(Stages(at_once, works_ms=1_000), 1_000) is DONE


@pytest.mark.parametrize("stages", [Stages(never), Stages(at_once, works_ms=1_001)], ids=["waits", "works"])
def test_what_comes_late_is_no_answer_though_nobody_could_interrupt_it(stages: Stages) -> None:
    with pytest.raises(Retryable, match="was late"):
        asked(stages, 5 if stages.waits is never else 1_000)
