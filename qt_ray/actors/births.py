"""Births: parts as they are begun, asked, laid to rest and ended on the Ray that this process is connected to.

A part whose constructor fails is dead for good, because Ray begins nothing anew that has never lived. The failure is
kept, so that whoever launches can say why, and may try again where the world could have changed.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final

import ray
from ray.exceptions import RayError

from qt_ray.actors.line import Line
from qt_ray.actors.lines.monitor import MonitorLine
from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import MONITOR, Part, begun
from qt_ray.core.errors import QtError, Retryable
from qt_ray.monitoring.health import Condition

OURS: Final = re.compile(r"^qt_ray\.core\.errors\.\w+: ")
ANSWER_MS: Final = 1_000
# Whatever the monitor's turn is, it is another one.
NOW, AT_ONCE_MS = -1, 1
REST_MS: Final = 15_000


class Births:
    """The parts of one fund in one namespace."""

    def __init__(self, origin: Origin, namespace: str) -> None:
        self._origin, self._namespace = origin, namespace
        self._lines: dict[str, Line] = {}
        # A part lives no longer than somebody holds its handle.
        self._begun: dict[str, tuple[Any, Any]] = {}

    async def begin(self, part: Part) -> None:
        """Begin a part; it is not ready yet."""
        handle = await asyncio.to_thread(begun, part, self._origin, self._namespace)
        self._begun[part.name] = handle, handle.__ray_ready__.remote().future()

    async def condition(self, name: str) -> Condition:
        """Return what a part says of itself; Retryable if it says nothing now."""
        found: Condition = await self._asked(name, "condition", ANSWER_MS)
        return found

    async def heard(self) -> Mapping[str, Condition]:
        """Return what parts have lately said to the monitor, which goes round all the time; nothing if it is away."""
        try:
            roll = await MonitorLine(self._line(MONITOR)).roll(NOW, AT_ONCE_MS)
        except (RayError, QtError):
            return {}
        return {name: said for name, (said, _) in roll.heard.items()}

    async def rest(self, name: str) -> None:
        """Have a part finish what it does; Retryable if it does not say that it has."""
        await self._asked(name, "rest", REST_MS)

    def lives(self, name: str) -> bool:
        """Return whether Ray knows somebody of that name, alive or about to be born again."""
        return self._handle(name) is not None

    def why_stillborn(self, name: str) -> str | None:
        """Return why a part that was begun here never lived, or nothing."""
        _, first = self._begun.get(name, (None, None))
        if first is None or not first.done():
            return None
        error = first.exception()
        return _said(error) if isinstance(error, RayError) else None

    def end(self, name: str) -> None:
        """End a part's process for good."""
        handle = self._handle(name)
        if handle is not None:
            ray.kill(handle, no_restart=True)

    async def _asked(self, name: str, method: str, within_ms: int) -> Any:
        """Ask; a part that answers with an error of its own is one that does not answer, and no reason to fall too."""
        try:
            return await self._line(name).ask(method, within_ms=within_ms)
        except (RayError, QtError) as error:
            raise Retryable(_said(error)) from error

    def _handle(self, name: str) -> Any:
        try:
            return ray.get_actor(name, self._namespace)
        except ValueError:
            return None

    def _line(self, name: str) -> Line:
        return self._lines.setdefault(name, Line(name, self._namespace))


def _said(error: Exception) -> str:
    """Return what an error that came through Ray says: its last line, and of one of ours the rule alone."""
    return OURS.sub("", str(error).strip().splitlines()[-1].strip())
