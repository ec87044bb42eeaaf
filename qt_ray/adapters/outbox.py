"""Outbox: what follows from a journal is told at least once, whatever dies between the deed and the word.

The journal itself is the queue. How far it was told is kept beside it, behind what the bus has taken or the disk that
waits for it; whoever is born again tells what lies after that mark, under the same ids, so nobody counts it twice.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

from qt_ray.adapters.files import write_atomic
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.events import Event
from qt_ray.core.restore import restore

EVERY_MS: Final = 500
FILE: Final = "told.json"


class Voice(Protocol):
    """The way to the bus: of all events `taken` so far the first `carried` cannot be lost any more."""

    @property
    def taken(self) -> int:
        """Return how many events it was told."""

    @property
    def carried(self) -> int:
        """Return how many of them, the first ones, are on the bus or on disk."""

    def tell(self, *events: Event) -> None:
        """Publish soon."""


@dataclass(frozen=True, slots=True)
class Mark:
    """All that follows from the records up to `number` was told; `state` is what whoever derives goes on from."""

    number: int = 0
    state: str = ""


def mark_in(folder: Path) -> Mark:
    """Return how far a journal was told; where that cannot be read nothing was, and all is told again."""
    path = folder / FILE
    try:
        return restore(Mark, decode(path.read_bytes()), path.name)
    except (FileNotFoundError, Invalid):
        return Mark()


class Outbox:
    """One journal's; what is told moves its mark once it is carried, and the disk hears of that now and then."""

    def __init__(self, folder: Path, voice: Voice) -> None:
        """Go on from the mark in the folder of the journal."""
        self._path, self._voice, self._pen = folder / FILE, voice, Lock()
        self._kept = mark_in(folder)
        self._due, self._last = self._kept, self._kept.number
        self._owed: deque[tuple[int, Mark]] = deque()

    @property
    def is_behind(self) -> bool:
        """Return whether a life that began now would have something to tell again."""
        return self._kept.number < self._last

    def tell(self, number: int, events: Iterable[Event], state: str = "") -> None:
        """Tell what follows from the records up to a number; what was told is not, and `events` are not even made."""
        if number <= self._last:
            return
        self._voice.tell(*events)
        if self._owed and self._owed[-1][0] == self._voice.taken:
            self._owed.pop()
        self._owed.append((self._voice.taken, Mark(number, state)))
        self._last = number

    async def run(self) -> None:
        """Keep the mark up with what is carried until cancelled; nobody who trades waits for the disk."""
        while True:
            await asyncio.sleep(EVERY_MS / 1_000)
            await asyncio.to_thread(self._write, self._carried())

    def settle(self) -> None:
        """Keep the mark of what is carried by now; a disk that refuses it costs a later life some words."""
        self._write(self._carried())

    def _carried(self) -> Mark:
        while self._owed and self._owed[0][0] <= self._voice.carried:
            _, self._due = self._owed.popleft()
        return self._due

    def _write(self, mark: Mark) -> None:
        with self._pen:
            if mark.number <= self._kept.number:
                return
            try:
                write_atomic(self._path, canonical(mark))
            except OSError:
                return  # it stays due
            self._kept = mark
