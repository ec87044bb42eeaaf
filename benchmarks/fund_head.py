"""Fund head: the head of a Ray is killed with every part of a fund that lives in it, and begun again on the same Redis.

What is detached, the policy store and the emergency stop, Ray brings back by itself. The other ten belong to `qt up`,
which ends once they are gone for good: whoever keeps it running begins it again, and it begins all twelve.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from time import perf_counter, sleep
from typing import Final

from benchmarks.head_restart import Head, redis
from benchmarks.inquest import Finding, Inquest
from benchmarks.trading_fund import NAMES, PATIENCE_S, READY_MS, TRADE_LOG, flags_for, told, venue_for
from qt_ray.actors.line import Line
from qt_ray.actors.topology import PARTS
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.places import Places, places_of
from qt_ray.core.errors import Retryable
from qt_ray.jobs.drill import Doors

DETACHED: Final = tuple(part.name for part in PARTS if part.is_detached)
ROOT: Final = Path(__file__).resolve().parent.parent
LIVES: Final = "the fund lives"
NAMESPACE: Final = "qt-paper-main"
ENDS_S: Final = 90.0
LOOK_S: Final = 0.05
ANSWER_MS: Final = 1_000
ASK: Final = "import sys; from benchmarks.fund_head import wait_for; wait_for(*sys.argv[1:])"


@dataclass(frozen=True, slots=True)
class HeadDeath:
    """Seconds from the new head's beginning until the detached parts are ready, and from `qt up` until the fund is."""

    detached_s: float
    whole_s: float
    finding: Finding


class Terminal:
    """A terminal in which `qt up` runs, and may be begun again; what it says is in a file."""

    def __init__(self, head: Head, flags: Sequence[str], said: Path) -> None:
        self._head, self._flags, self._said = head, flags, said
        self._process: subprocess.Popen[bytes] | None = None

    def up_s(self) -> float:
        """Begin the fund, and return how long it takes until it lives, or all the time there was."""
        began, before = perf_counter(), self._said.stat().st_size if self._said.exists() else 0
        words = ["up", "--address", f"127.0.0.1:{self._head.port}", "--no-serve", *self._flags]
        with self._said.open("ab") as said:
            command = [sys.executable, "-m", "qt_ray.cli.main", *words]
            self._process = subprocess.Popen(
                command, env=self._head.environ, cwd=ROOT, stderr=said, start_new_session=True
            )
        while (took_s := perf_counter() - began) < READY_MS / 1_000 and self._process.poll() is None:
            if LIVES.encode() in self._said.read_bytes()[before:]:
                return took_s
            sleep(LOOK_S)
        told(f"a fund begins, it did not: {self._said.read_text().strip().splitlines()[-1]}")
        return READY_MS / 1_000

    def ended(self, word: signal.Signals | None = None) -> None:
        """Wait until the process has ended, by itself or because it is told to; a process that does not is killed."""
        if self._process is None:
            return
        if word is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, word)
        try:
            code = self._process.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        told(f"qt up has ended with code {code}")
        self._process = None


def head_death(folder: Path) -> HeadDeath:
    """Kill the head under a fund, begin it again, then the fund, and return how long each took."""
    word = token_hex(16)
    with ExitStack() as stack:
        doors = stack.enter_context(venue_for(folder))
        head = Head(folder, stack.enter_context(redis(folder, word)), word)
        # Processes that a head begins have not our folder, and no driver of ours tells a new head of it.
        head.environ["PYTHONPATH"] = str(ROOT)
        head.begin()
        stack.callback(head.kill)
        flags = [text for pair in flags_for(folder, doors).items() for text in ("--set", "=".join(pair))]
        terminal = Terminal(head, flags, folder / "up.log")
        stack.callback(terminal.ended, signal.SIGINT)
        head_s(head, perf_counter())
        terminal.up_s()
        head.kill()
        began = perf_counter()
        head.begin()
        detached_s = ready_s(head, DETACHED, began)
        terminal.ended()
        whole_s = terminal.up_s()
        ready_s(head, NAMES, perf_counter())
        return HeadDeath(detached_s, whole_s, asyncio.run(_examined(doors, folder)))


def head_s(head: Head, began: float) -> float:
    """Return how long after a moment the head answers, with no part in it yet."""
    return ready_s(head, (), began)


def ready_s(head: Head, names: Sequence[str], began: float) -> float:
    """Return how long after a moment the head and all of these parts are ready, or all the time there was."""
    command = [sys.executable, "-c", ASK, f"127.0.0.1:{head.port}", ",".join(names)]
    while (left_s := PATIENCE_S - (perf_counter() - began)) > 0:
        with suppress(subprocess.TimeoutExpired):
            done = subprocess.run(command, env=head.environ, cwd=ROOT, capture_output=True, timeout=left_s, check=False)
            if done.returncode == 0:
                return perf_counter() - began
    return PATIENCE_S


def wait_for(address: str, names: str) -> None:
    """Return once all parts of these names answer that they are ready; a Ray that is not there yet is waited for."""
    from qt_ray.actors.cluster import visited

    while True:
        try:
            with visited(address, NAMESPACE):
                asyncio.run(_all_ready([name for name in names.split(",") if name]))
                return
        except Retryable:
            sleep(LOOK_S)


async def _all_ready(names: Sequence[str]) -> None:
    waiting = [Line(name, NAMESPACE) for name in names]
    while waiting:
        with suppress(Retryable):
            found = await waiting[-1].ask("condition", within_ms=ANSWER_MS)
            if found.is_ready:
                waiting.pop()
                continue
        await asyncio.sleep(LOOK_S)


async def _examined(doors: Doors, folder: Path) -> Finding:
    inquest = await Inquest.open(doors, _places(folder), folder / TRADE_LOG)
    try:
        return await inquest.settled()
    finally:
        await inquest.close()


def _places(folder: Path) -> Places:
    return places_of(Settings.model_validate({"fund": {"state": str(folder)}}))
