"""Fence operator: begins and ends emergencies, writes policies, and notes what he was answered, and when.

He asks until he is answered, as a person or the emergency stop would. What was not answered has happened or not, and
only an answer is a promise.
"""

import asyncio
from random import Random
from typing import Final

from benchmarks.fence_desk import Desk
from benchmarks.fence_outages import Blow
from benchmarks.fence_stage import Stage
from benchmarks.fence_truth import Truth
from qt_ray.actors.line import Line
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.topology import POLICY_STORE
from qt_ray.adapters.clock import monotonic_ms, now_ms
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.governance.rulebook import Denied
from qt_ray.governance.rulebook_entries import Author
from qt_ray.governance.wishes import Change, Pause, Resume

PERSON: Final = Author("ann", is_person=True)
AGAIN_S: Final = 0.1
HURRY_S: Final = 0.3


class Operator:
    """One person, who does one emergency at a time; `waits_ms` is how long a living store took to answer."""

    def __init__(self, stage: Stage, desk: Desk, truth: Truth, seed: int) -> None:
        self.waits_ms: list[int] = []
        self.emergencies: list[Blow] = []
        self._stage, self._desk, self._truth, self._dice = stage, desk, truth, Random(seed)
        self._store = PolicyStoreLine(Line(POLICY_STORE, stage.namespace))
        self._one_at_a_time = asyncio.Lock()

    async def emergency(self, for_ms: int) -> None:
        """Stop everything, see that exits can leave, and end it after a while."""
        async with self._one_at_a_time:
            began_ms = now_ms()
            with self._desk.hurrying():
                epoch = await self._begun()
                one = self._truth.acknowledges(epoch, await self._stage.moment(), is_emergency=True)
                await asyncio.sleep(HURRY_S)
            await self._stage.hand.buys()
            self._desk.may_exit = True
            await asyncio.sleep(for_ms / 1_000)
            self._desk.may_exit = False
            await self._stage.hand.sells()
            one.ended = await self._stage.moment()
            if (after := await self._ended()) is not None:
                self._truth.acknowledges(after, await self._stage.moment(), is_emergency=False)
            self.emergencies.append(Blow(began_ms, now_ms()))

    async def write(self) -> None:
        """Ask once for a change of the policy."""
        try:
            policy = await self._store.policy()
            less = {"limits.order_value_max": str(policy.limits.order_value_max - 1)}
            calmer, back = Change(less, policy.version, "calmer"), Resume(policy.version, "back")
            wish = self._dice.choice((Pause("lunch"), back, calmer))
            found = await self._store.wish(wish, PERSON)
        except Retryable:
            self._truth.counts["writes without an answer"] += 1
            return
        if not isinstance(found, Denied):
            self._truth.promises(found.version, found.digest)

    async def _begun(self) -> int:
        """Return the epoch of an emergency, once it is acknowledged."""
        store, asked_ms = self._stage.bodies[POLICY_STORE], monotonic_ms()
        struck, is_well = store.struck, store.is_there() and not store.is_stopped
        while True:
            try:
                epoch = await self._store.begin_emergency("fire")
            except Retryable:
                await asyncio.sleep(AGAIN_S)
                continue
            if is_well and store.struck == struck:
                self.waits_ms.append(monotonic_ms() - asked_ms)
            return epoch

    async def _ended(self) -> int | None:
        """Return the epoch of the recovery, or nothing if it was an earlier word of ours that was carried out."""
        while True:
            try:
                if not (await self._store.policy()).emergency_mode:
                    return None
                return await self._store.end_emergency(PERSON.name, "it is out")
            except (Invalid, Retryable):  # it was of an epoch before: a store was born between question and answer
                await asyncio.sleep(AGAIN_S)
