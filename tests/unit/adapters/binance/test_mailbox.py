import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.binance.mailbox import Mailbox

pytestmark = pytest.mark.unit


def taken(box: Mailbox[int]) -> list[int]:
    found = []
    while not box.empty():
        found.append(box.get_nowait())
    return found


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers()), max_size=40))
def test_of_what_stands_the_newest_is_kept_and_what_happened_all_in_order(told: list[tuple[str | None, int]]) -> None:
    async def story() -> list[int]:
        box: Mailbox[int] = Mailbox(100)
        for stream, value in told:
            if stream is None:
                await box.put(value)
            else:
                box.renew(stream, value)
        events, standing = [v for s, v in told if s is None], {s: v for s, v in told if s}
        assert len(box) == len(events) + len(standing)
        assert box.replaced == len(told) - len(box)
        found = taken(box)
        assert sorted(found) == sorted([*events, *standing.values()])
        return found

    found = asyncio.run(story())
    if all(stream is None for stream, _ in told):
        assert found == [value for _, value in told]


def test_what_happened_waits_for_room_and_what_stands_has_its_own() -> None:
    async def story() -> None:
        box: Mailbox[int] = Mailbox(2)
        await box.put(1)
        await box.put(2)
        waiting = asyncio.ensure_future(box.put(3))
        box.renew("a", 4)
        box.renew("a", 5)
        await asyncio.sleep(0)
        assert not waiting.done()
        assert await box.get() == 1
        await waiting
        assert taken(box) == [2, 5, 3]

    asyncio.run(story())


def test_whoever_waits_is_woken_by_either_kind() -> None:
    async def story() -> None:
        box: Mailbox[int] = Mailbox(2)
        for tell in (lambda: box.renew("a", 1), lambda: asyncio.ensure_future(box.put(1))):
            waiting = asyncio.ensure_future(box.get())
            await asyncio.sleep(0)
            tell()
            assert await asyncio.wait_for(waiting, 1) == 1

    asyncio.run(story())
