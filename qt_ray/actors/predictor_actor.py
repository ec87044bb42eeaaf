"""Predictor as an actor: the models that the policy names for the symbols of its origin, and the board of all users.

A new life has no models and no past. It follows the policy, loads and warms what is named there, and is shown the past
by the desk with its first question.
"""

import asyncio
from typing import Final

from qt_ray.actors.line import Line
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.living import Living
from qt_ray.actors.model_board import ModelBoard
from qt_ray.actors.origin import Origin
from qt_ray.actors.predictor import Predictor
from qt_ray.actors.topology import POLICY_STORE, PREDICTOR, namespace_of
from qt_ray.actors.voice import voice, why_mute
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.fund_setup import recipe_of
from qt_ray.adapters.models.model_set import live_in, load_promoted
from qt_ray.adapters.models.stage import Stage, staged
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.ai.model_sync import Live
from qt_ray.ai.predictions import predictions
from qt_ray.core.events import event
from qt_ray.core.notices import ModelSwapped
from qt_ray.core.payloads import ModelPromoted
from qt_ray.engine.pipeline import Opinion, Snapshot
from qt_ray.governance.policy_view import PolicyView
from qt_ray.monitoring.health import Condition

# A decision is under way when an opinion is given: telling others of it waits until that is over.
TELL_S: Final = 0.2


class PredictorActor(Predictor):
    """The predictor of the account that `origin` names."""

    def __init__(self, origin: Origin) -> None:
        """Begin without models, and follow the policy."""
        settings = origin.settings
        self._origin, self._market = origin, settings.market
        self._recipe = recipe_of(settings.predictor)
        super().__init__(ModelBoard(self._promoted), self._load, settings.serving.deadline_ms, self._swapped)
        self._voice = voice(origin, PREDICTOR)
        reader = PolicyReader(PolicyStoreLine(Line(POLICY_STORE, namespace_of(settings)), near=origin.places.policy))
        reader.listen(self._named)
        self._living = Living(PREDICTOR)
        for work in (self._voice.run(), reader.run(), self.models.run()):
            self._living.keep(work)

    async def predict(self, snapshot: Snapshot) -> Opinion:
        """Return the opinion on a snapshot, and tell it to whoever keeps score once it is on its way."""
        opinion = await super().predict(snapshot)
        asyncio.get_running_loop().call_later(TELL_S, self._foretold, opinion)
        return opinion

    async def condition(self) -> Condition:
        """Return how the predictor is; without models it is not ready."""
        health, reasons = self.health()
        if (mute := why_mute(self._voice, self._origin)) is not None:
            health, reasons = max(health, Health.DEGRADED), (*reasons, mute)
        return self._living.condition(health, reasons, self.facts(), ready=self.models.served is not None)

    async def rest(self) -> None:
        """End; nothing here is lost."""
        await self._living.rest()
        self.close()
        self._voice.close()

    def _foretold(self, opinion: Opinion) -> None:
        """Tell what was foretold; asked again about the same bar it is the same event."""
        bars, served = opinion.snapshot.bars, self.models.served
        spec = served.models.models.spec if served is not None else None
        names = [seat.kind for seat in spec.seats] if spec is not None else ()
        close_ms = int(bars.ts[-1]) + bars.interval_ms
        for told in predictions(bars.symbols, close_ms, opinion.forecasts, names):
            self._voice.tell(event("model.prediction_ready", told, PREDICTOR, close_ms))

    def _load(self, version: str) -> Stage:
        return staged(load_promoted(self._recipe, version), self._market.symbols, self._market.interval_ms)

    def _named(self, view: PolicyView) -> None:
        self.board.name(live_in(view.policy, self._recipe))

    def _promoted(self, before: Live | None, after: Live) -> None:
        at_ms, old = now_ms(), before.version if before else None
        told = ModelPromoted(self._recipe.kind, after.version, old, at_ms)
        self._voice.tell(event("model.promoted", told, PREDICTOR, at_ms))

    def _swapped(self, before: Live | None, after: Live) -> None:
        old = before.version if before else None
        told = ModelSwapped(PREDICTOR, self._recipe.kind, after.version, after.epoch, old)
        self._voice.tell(event("model.swapped", told, PREDICTOR, now_ms()))
