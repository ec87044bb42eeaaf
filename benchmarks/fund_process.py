"""Fund process: `qt up` begun as a person would begin it, read as he would read it, and ended as he would end it.

Whatever happens in between, nothing that was begun here is left behind, and nothing else is ended.
"""

import asyncio
import os
import re
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.head_restart import free_port
from benchmarks.household import family
from qt_ray.adapters.processes import mark_of

ROOT: Final = Path(__file__).resolve().parent.parent
PATIENCE_S: Final = 600.0
FAREWELL_S: Final = 10


@dataclass
class Screen:
    """What a fund says in its terminal, and how many seconds after it was begun."""

    began: float = field(default_factory=time.perf_counter)
    lines: list[tuple[float, str]] = field(default_factory=list)
    is_over: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def now_s(self) -> float:
        """Return for how long there has been a fund."""
        return time.perf_counter() - self.began

    async def read(self, process: Process) -> None:
        """Read until there is nothing more."""
        while process.stderr is not None and (line := await process.stderr.readline()):
            self.lines.append((self.now_s, line.decode(errors="replace").rstrip()))
            self.news.set()
        self.is_over = True
        self.news.set()

    async def seen(self, pattern: str) -> float:
        """Return after how many seconds a line had the pattern; the whole story if the fund ends before."""
        async with asyncio.timeout(PATIENCE_S):
            while (found := self._find(pattern)) is None:
                if self.is_over:
                    raise SystemExit("\n".join((f"no line has {pattern!r}:", *(line for _, line in self.lines))))
                self.news.clear()
                await self.news.wait()
        return found

    def _find(self, pattern: str) -> float | None:
        return next((at_s for at_s, line in self.lines if re.search(pattern, line)), None)


@dataclass(frozen=True, slots=True)
class End:
    """How a fund ended: its exit code, how long that took, and how many of its processes outlived it."""

    exit_code: int
    took_s: float
    left: int


@asynccontextmanager
async def begun(state: Path, *words: str) -> AsyncIterator[tuple[Process, Screen]]:
    """Begin a fund on paper in a process group of its own; what of it still lives afterwards is killed."""
    told = ("up", "--profile", "paper", "--port", str(free_port()), "--set", f"fund.state={state}", *words)
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("QT_", "RAY_"))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "qt_ray.cli.main", *told),
        cwd=ROOT,
        env={**mine, "PYTHONPATH": str(ROOT)},
        stdout=DEVNULL,
        stderr=PIPE,
        start_new_session=True,
    )
    screen = Screen()
    reading = asyncio.create_task(screen.read(process))
    try:
        yield process, screen
    finally:
        if process.returncode is None:
            for pid in family(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        await process.wait()
        await reading


async def interrupted(process: Process) -> End:
    """Press Ctrl-C, and return how the fund ended."""
    marks = {pid: mark_of(pid) for pid in family(process.pid)}
    began = time.perf_counter()
    os.killpg(process.pid, signal.SIGINT)
    async with asyncio.timeout(PATIENCE_S):
        exit_code = await process.wait()
    took_s, left = time.perf_counter() - began, 0
    for _ in range(FAREWELL_S):
        left = sum(mark is not None and mark_of(pid) == mark for pid, mark in marks.items())
        if not left:
            break
        await asyncio.sleep(1)
    return End(exit_code, took_s, left)
