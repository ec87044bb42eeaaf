"""Workbench: work is done within its time or not at all, and what is late holds up nobody for longer than it runs."""

import asyncio
import threading

import pytest

from qt_ray.adapters.workbench import Crowded, Late, Workbench

pytestmark = pytest.mark.unit

LONG_MS = 60_000


def test_work_is_told_how_much_time_is_left_and_its_answer_comes_back() -> None:
    async def story() -> None:
        bench = Workbench()
        assert 0 < await bench.done(lambda left_ms: left_ms, LONG_MS) <= LONG_MS
        assert (bench.waiting, bench.late, bench.refused) == (0, 0, 0)

    asyncio.run(story())


@pytest.mark.requirement("L11")
def test_what_is_late_is_waited_for_no_more_and_what_waits_behind_it_never_begins() -> None:
    async def story() -> None:
        bench, gate, begun = Workbench(), threading.Event(), list[str]()

        def slow(left_ms: float) -> None:
            begun.append("slow")
            gate.wait()

        with pytest.raises(Late, match="work is done within 20 ms, was not"):
            await bench.done(slow, 20)
        with pytest.raises(Late):
            await bench.done(lambda left_ms: begun.append("behind"), 1)
        gate.set()
        assert await bench.done(lambda left_ms: "after", LONG_MS) == "after"
        assert begun == ["slow"]
        assert (bench.waiting, bench.late) == (0, 2)

    asyncio.run(story())


def test_only_so_much_waits() -> None:
    async def story() -> None:
        bench, gate = Workbench(waiting_max=1), threading.Event()
        first = asyncio.create_task(bench.done(lambda left_ms: gate.wait(), LONG_MS))
        while not bench.waiting:
            await asyncio.sleep(0)
        with pytest.raises(Crowded, match="at most 1 pieces of work wait"):
            await bench.done(lambda left_ms: None, LONG_MS)
        gate.set()
        assert await first
        assert bench.refused == 1

    asyncio.run(story())


def test_a_fault_of_the_work_is_the_askers() -> None:
    async def story() -> None:
        bench = Workbench()
        with pytest.raises(ZeroDivisionError):
            await bench.done(lambda left_ms: 1 / 0, LONG_MS)
        assert await bench.done(lambda left_ms: 1, LONG_MS) == 1
        bench.rest()

    asyncio.run(story())
