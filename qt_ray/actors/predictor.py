"""Predictor: what the models think of a snapshot, by one version, within its time, or an abstention.

A decision takes the version that serves once and is answered by it whole. Models never hold up a decision: what is
late is dropped, what has no models abstains, and an abstention keeps what is held while exits go on.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from qt_ray.actors.live_models import LiveModels
from qt_ray.actors.model_board import Changed, ModelBoard, unheard
from qt_ray.adapters.models.stage import Stage
from qt_ray.adapters.workbench import Workbench
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.ai.ladder import Rung
from qt_ray.ai.model_sync import Orders, Report
from qt_ray.core.errors import Retryable
from qt_ray.engine.pipeline import Opinion, Snapshot, abstained

NAME: Final = "predictor"
# The board has no clock of its own: whoever sits beside it looks often, and at no cost.
LOOK_MS: Final = 250


class Predictor:
    """One fund's predictor; `counts` is how its opinions came about, by rung and by what kept them away."""

    def __init__(
        self, board: ModelBoard, load: Callable[[str], Stage], deadline_ms: int, swapped: Changed = unheard
    ) -> None:
        """Be ready to be asked; before the first models serve every opinion is an abstention."""
        self.board, self.counts = board, Counter[str]()
        self.models: LiveModels[Stage] = LiveModels(NAME, board, load, swapped, LOOK_MS)
        self._deadline_ms, self._bench = deadline_ms, Workbench()

    async def predict(self, snapshot: Snapshot) -> Opinion:
        """Return the opinion on a snapshot, by the version that serves as it is asked."""
        served = self.models.served
        if served is None:
            self.counts["no_models"] += 1
            return Opinion(snapshot, abstained(snapshot.bars))
        stage = served.models
        try:
            opinion = await self._bench.done(lambda left_ms: stage.opinion(snapshot, left_ms), self._deadline_ms)
        except Retryable:
            self.counts["late"] += 1
            return Opinion(snapshot, abstained(snapshot.bars), served.live.version)
        self.counts["behind" if opinion.is_behind else stage.rung.name.lower()] += 1
        return opinion

    async def sync(self, report: Report, wait_ms: int) -> Orders:
        """Return what another user of the same models is to serve."""
        return await self.board.sync(report, wait_ms)

    async def acknowledged(self) -> Report:
        """Return what serves here, and what is ready to."""
        return self.models.report()

    def close(self) -> None:
        """Take on no more work."""
        self._bench.rest()

    def health(self) -> tuple[Health, tuple[str, ...]]:
        """Return how well the models serve, and why not better."""
        served, state = self.models.served, self.board.state
        reasons = [f"a version is withheld, {state.withheld}"] if state.withheld else []
        if served is None:
            loading = self.models.report().loading
            reasons += [f"models serve once they are loaded, {loading} is loading"] if loading else []
            return Health.CRITICAL, (*reasons, "no models serve: every opinion is an abstention")
        if served.models.rung is not Rung.FULL:
            reasons.append(f"models are asked in full, the last time {served.models.rung.name.lower()}")
        return (Health.DEGRADED if reasons else Health.HEALTHY), tuple(reasons)

    def facts(self) -> dict[str, object]:
        """Return plain facts for whoever looks."""
        served, state = self.models.served, self.board.state
        return {
            "version": served.live.version if served else None,
            "epoch": served.live.epoch if served else None,
            "mixed": state.mixed,
            "users": sorted(state.reports),
            "opinions": dict(self.counts),
        }
