"""Emergency memory: what the emergency stop must not forget, in one file, written before anything is done about it.

A file that cannot be read is an emergency in itself, by the rule of the emergency stop's own table.
"""

from dataclasses import dataclass, field
from pathlib import Path

from qt_ray.adapters.files import write_atomic
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.restore import restore
from qt_ray.risk.ess import Cause, Emergency, recalled, trip


@dataclass(frozen=True, slots=True)
class Kept:
    """The emergency, what a person has accepted, and the peaks of equity in hexadecimal."""

    emergency: Emergency = field(default_factory=Emergency)
    accepted: dict[str, float] = field(default_factory=dict)
    peaks: str = ""


class EmergencyMemory:
    """The memory of one account's emergency stop."""

    def __init__(self, path: Path) -> None:
        """Stand for the file at `path`; there is none before the first change."""
        self._path = path

    def read(self, at_ms: int) -> Kept:
        """Return what is remembered, as a restart finds it."""
        try:
            data = decode(self._path.read_bytes())
            if not isinstance(data, dict):
                raise Invalid("emergency: a table, was something else")
            rest = restore(Kept, {name: item for name, item in data.items() if name != "emergency"}, "memory")
            return Kept(recalled(data.get("emergency"), at_ms), _known(rest.accepted), rest.peaks)
        except FileNotFoundError:
            return Kept()
        except (Invalid, OSError) as error:
            return Kept(trip(Emergency(), Cause.STATE_UNREADABLE, f"{self._path.name}: {error}", at_ms))

    def write(self, kept: Kept) -> None:
        """Replace what is remembered; Retryable if the disk does not take it."""
        try:
            write_atomic(self._path, canonical(kept))
        except OSError as error:
            raise Retryable(f"{self._path.name}: an emergency is remembered, {error.strerror or error}") from error


def _known(accepted: dict[str, float]) -> dict[str, float]:
    causes = {cause.value for cause in Cause}
    if not accepted.keys() <= causes:
        raise Invalid(f"accepted: causes of the emergency stop, was {', '.join(sorted(accepted.keys() - causes))}")
    return accepted
