"""Launch: the parts begin in order, each group behind a gate, are watched while they live, and rest in reverse order.

A gate opens when all parts before it say that they are ready; the desk stands behind the last one, so nothing decides
before the account is reconciled, its emergency stop armed and its record verified. A part that could not be born is
begun again for as long as there is time, and after that the launch says which one is not ready, and why. A part that
runs other code than whoever launches it is refused: two editions would read one record in two ways. All parts are never
gone at one moment unless what they lived on is: a fund without it ends, so that whoever keeps it begins it anew.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from qt_ray.actors.rebirths import Rebirths
from qt_ray.actors.topology import GATEWAY, Part, groups
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.edition import edition
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.monitoring.health import Condition

READY_MS: Final = 300_000
LOOK_MS: Final = 100
# Ray begins anew whoever dies; what is watched for here is said to a person.
WATCH_MS: Final = 3_000
AGAIN_MS: Final = 5_000
DESERTED_MS: Final = 15_000


class World(Protocol):
    """Where parts live."""

    async def begin(self, part: Part) -> None:
        """Begin a part; it is not ready yet."""

    async def condition(self, name: str) -> Condition:
        """Return what a part says of itself; Retryable if it says nothing now."""

    async def heard(self) -> Mapping[str, Condition]:
        """Return what parts have just said to whoever asks them all anyway, as far as that is known."""

    async def rest(self, name: str) -> None:
        """Have a part finish what it does; Retryable if it does not say that it has."""

    def lives(self, name: str) -> bool:
        """Return whether somebody of that name is known, alive or about to be born again."""

    def why_stillborn(self, name: str) -> str | None:
        """Return why a part never lived, or nothing."""

    def end(self, name: str) -> None:
        """End a part's process for good."""


@dataclass(slots=True)
class Seen:
    """When a part was begun, in which process it lives, why it was not ready, and what was said of that."""

    begun_ms: int
    pid: int | None = None
    why: str = "it has not answered yet"
    said: str = ""


class Launch:
    """One fund from its first part to its last."""

    def __init__(
        self,
        world: World,
        parts: Sequence[Part],
        told: Callable[[str], None],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Begin nothing yet; `told` hears a line of each thing that a person should see."""
        self._world, self._parts, self._told, self._clock = world, parts, told, clock
        self._seen: dict[str, Seen] = {}
        self._edition, self._rebirths = edition(), Rebirths(told)

    async def begin(self, within_ms: int = READY_MS) -> None:
        """Begin all parts; Retryable names the one that is not ready in time and why, Invalid one of other code."""
        self._clear()
        until_ms = self._clock() + within_ms
        for group in groups(self._parts):
            for part in group:
                await self._begin(part)
            await self._ready(group, until_ms)

    async def watch(self) -> None:
        """Say which part was born again, and begin anew whoever Ray has given up, until cancelled.

        Retryable once all that would end with their Ray are gone together; a Ray that is only slow has time to answer.
        """
        there_ms = self._clock()
        while True:
            heard = await self._world.heard()
            looks = await asyncio.gather(*(self._is_gone(part, heard) for part in self._parts))
            gone = [part for part, is_gone in zip(self._parts, looks, strict=True) if is_gone]
            if not self._is_deserted(gone):
                there_ms = self._clock()
                for part in gone:
                    await self._begin_again(part, self._seen[part.name])
            elif self._clock() >= there_ms + DESERTED_MS:
                raise Retryable(f"fund: its parts live on a Ray, all were gone for {DESERTED_MS // 1_000} s")
            await asyncio.sleep(WATCH_MS / 1_000)

    async def rest(self) -> None:
        """Lay all parts to rest, the last first, and then end their processes; what does not answer is ended too."""
        begun = [part for part in reversed(self._parts) if part.name in self._seen]
        for part in begun:
            if self._seen[part.name].pid is not None:  # who never answered has nothing to finish
                await self._rest(part)
        for part in begun:
            self._world.end(part.name)

    async def _rest(self, part: Part) -> None:
        try:
            await self._world.rest(part.name)
        except Retryable as error:
            self._told(f"{part.name} was ended without rest: {error}")

    def _clear(self) -> None:
        """End what a fund that was killed has left behind, if that is all there is."""
        there = [part for part in self._parts if self._world.lives(part.name)]
        if busy := [part.name for part in there if not part.is_detached]:
            raise Invalid(f"start: the account has one fund, {', '.join(busy)} of another one lives in this cluster")
        for part in there:
            self._told(f"{part.name} was left behind by an earlier fund and is ended")
            self._world.end(part.name)

    async def _begin(self, part: Part) -> None:
        self._seen[part.name] = Seen(self._clock())
        await self._world.begin(part)

    async def _ready(self, group: Sequence[Part], until_ms: int) -> None:
        waiting = list(group)
        while waiting:
            ready = await asyncio.gather(*map(self._is_ready, waiting))
            waiting = [part for part, is_ready in zip(waiting, ready, strict=True) if not is_ready]
            if waiting and self._clock() >= until_ms:
                why = "; ".join(f"{part.name} is not: {self._seen[part.name].why}" for part in waiting)
                raise Retryable(f"start: every part is ready in time, {why}")
            if waiting:
                await asyncio.sleep(LOOK_MS / 1_000)

    async def _is_ready(self, part: Part) -> bool:
        seen = self._seen[part.name]
        if (why := self._world.why_stillborn(part.name)) is not None:
            seen.why = why
            await self._begin_again(part, seen)
            return False
        try:
            found = await self._world.condition(part.name)
        except Retryable as error:
            seen.why = str(error)
            return False
        if found.edition != self._edition:
            raise Invalid(f"start: every part runs the code of who begins it, {self._other(found)}")
        self._rebirths.met(found, None)
        seen.pid, seen.why = found.pid, ", ".join(found.reasons) or "it does not say why"
        if found.is_ready:
            took_ms = self._clock() - seen.begun_ms
            self._told(f"{part.name:<14} ready in {took_ms / 1_000:.1f} s{_worry(found)}")
        return found.is_ready

    async def _begin_again(self, part: Part, seen: Seen) -> None:
        if self._clock() < seen.begun_ms + AGAIN_MS:
            return
        if seen.why != seen.said:
            self._told(f"{part.name} is begun again: {seen.why}")
        await self._begin(part)
        again = self._seen[part.name]
        again.why = again.said = seen.why

    def _is_deserted(self, gone: Sequence[Part]) -> bool:
        """Return whether nobody is left of several parts that would not all be given up one by one."""
        attached = [part for part in self._parts if not part.is_detached]
        return len(attached) > 1 and all(part in gone for part in attached)

    async def _is_gone(self, part: Part, heard: Mapping[str, Condition]) -> bool:
        """Look at a part that was not heard, and return whether nobody will be born again there unless we begin it."""
        seen = self._seen[part.name]
        with suppress(Retryable):
            found = heard.get(part.name) or await self._world.condition(part.name)
            if self._rebirths.met(found, heard.get(GATEWAY)) and found.edition != self._edition:
                self._told(f"nothing new is opened until the fund is begun anew: {self._other(found)}")
            seen.pid = found.pid
            return False
        if self._world.lives(part.name):
            return False
        seen.why = self._world.why_stillborn(part.name) or "its process ended"
        return True

    def _other(self, found: Condition) -> str:
        return f"{found.part} runs {found.edition or 'another'} and this process {self._edition}"


def _worry(found: Condition) -> str:
    return f", but {', '.join(found.reasons)}" if found.reasons else ""
