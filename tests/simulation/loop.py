"""Loop: asyncio in virtual time, for many processes at once; time passes only when nobody can run.

Every callback belongs to the life whose context it was made in. A life that is paused or blocked keeps its callbacks
until it goes on, as a stopped process does; a dead one keeps them for ever. Equal moments keep their order, so one
seed is one history.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from typing import Any, Final

US: Final = 1_000_000
OWNER: Final[ContextVar["Life | None"]] = ContextVar("owner", default=None)


class Killed(BaseException):
    """The life that runs this is over, in the middle of it."""


class Life:
    """One life of one process: it runs, is held up by one or several things, or is dead."""

    def __init__(self, name: str, loop: "VirtualLoop") -> None:
        self.name = name
        self.loop = loop
        self.holds = 0
        self.is_dead = False
        self.interruptions = 0
        self.wall_offset_ms = 0
        self.kept: list[tuple[int, asyncio.Handle]] = []
        self.mourners: dict[Callable[[], object], None] = {}
        self.context = copy_context()
        self.context.run(OWNER.set, self)

    @property
    def runs(self) -> bool:
        return not self.holds and not self.is_dead

    def hold(self) -> None:
        self.holds += 1
        self.interruptions += 1

    def release(self) -> None:
        self.holds -= 1
        self._thaw()

    def die(self) -> None:
        self.is_dead = True
        self.interruptions += 1
        for mourner in tuple(self.mourners):
            mourner()

    def rise(self) -> None:
        """Let whatever is left of a dead life run to its end, after the history."""
        self.is_dead, self.holds = False, 0
        self._thaw()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Begin work that belongs to this life."""
        return self.loop.create_task(work, context=self.context.copy())

    def wall_ms(self) -> int:
        """Return what this process believes to be the time; somebody may set its clock."""
        return self.loop.start_ms + self.loop.now_us // 1_000 + self.wall_offset_ms

    def steady_ns(self) -> int:
        """Return a clock that nobody sets, and that goes on while the process is stopped."""
        return self.loop.now_us * 1_000

    def steady_ms(self) -> int:
        return self.loop.now_us // 1_000

    def _thaw(self) -> None:
        if self.runs:
            kept, self.kept = self.kept, []
            for _, handle in sorted(kept, key=lambda each: each[0]):
                self.loop.push(self.loop.now_us, handle, self)


class VirtualLoop(asyncio.AbstractEventLoop):
    """The loop of all processes; `start_ms` is the wall clock's time at its beginning."""

    def __init__(self, start_ms: int = 0) -> None:
        self.start_ms = start_ms
        self.now_us = 0
        self.faults: list[dict[str, Any]] = []
        self.tasks: set[asyncio.Task[Any]] = set()
        self._heap: list[tuple[int, int, asyncio.Handle, Life | None]] = []
        self._number = 0
        self._is_stalling = False

    # What asyncio asks of a loop

    def time(self) -> float:
        return self.now_us / US

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> Any:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self.push(self.now_us, handle, _owner(context))
        return handle

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self.push(max(round(when * US), self.now_us), handle, _owner(context))
        return handle

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.faults.append(context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Leave a cancelled timer where it is; nothing happens when its moment comes."""

    # Time

    def push(self, at_us: int, handle: asyncio.Handle, owner: Life | None) -> None:
        self._number += 1
        heappush(self._heap, (at_us, self._number, handle, owner))

    def run_until(self, end_us: int) -> None:
        """Let everything happen that happens until then."""
        while self._heap and self._heap[0][0] <= end_us:
            at_us, number, handle, owner = heappop(self._heap)
            self.now_us = max(self.now_us, at_us)
            if handle.cancelled():
                continue
            if owner is None or owner.runs:
                handle._run()
            else:
                owner.kept.append((number, handle))
        self.now_us = max(self.now_us, end_us)

    def stall(self, life: Life, ms: int) -> None:
        """Block a life in the middle of what it does, as a disk or the system may, while the world goes on."""
        if self._is_stalling or ms <= 0:
            return
        task = asyncio.current_task(self)
        life.hold()
        self._is_stalling = True
        if task is not None:
            asyncio.tasks._leave_task(self, task)
        try:
            self.run_until(self.now_us + ms * 1_000)
        finally:
            if task is not None:
                asyncio.tasks._enter_task(self, task)
            self._is_stalling = False
            life.release()
        if life.is_dead:
            raise Killed

    @contextmanager
    def running(self) -> Iterator[None]:
        """Be the loop of this thread."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            yield
        finally:
            asyncio._set_running_loop(before)

    def bury(self, lives: list[Life], within_us: int = 60 * US) -> None:
        """End what still runs, so that nothing of it outlives the history."""
        for life in lives:
            life.rise()
        for task in list(self.tasks):
            task.cancel()
        self.run_until(self.now_us + within_us)


def _owner(context: Context | None) -> Life | None:
    return OWNER.get() if context is None else context.get(OWNER)
