"""The three stages of a decision as one class, each of which may be a process."""

from qt_ray.engine.pipeline import Decision, Opinion, Sized, Snapshot
from tests.unit.actors.desk_world import FreeGuard
from tests.unit.actors.desk_world import Stages as Two


class Stages:
    """Predictor, sizer and guard for so many symbols."""

    def __init__(self, symbols: int) -> None:
        self._two, self._guard = Two(symbols), FreeGuard()

    async def predict(self, snapshot: Snapshot) -> Opinion:
        return await self._two.predict(snapshot)

    async def size(self, opinion: Opinion) -> Sized:
        return await self._two.size(opinion)

    async def review(self, sized: Sized, closed: str = "") -> Decision:
        return await self._guard.review(sized, closed)
