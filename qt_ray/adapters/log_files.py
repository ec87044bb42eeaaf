"""Log files: the lines of several parts as one story, by the time that each line bears.

A part's older files have its name and a number; a file that was turned over is read on where its lines went.
"""

import os
from collections.abc import Iterable, Iterator
from heapq import nlargest
from pathlib import Path
from typing import Final

from qt_ray.adapters.logs import SUFFIX

TAIL_BYTES: Final = 4 << 20
TIME_AT: Final = '{"time": "'
TIME_LENGTH: Final = 29


class LogFiles:
    """The logs in a folder, of one part or of all."""

    def __init__(self, folder: Path, part: str | None = None) -> None:
        """Stand before the first line; `more` begins where `newest` ended."""
        self._folder, self._part = folder, part
        self._read: dict[Path, tuple[int, int]] = {}

    def names(self) -> set[str]:
        """Return the parts that have said something."""
        return {path.name.partition(SUFFIX)[0] for path in self._paths(older=True)}

    def newest(self, count: int) -> list[str]:
        """Return the last lines, in the order of their times."""
        lines = [line for path in self._paths(older=True) for line in self._lines(path)]
        found = nlargest(count, enumerate(lines), key=lambda item: (_time(item[1]), item[0]))
        return [line for _, line in reversed(found)]

    def more(self) -> list[str]:
        """Return what was said since the last look."""
        return sorted((line for path in self._paths() for line in self._lines(path)), key=_time)

    def _paths(self, older: bool = False) -> Iterable[Path]:
        pattern = f"{self._part or '*'}{SUFFIX}{'*' if older else ''}"
        return sorted(self._folder.glob(pattern), reverse=True)

    def _lines(self, path: Path) -> Iterator[str]:
        """Yield the whole lines that were not read yet; of a long file that is new to us only its end."""
        with path.open("rb") as file:
            told = os.fstat(file.fileno())
            kind, at = self._read.get(path, (told.st_ino, max(told.st_size - TAIL_BYTES, 0)))
            if kind != told.st_ino or at > told.st_size:
                at = 0
            file.seek(at)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._read[path] = told.st_ino, at + whole
        yield from data[:whole].decode(errors="replace").splitlines()


def _time(line: str) -> str:
    return line[len(TIME_AT) : len(TIME_AT) + TIME_LENGTH] if line.startswith(TIME_AT) else ""
