"""Audit logger: every module's way to say what it did, durable when the call returns.

An anchor holds the chain fast after so many records or so much time, whichever comes first. A log that cannot be
written for five seconds is a reason not to trade, and says so until it can.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from qt_ray.adapters.audit_anchors import AuditAnchors
from qt_ray.adapters.audit_files import AuditFiles
from qt_ray.adapters.clock import now_ms
from qt_ray.core.errors import Retryable
from qt_ray.governance.audit_chain import Line
from qt_ray.governance.audit_records import AuditRecord

ANCHOR_MS: Final = 1_000
ANCHOR_RECORDS: Final = 1_000
SILENCE_MS_MAX: Final = 5_000
PENDING_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Anchored:
    """What was held fast last, and when."""

    sequence: int
    at_ms: int


class AuditLogger:
    """Writes one fund's audit log; `log` keeps what a full disk refused, in order, until it can be written."""

    def __init__(self, files: AuditFiles, anchors: AuditAnchors, clock: Callable[[], int] = now_ms) -> None:
        self._files, self._anchors, self._clock = files, anchors, clock
        self._pending: list[AuditRecord] = []
        self._failing_since_ms: int | None = None
        self._anchored = Anchored(0, 0)
        self._hold(clock())

    def log(self, *records: AuditRecord) -> tuple[Line, ...]:
        """Return the lines of all that waited once they are durable; on Retryable they wait for the next call."""
        if len(self._pending) + len(records) > PENDING_MAX:
            raise Retryable(f"audit: at most {PENDING_MAX} records wait for the disk, {len(records)} more would not")
        self._pending += records
        if not self._pending:
            return ()
        at_ms = self._clock()
        try:
            lines = self._files.append(self._pending)
        except Retryable:
            self._failing_since_ms = self._failing_since_ms or at_ms
            raise
        self._pending, self._failing_since_ms = [], None
        if self._files.head.sequence - self._anchored.sequence >= ANCHOR_RECORDS:
            self._hold(at_ms)
        return lines

    def tick(self) -> None:
        """Hold the chain fast if something was written since the last anchor and its time has come."""
        at_ms = self._clock()
        if self._files.head.sequence > self._anchored.sequence and at_ms - self._anchored.at_ms >= ANCHOR_MS:
            self._hold(at_ms)

    def why_silent(self) -> str | None:
        """Return why nothing new may be opened, or nothing while what is done can be written down."""
        if self._failing_since_ms is None:
            return None
        silent_ms = self._clock() - self._failing_since_ms
        return (
            f"no entry while the audit log takes nothing, for {silent_ms} ms" if silent_ms >= SILENCE_MS_MAX else None
        )

    def close(self) -> None:
        """Hold the chain fast a last time and give the files back."""
        if self._files.head.sequence > self._anchored.sequence:
            self._hold(self._clock())
        self._files.close()

    def _hold(self, at_ms: int) -> None:
        self._anchors.hold(self._files.head, at_ms)
        self._anchored = Anchored(self._files.head.sequence, at_ms)
