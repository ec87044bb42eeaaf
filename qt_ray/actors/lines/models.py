"""Line to the predictor's board, for whoever else serves the same models."""

from qt_ray.actors.line import Line
from qt_ray.ai.model_sync import Orders, Report

BEYOND_MS = 1_000


class ModelBoardLine:
    """Reports over a line, and hears what to serve."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def sync(self, report: Report, wait_ms: int) -> Orders:
        """Return the orders of a user, as soon as it has something to do."""
        found: Orders = await self._line.ask("sync", report, wait_ms, within_ms=wait_ms + BEYOND_MS)
        return found
