import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from benchmarks.fence_stage import Body, Record
from qt_ray.actors.line import Line
from qt_ray.adapters.processes import mark_of
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.monitoring.health import Condition

pytestmark = pytest.mark.unit

ECHO = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"


class Part:
    """A part that says in which process it lives, and in no other way lives there."""

    def __init__(self) -> None:
        self.pid = 0

    @property
    def condition(self) -> "Part":
        return self

    async def remote(self) -> Condition:
        return Condition("Part", Health.HEALTHY, 0, 0, (), {}, True, self.pid, False)


async def answered(process: Process) -> bool:
    """Return whether a process says a word back soon."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"word\n")
    try:
        return await asyncio.wait_for(process.stdout.readline(), 0.2) == b"word\n"
    except TimeoutError:
        return False


def play(story: Callable[[Body, Part, Process], Awaitable[None]]) -> None:
    async def whole() -> None:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", ECHO, stdin=PIPE, stdout=PIPE)
        part = Part()
        part.pid = process.pid
        lives: dict[int, str] = {}
        body = Body(Line("Part", "test", found=lambda name, namespace: part), lives)
        watching = asyncio.create_task(body.watch())
        while not body.is_there():
            await asyncio.sleep(0.01)
        try:
            await asyncio.wait_for(story(body, part, process), 30)
            assert set(lives.values()) == {"Part"}
            assert {process.pid, part.pid} == lives.keys()
        finally:
            watching.cancel()
            if process.returncode is None:
                process.kill()
            await process.wait()

    asyncio.run(whole())


def test_a_process_that_is_stopped_twice_at_once_goes_on_after_the_longer_time_only() -> None:
    async def story(body: Body, part: Part, process: Process) -> None:
        short, long = (asyncio.create_task(body.pause(ms)) for ms in (1, 60_000))
        assert await short
        assert body.is_stopped
        assert not await answered(process)
        long.cancel()
        await asyncio.gather(long, return_exceptions=True)
        assert not body.is_stopped
        assert process.stdout is not None
        assert await process.stdout.readline() == b"word\n"
        assert body.struck == 2

    play(story)


def test_nobody_lives_where_somebody_was_killed_until_another_has_answered() -> None:
    async def story(body: Body, part: Part, process: Process) -> None:
        assert body.kill()
        assert not body.kill()
        assert not await body.pause(1)
        assert await process.wait() < 0
        assert not body.is_there()
        part.pid = os.getpid()
        while not body.is_there():
            await asyncio.sleep(0.01)
        assert body.life is not None
        assert body.life.mark == mark_of(os.getpid())
        assert body.struck == 1

    play(story)


def test_a_record_is_read_along_by_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "record"
    record = Record(path)
    assert (record.size, list(record.news())) == (0, [])
    path.write_bytes(b"one\ntw")
    assert list(record.news()) == [(0, b"one\n")]
    with path.open("ab") as more:
        more.write(b"o\n")
    assert (record.size, list(record.news())) == (8, [(4, b"two\n")])
    assert list(record.news()) == []
