"""Audit keeper: writes the record from what the fund's parts tell on the bus, each event once, whatever is repeated.

A record names its event, so the log itself knows what was written: a keeper that was killed between writing and
acknowledging finds the event in the log's tail and writes nothing twice. While the disk refuses, nothing new is heard:
what waits is written first, in order.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from qt_ray.adapters.audit_files import files_in
from qt_ray.adapters.audit_logger import AuditLogger
from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event
from qt_ray.governance.audit_chain import line_of
from qt_ray.governance.audit_events import event_of, record_of

KNOWN_MAX: Final = 20_000
# As many as are heard at once, and some more: while the disk refuses nothing new is heard.
WAITING_MAX: Final = 150


class AuditKeeper:
    """The effects of a bus's events on one audit log."""

    def __init__(self, logger: AuditLogger, known: Iterable[str] = (), known_max: int = KNOWN_MAX) -> None:
        """Keep the log of `logger`, which holds the events `known` already, the oldest first."""
        self._logger, self._max = logger, known_max
        self._known: dict[str, None] = dict.fromkeys(known)
        self._waiting: list[str] = []

    @property
    def is_waiting(self) -> bool:
        """Return whether something that was heard is not durable yet."""
        return bool(self._waiting)

    def knows(self, event: Event) -> bool:
        """Return whether an event is in the log."""
        return event.id in self._known

    async def commit(self, event: Event) -> None:
        """Write an event down, durably, after all that still waits; Retryable while the log takes nothing."""
        if event.id in self._waiting:
            self.flush()
            return
        if len(self._waiting) >= WAITING_MAX:
            raise Retryable(f"audit: at most {WAITING_MAX} events wait for the disk")
        record = record_of(event)
        if record is None:
            return
        self._waiting.append(event.id)
        self._logger.log(record)
        self._written()

    def flush(self) -> None:
        """Write what waits; Retryable while the log takes nothing."""
        self._logger.log()
        self._written()

    def _written(self) -> None:
        self._known.update(dict.fromkeys(self._waiting))
        self._waiting.clear()
        while len(self._known) > self._max:
            del self._known[next(iter(self._known))]


def known_events(folder: Path, most: int = KNOWN_MAX) -> tuple[str, ...]:
    """Return the names of the events that a log's last records were written from, the oldest first."""
    found: list[str] = []
    for path in reversed(files_in(folder)):
        lines = path.read_bytes().splitlines(keepends=True)
        for number, data in reversed(list(enumerate(lines, start=1))):
            record = line_of(f"{path.name}:{number}", data).record
            name = None if record is None else event_of(record)
            if name is not None:
                found.append(name)
            if len(found) >= most:
                return tuple(reversed(found))
    return tuple(reversed(found))
