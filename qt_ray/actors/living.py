"""Living: what keeps a part's own work going, and ends the process when that work cannot go on.

A part whose loop has died still answers, and looks well to whoever asks. So the first work that ends with an error ends
the process, and Ray begins the part anew from what is durable. While a part goes to rest an error is only written down.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final

import ray

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.edition import edition
from qt_ray.adapters.logs import log
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.monitoring.health import Condition

EXIT_FAILED: Final = 1
ASK_MS: Final = 2_000
ASKED_MAX: Final = 5


class Living:
    """One life of the part `part`: its background work, and what it says of itself."""

    def __init__(
        self,
        part: str,
        clock: Callable[[], int] = now_ms,
        end: Callable[[int], Any] = os._exit,
        was_reconstructed: bool | None = None,
    ) -> None:
        """Begin; `end` is what a failure of the work does to this process."""
        self.part, self.since_ms = part, clock()
        self.was_reconstructed = _was_reconstructed() if was_reconstructed is None else was_reconstructed
        self._clock, self._end, self._is_resting = clock, end, False
        self._tasks: list[asyncio.Task[Any]] = []
        self._edition = edition()
        log().info("a part begins", part=part, pid=os.getpid(), was_reconstructed=self.was_reconstructed)

    def keep(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Begin work that must not fail; it may end, or be cancelled."""
        task = asyncio.get_running_loop().create_task(work, name=f"{self.part}.{_name(work)}")
        self._tasks.append(task)
        task.add_done_callback(self._ended)
        return task

    async def rest(self) -> None:
        """End all work, the youngest first, each before the next."""
        self._is_resting = True
        while self._tasks:
            task = self._tasks.pop()
            for _ in range(ASKED_MAX):
                # A wait that ran out in the moment it was cancelled has swallowed the cancellation.
                task.cancel()
                if (await asyncio.wait((task,), timeout=ASK_MS / 1_000))[0]:
                    break
            else:
                log().error("a part's work did not end", part=self.part, work=task.get_name())

    def condition(
        self,
        health: Health = Health.HEALTHY,
        reasons: Iterable[str] = (),
        facts: Mapping[str, Any] | None = None,
        ready: bool = True,
    ) -> Condition:
        """Return how the part is, in the shape that is the same for every part."""
        return Condition(
            self.part,
            health,
            self._clock(),
            self.since_ms,
            tuple(reasons),
            dict(facts or {}),
            ready,
            os.getpid(),
            self.was_reconstructed,
            self._edition,
        )

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        if task in self._tasks:
            self._tasks.remove(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        log().error("a part's work failed", part=self.part, work=task.get_name(), exc_info=error)
        if not self._is_resting:
            self._end(EXIT_FAILED)


def _name(work: Coroutine[Any, Any, Any]) -> str:
    found: str = getattr(work, "__qualname__", "work")
    return found


def _was_reconstructed() -> bool:
    """Return whether Ray has begun this actor before; what is no actor is young."""
    if not ray.is_initialized():
        return False
    context = ray.get_runtime_context()
    return context.get_actor_id() is not None and bool(context.was_current_actor_reconstructed)
