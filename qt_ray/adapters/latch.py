"""Latch: the emergency as a file, closed before anything else is done and opened only by a person who names it.

It bears an epoch that only grows, so an older word can never open what a newer one closed. A file that cannot be read
is a closed latch. If it cannot be written either, the latch is closed for as long as this process lives, and it says
so: a full disk is no reason not to stop.
"""

from dataclasses import dataclass
from pathlib import Path

from qt_ray.adapters.files import write_atomic
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.restore import restore


@dataclass(frozen=True, slots=True)
class LatchState:
    """Whether entries are shut out, since which emergency, who said so, why and when; no moment is one nobody knows."""

    closed: bool
    epoch: int
    reason: str
    by: str
    at_ms: int | None


NEVER = LatchState(False, 0, "", "", None)
MEND = "once you have looked, `qt latch open --epoch 0` puts a new one in its place"


class Latch:
    """The latch of one account."""

    def __init__(self, path: Path) -> None:
        """Stand for the file at `path`; there is none until the first emergency."""
        self._path = path
        self._unwritten: LatchState | None = None

    def state(self) -> LatchState:
        """Return how the latch stands, closed if that cannot be known."""
        if self._unwritten is not None:
            return self._unwritten
        try:
            return restore(LatchState, decode(self._path.read_bytes()), "latch")
        except FileNotFoundError:
            return NEVER
        except (Invalid, OSError) as error:
            return LatchState(True, 0, f"the latch cannot be read, {error}; {MEND}", "latch", None)

    def close(self, epoch: int, reason: str, by: str, at_ms: int) -> LatchState:
        """Close the latch; Retryable if only this process knows of it because the file could not be written."""
        now = self.state()
        if now.closed and now.epoch >= epoch and self._unwritten is None:
            return now
        wanted = LatchState(True, max(epoch, now.epoch), reason, by, at_ms)
        self._unwritten = wanted
        self._write(wanted)
        return wanted

    def open(self, epoch: int, reason: str, by: str, at_ms: int) -> LatchState:
        """Open the latch that `epoch` closed; a person does it, with a reason, and only with the newest epoch."""
        now = self.state()
        if not by.strip() or not reason.strip():
            raise Invalid("a latch is opened by a person with a reason")
        if epoch < now.epoch:
            raise Invalid(f"a latch is opened under the epoch that closed it or a later one, {now.epoch}, was {epoch}")
        wanted = LatchState(False, epoch, reason, by, at_ms)
        self._write(wanted)
        return wanted

    def _write(self, state: LatchState) -> None:
        try:
            write_atomic(self._path, canonical(state))
        except OSError as error:
            raise Retryable(f"{self._path.name}: a latch is written, {error.strerror or error}") from error
        self._unwritten = None
