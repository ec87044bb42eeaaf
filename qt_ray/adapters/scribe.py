"""Scribe: the one writer of a fund's audit log, from proving what is there to writing what is heard.

Nothing is written behind a log that does not verify, because going on would hide what was done to it; then the scribe
says so and nothing new may be opened. A bus that is away loses nothing: its events wait on their publishers' disks.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qt_ray.adapters.audit_anchors import AuditAnchors
from qt_ray.adapters.audit_files import AuditFiles
from qt_ray.adapters.audit_keeper import AuditKeeper, known_events
from qt_ray.adapters.audit_logger import AuditLogger
from qt_ray.adapters.audit_verdict import KEPT_DAYS, KEPT_LONGER_DAYS, AuditVerdict, cleaned, verdict_on
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.consumer import Consumer
from qt_ray.core.errors import Retryable
from qt_ray.governance.audit_events import AUDITED
from qt_ray.governance.bus import CLAIM_IDLE_MS, EventBus, Gap

GROUP: Final = "audit"
WAIT_MS: Final = 500
AGAIN_MS: Final = 500
REST_MS: Final = 5_000
CLEAN_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Archive:
    """Where a fund's record lies, and for how many days it is kept."""

    log: Path
    anchors: Path
    key: Path
    kept_days: int = KEPT_DAYS
    kept_longer_days: int = KEPT_LONGER_DAYS


class Scribe:
    """Keeps one fund's record; `verdict` is what the proof at its beginning came to."""

    def __init__(
        self,
        archive: Archive,
        bus: EventBus,
        clock: Callable[[], int] = now_ms,
        claim_ms: int = CLAIM_IDLE_MS,
    ) -> None:
        """Stand ready; nothing is read before `begin`."""
        self._archive, self._bus, self._clock, self._claim_ms = archive, bus, clock, claim_ms
        self.verdict: AuditVerdict | None = None
        self.gap: Gap | None = None
        self.fault, self._is_joined = "", False
        self._logger: AuditLogger | None = None
        self._keeper: AuditKeeper | None = None
        self._consumer: Consumer | None = None
        self._cleaned_ms: int | None = None

    @property
    def written(self) -> int:
        """Return how many events this life has written down."""
        return 0 if self._consumer is None else self._consumer.counts["done"]

    @property
    def buried(self) -> int:
        """Return how many events were put aside because they could not be written."""
        return 0 if self._consumer is None else self._consumer.counts["buried"]

    def why_silent(self) -> str | None:
        """Return why nothing new may be opened, or nothing while what is done can be written down."""
        if self.verdict is None:
            return "no entry before the audit log is verified"
        if self.verdict.broken:
            return f"no entry behind an audit log that is not what was written, {self.verdict.broken}"
        return None if self._logger is None else self._logger.why_silent()

    async def begin(self) -> None:
        """Prove the log and open it; one that is broken stays as it is."""
        archive = self._archive
        self.verdict = await asyncio.to_thread(verdict_on, archive.log, archive.anchors)
        if self.verdict.broken:
            return
        known = await asyncio.to_thread(known_events, archive.log)
        self._logger = AuditLogger(AuditFiles(archive.log), AuditAnchors(archive.anchors, archive.key), self._clock)
        self._keeper = AuditKeeper(self._logger, known)
        self._consumer = Consumer(self._bus, GROUP, GROUP, AUDITED.keys(), self._keeper, self._claim_ms)

    async def run(self) -> None:
        """Write what is heard until cancelled; a broken log is never written to."""
        await self.begin()
        while self._consumer is not None:
            try:
                await self.turn()
                self.fault = ""
            except Retryable as fault:
                self.fault = str(fault)
                await asyncio.sleep(AGAIN_MS / 1_000)

    async def turn(self, wait_ms: int = WAIT_MS) -> None:
        """Write what still waits, then what is new; anchor and clean up when it is time."""
        if self._consumer is None or self._keeper is None or self._logger is None:
            raise Retryable("audit: a log is written once it is verified")
        if self._keeper.is_waiting:
            self._keeper.flush()
        if not self._is_joined:
            await self._join()
        await self._consumer.turn(wait_ms)
        self._logger.tick()
        self._clean(self._logger)

    async def rest(self) -> None:
        """Write what has been told until now, anchor it and give the log back."""
        if self._consumer is None or self._logger is None:
            return
        try:
            async with asyncio.timeout(REST_MS / 1_000):
                while self._is_joined and await self._consumer.turn(1):
                    continue
        except (Retryable, TimeoutError) as fault:
            self.fault = str(fault)  # what is not written down yet is on the bus, and the next life writes it
        self._logger.close()

    async def _join(self) -> None:
        await self._bus.join(GROUP, from_start=True)
        self.gap = await self._bus.gap(GROUP)
        self._is_joined = True

    def _clean(self, logger: AuditLogger) -> None:
        at_ms = self._clock()
        if self._cleaned_ms is None or at_ms - self._cleaned_ms >= CLEAN_MS:
            archive = self._archive
            cleaned(logger, archive.log, at_ms, archive.kept_days, archive.kept_longer_days)
            self._cleaned_ms = at_ms
