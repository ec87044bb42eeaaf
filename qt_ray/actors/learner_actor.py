"""Learner as an actor: the registry that this fund's models come from, and the supervisor's card of them."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from qt_ray.actors.learner import Learner
from qt_ray.actors.line import Line
from qt_ray.actors.living import Living
from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import LEARNER, SUPERVISOR, namespace_of
from qt_ray.actors.voice import voice, why_mute
from qt_ray.adapters.models.champion import champion_of
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.told_once import ToldOnce
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.ai.retraining import Champion
from qt_ray.core.errors import Invalid
from qt_ray.monitoring.health import Condition
from qt_ray.monitoring.opinions import DECISIONS, FORECAST


class LearnerActor(Learner):
    """The learner of the account that `origin` names."""

    def __init__(self, origin: Origin) -> None:
        """Begin to look."""
        settings, self._origin = origin.settings, origin
        self._living, self._voice = Living(LEARNER), voice(origin, LEARNER)
        self._line = Line(SUPERVISOR, namespace_of(settings))
        notebook = ToldOnce(origin.places.folder / "learner.json")
        super().__init__(lambda: _model(settings), self._of_supervisor, notebook, self._voice.tell)
        self._living.keep(self._voice.run())
        self._living.keep(self.run())

    async def condition(self) -> Condition:
        """Return whether it could look; a model that is due is no illness of the learner's."""
        mute = why_mute(self._voice, self._origin)
        reasons = [reason for reason in (self.fault, mute) if reason]
        due = self.finding.reasons if self.finding is not None else ()
        facts = {"has_model": self.has_model, "due": list(due)}
        return self._living.condition(Health.DEGRADED if reasons else Health.HEALTHY, reasons, facts)

    async def rest(self) -> None:
        """End; what was told is on the bus or on disk."""
        await self._living.rest()
        self._voice.close()

    async def _of_supervisor(self) -> Mapping[str, Any]:
        """Return the card of the ensemble's forecasts, or of the decisions where nobody told those."""
        for model in (FORECAST, DECISIONS):
            with suppress(Invalid):  # nobody has told of it yet
                card: Mapping[str, Any] = await self._line.ask("card", model)
                return card
        return {"brier": None, "count": 0}


def _model(settings: Settings) -> Champion | None:
    served = champion_of(settings)
    return None if served is None else served.champion
