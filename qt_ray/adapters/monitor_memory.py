"""Monitor memory: since when a fund's life is shown, so that a monitor that is begun anew shows the same life.

Nothing else is remembered: all it shows is heard again from that moment on.
"""

from dataclasses import dataclass
from pathlib import Path

from qt_ray.adapters.files import write_atomic
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.restore import restore


@dataclass(frozen=True, slots=True)
class Begun:
    """When a life began."""

    at_ms: int


class MonitorMemory:
    """The memory of one account's monitor, at one path."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def began_ms(self, now_ms: int, was_reconstructed: bool) -> int:
        """Return since when this life is shown: of a first process that is now, and is remembered."""
        if was_reconstructed:
            known = self._read()
            if known is not None and known.at_ms <= now_ms:
                return known.at_ms
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self._path, canonical(Begun(now_ms)))
        return now_ms

    def _read(self) -> Begun | None:
        try:
            return restore(Begun, decode(self._path.read_bytes()), self._path.name)
        except (OSError, Invalid):
            return None
