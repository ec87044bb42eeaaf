"""Learner: says when the model that trades should be trained anew, and why; it starts nothing yet.

Age and new bars are read off the registry, decay off the supervisor's card. The same reasons for the same version are
told once, whatever is begun anew in between.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any, Final, Protocol

from qt_ray.adapters.clock import now_ms
from qt_ray.ai.retraining import BPS, DAY_MS, Champion, Finding, Form, Patience, found
from qt_ray.core.codec import digest, spelled
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.events import event
from qt_ray.core.notices import RetrainingDue
from qt_ray.core.payloads import ModelDrift

SOURCE: Final = "Learner"
LOOK_MS: Final = 60_000
MEASURE: Final = "decay of the Brier score"
NOTHING_KNOWN: Final = Form(None, 0)

Card = Callable[[], Awaitable[Mapping[str, Any]]]


class Notebook(Protocol):
    """Remembers what was said."""

    def is_new(self, key: str) -> bool:
        """Return whether a key was never said, and remember it; Retryable if the disk does not."""


class Learner:
    """One fund's learner; `finding` is what it saw last, `fault` why it could not look."""

    def __init__(
        self,
        champion: Callable[[], Champion | None],
        card: Card,
        told: Notebook,
        tell: Callable[..., None],
        patience: Patience | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Begin with nothing seen."""
        self.finding: Finding | None = None
        self.fault, self.has_model = "it has not looked yet", False
        self._champion, self._card, self._notebook, self._tell = champion, card, told, tell
        self._patience, self._clock = patience or Patience(), clock

    async def run(self) -> None:
        """Look once a minute until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_MS / 1_000)

    async def look(self) -> None:
        """See how the champion stands, and say so if it should be trained anew."""
        try:
            champion = self._champion()
            self.has_model = champion is not None
            self.finding = (
                None if champion is None else found(champion, await self._form(), self._clock(), self._patience)
            )
            self._say()
            self.fault = ""
        except (Invalid, Retryable) as fault:
            self.fault = str(fault)

    async def status(self) -> dict[str, Any]:
        """Return what is known of the champion, and why it should be trained anew."""
        told: dict[str, Any] = spelled(
            {
                "schema": "qt.learner/1",
                "has_model": self.has_model,
                "fault": self.fault,
                "finding": None if self.finding is None else asdict(self.finding),
            }
        )
        return told

    async def _form(self) -> Form:
        """Return how the champion does now; a supervisor that does not answer, or never heard it, knows nothing."""
        try:
            card = await self._card()
        except (Invalid, Retryable):
            return NOTHING_KNOWN
        return Form(card["brier"], card["count"])

    def _say(self) -> None:
        seen = self.finding
        if seen is None or not seen.reasons:
            return
        # The day is part of the key: a champion that stays overdue is named again tomorrow.
        at_ms, model = self._clock(), seen.champion
        if self._notebook.is_new(digest([model.version, len(seen.reasons), at_ms // DAY_MS])):
            what = RetrainingDue(model.name, model.version, seen.reasons, seen.age_ms, seen.new_bars, seen.decay_bps)
            self._tell(event("learning.retraining_due", what, SOURCE, at_ms))
            if seen.decay_bps is not None and seen.decay_bps >= self._patience.decay_bps_max:
                self._tell(event("model.drift_detected", self._drift(seen, seen.decay_bps), SOURCE, at_ms))

    def _drift(self, seen: Finding, decay_bps: int) -> ModelDrift:
        limit = self._patience.decay_bps_max
        return ModelDrift(seen.champion.name, seen.champion.version, MEASURE, decay_bps / BPS, limit / BPS)
