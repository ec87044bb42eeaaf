"""Emergency memory: what the emergency stop must not forget, in one file, written before anything is done about it.

A file that cannot be read is an emergency in itself, by the rule of the emergency stop's own table.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from qt_ray.adapters.files import write_atomic
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.restore import restore
from qt_ray.risk.ess import Cause, Emergency, recalled, trip
from qt_ray.risk.triggers import RecoveryMode

PAST_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Past:
    """Something that the emergency stop has done: what, when, for which causes, why, and by whom."""

    what: str
    at_ms: int
    causes: tuple[str, ...]
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Kept:
    """The emergency, what a person has accepted, the peaks of equity in hexadecimal, and when equity was last seen.

    Peaks are of one `life` of the account: where an exchange begins anew, so do they. `mode` is how far the fund has
    climbed since its last emergency, `past` what was done, the oldest first.
    """

    emergency: Emergency = field(default_factory=Emergency)
    accepted: dict[str, float] = field(default_factory=dict)
    peaks: str = ""
    seen_ms: int = 0
    life: str = ""
    mode: str = RecoveryMode.NORMAL.name
    past: tuple[Past, ...] = ()


class EmergencyMemory:
    """The memory of one account's emergency stop."""

    def __init__(self, path: Path, life: str = "") -> None:
        """Stand for the file at `path`, in this life of the account; there is none before the first change."""
        self._path, self._life = path, life

    def read(self, at_ms: int) -> Kept:
        """Return what is remembered, as a restart finds it."""
        try:
            data = decode(self._path.read_bytes())
            if not isinstance(data, dict):
                raise Invalid("emergency: a table, was something else")
            rest = restore(Kept, {name: item for name, item in data.items() if name != "emergency"}, "memory")
            found = replace(rest, emergency=recalled(data.get("emergency"), at_ms), accepted=_known(rest.accepted))
            return found if found.life == self._life else replace(found, accepted={}, peaks="", seen_ms=0)
        except FileNotFoundError:
            return Kept()
        except (Invalid, OSError) as error:
            return Kept(trip(Emergency(), Cause.STATE_UNREADABLE, f"{self._path.name}: {error}", at_ms))

    def write(self, kept: Kept) -> None:
        """Replace what is remembered; Retryable if the disk does not take it."""
        try:
            write_atomic(self._path, canonical(replace(kept, life=self._life)))
        except OSError as error:
            raise Retryable(f"{self._path.name}: an emergency is remembered, {error.strerror or error}") from error


def _known(accepted: dict[str, float]) -> dict[str, float]:
    causes = {cause.value for cause in Cause}
    if not accepted.keys() <= causes:
        raise Invalid(f"accepted: causes of the emergency stop, was {', '.join(sorted(accepted.keys() - causes))}")
    return accepted
