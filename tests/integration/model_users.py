"""Users of models as real processes: a predictor that says which version it is, and others that follow its board."""

from typing import Any

import numpy as np

from qt_ray.actors.line import Line
from qt_ray.actors.lines.models import ModelBoardLine
from qt_ray.actors.live_models import LiveModels
from qt_ray.actors.living import Living
from qt_ray.actors.model_board import ModelBoard
from qt_ray.actors.predictor import Predictor
from qt_ray.adapters.models.stage import Stage
from qt_ray.ai.baselines import single
from qt_ray.ai.ladder import Rung
from qt_ray.ai.model_sync import Live, ModelSync, Report
from qt_ray.core.errors import Invalid
from qt_ray.engine.pipeline import Opinion, Snapshot

DEADLINE_MS = 10_000


class Told(Stage):
    """A stage whose every score is the number of its version."""

    def __init__(self, version: str) -> None:
        if not version.startswith("v"):
            raise Invalid(f"weights are whole, {version} were not")
        self.number, self.rung = float(version[1:]), Rung.FULL

    def opinion(self, snapshot: Snapshot, left_ms: float) -> Opinion:
        """Return the number of the version about everything."""
        score = np.full(snapshot.bars.close.shape, self.number)
        return Opinion(snapshot, single(score, np.ones_like(score)), f"v{self.number:.0f}")


class Oracle(Predictor):
    """A predictor of told versions, with its board."""

    def __init__(self) -> None:
        super().__init__(ModelBoard(), Told, DEADLINE_MS)
        Living("Oracle").keep(self.models.run())

    async def name(self, version: str, epoch: int) -> None:
        """Play the policy."""
        self.board.name(Live(version, epoch))

    async def state(self) -> ModelSync:
        """Return what the board knows."""
        return self.board.state


class Follower:
    """Another process that serves the same models."""

    def __init__(self, name: str, namespace: str) -> None:
        self._models = LiveModels[Told](name, ModelBoardLine(Line("Oracle", namespace)), Told)
        Living(name).keep(self._models.run())

    async def report(self) -> Report:
        """Return what is served here."""
        return self._models.report()

    async def answer(self) -> tuple[str, float] | None:
        """Answer a request by the version that serves."""
        served: Any = self._models.served
        return None if served is None else (served.live.version, served.models.number)
