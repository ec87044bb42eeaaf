"""What has no answer yet is asked again, and why it has none is there to be read."""

import asyncio

import pytest

from qt_ray.actors.patience import Patience
from qt_ray.core.errors import Invalid, Retryable

pytestmark = pytest.mark.unit


def test_a_question_is_asked_until_there_is_an_answer() -> None:
    patience, seen = Patience(), list[str]()

    async def ask() -> int:
        seen.append(patience.waits_for)
        if len(seen) < 3:
            raise Retryable(f"nobody there, {len(seen)}")
        return 7

    assert asyncio.run(patience.until(ask)) == 7
    assert seen == ["it has just been born", "nobody there, 1", "nobody there, 2"]
    assert patience.waits_for == ""


def test_what_will_never_be_answered_ends_the_work() -> None:
    async def ask() -> None:
        raise Invalid("no such thing")

    with pytest.raises(Invalid):
        asyncio.run(Patience().always(ask))
