"""Told once: what a part has said already, so that a part that is begun anew does not say it again.

A key is remembered before it is said: a crash in between costs a word that the next round finds again, under a key of
its own, and never a person's night.
"""

from pathlib import Path
from typing import Final

from qt_ray.adapters.files import write_atomic
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.restore import restore_as

KEPT_MAX: Final = 100


class ToldOnce:
    """The keys that were said, in one file; the oldest are forgotten."""

    def __init__(self, path: Path, kept_max: int = KEPT_MAX) -> None:
        """Take up what was said; a file that cannot be read is as good as none."""
        self._path, self._max = path, kept_max
        self._keys = self._read()

    def is_new(self, key: str) -> bool:
        """Return whether a key was never said, and remember it; Retryable if the disk does not."""
        if key in self._keys:
            return False
        keys = [*self._keys, key][-self._max :]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self._path, canonical(keys))
        except OSError as error:
            raise Retryable(f"{self._path.name}: what was said is remembered, {error.strerror or error}") from error
        self._keys = keys
        return True

    def _read(self) -> list[str]:
        try:
            return list(restore_as(tuple[str, ...], decode(self._path.read_bytes()), self._path.name))
        except (OSError, Invalid):
            return []
