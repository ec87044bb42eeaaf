"""A lookup is heard as it was, given up by whoever does not wait, and keeps no process from its end."""

import asyncio
import subprocess
import sys
import threading
from threading import Event

import pytest
from ray.exceptions import RayActorError

from qt_ray.actors.lookup import looked_up
from qt_ray.core.errors import Retryable

pytestmark = pytest.mark.unit


def raising(fault: Exception) -> int:
    raise fault


def test_what_is_found_is_returned() -> None:
    assert asyncio.run(looked_up(lambda: 7)) == 7
    assert asyncio.run(looked_up(lambda: None)) is None


@pytest.mark.parametrize("fault", [Retryable("nobody"), ValueError("no such name"), RayActorError(), OSError("gone")])
def test_what_is_raised_is_raised(fault: Exception) -> None:
    with pytest.raises(type(fault)):
        asyncio.run(looked_up(lambda: raising(fault)))


def test_whoever_gives_up_hears_nothing_of_it_later() -> None:
    gate = Event()

    async def story() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(looked_up(lambda: gate.wait(5)), 0.01)
        gate.set()
        for thread in [one for one in threading.enumerate() if one.name == "lookup"]:
            await asyncio.to_thread(thread.join)
        await asyncio.sleep(0)  # what it has left for the loop is heard by then

    asyncio.run(story())


def test_a_lookup_that_never_ends_keeps_no_process_from_its_end() -> None:
    program = """
import asyncio
from threading import Event
from qt_ray.actors.lookup import looked_up

async def story():
    try:
        await asyncio.wait_for(looked_up(Event().wait), 0.1)
    except TimeoutError:
        print("gave up")

asyncio.run(story())
"""
    ended = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout == "gave up\n"
