"""Gateway shift: one account at work from its opening to its rest: lease, record, news, and the dead man's timer.

Entries leave only under a lease on the epoch in force, and while what is done is written down. The timer at the venue
is wound only while those who would end a position are well. In ending, what could still open is taken back first, and
the lease is given back before the journal is closed. Other limits count from the moment they are heard; only for
another leverage, which the venue itself must be told, a shift ends and the account is opened anew.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from qt_ray.actors.bell import Bell
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.outbox import Voice
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.adapters.trading.herald import Herald
from qt_ray.adapters.trading.leased import Leased, Store
from qt_ray.adapters.trading.witness import Witness
from qt_ray.adapters.trading.workplace import Workplace
from qt_ray.governance.policy_view import PolicyView

LOOK_MS: Final = 500
PARTING_MS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Peers:
    """Whom a gateway works with: the policy store, the bus, those who end positions, and whoever keeps the record.

    `why_mute` says why what is told is not heard, `why_silent` why nothing may be opened.
    """

    store: Store
    voice: Voice
    is_well: Callable[[], bool]
    why_silent: Callable[[], Awaitable[str | None]]
    why_mute: Callable[[], str | None] = lambda: None


class Shift:
    """One account at work under the policy that `reader` has read; `over` is set when it should end."""

    def __init__(
        self,
        place: Workplace,
        owner: tuple[str, str],
        peers: Peers,
        reader: PolicyReader,
        written: Bell,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Be ready; `owner` is the account's name and its currency, and `written` rings with each line."""
        account, currency = owner
        self.place, self.over = place, asyncio.Event()
        self._peers, self._reader, self._written, self._clock = peers, reader, written, clock
        holder = f"gateway/{os.getpid()}/{clock()}"
        self._leased = Leased(peers.store, reader, place.account, account, holder, clock)
        self._herald = Herald(place, account, currency, peers.voice, clock)
        self._witness = Witness(peers.why_silent, clock)
        place.gates.append(self._witness.gate)
        reader.listen(self._governed)

    @property
    def is_ready(self) -> bool:
        """Return whether the books agree with the venue and the store has given a lease."""
        return self._is_reconciled and self._leased.is_held and not self.place.account.gateway.engine.is_starting

    def why_shut(self) -> str | None:
        """Return why no entry would leave now, or nothing."""
        return self._leased.why_shut() or self._witness.why_not() or self.place.why_shut(self._clock())

    def facts(self) -> dict[str, Any]:
        """Return plain facts for whoever asks how it goes."""
        worth, fence = self._herald.equity, self.place.account.gateway.engine.fence
        return self.place.facts() | {
            "epoch": fence.epoch,
            "lease_until_ms": fence.lease_until_ms,
            "is_reconciled": self._is_reconciled,
            "equity": worth and str(worth.equity),
            "lets_entries": self.why_shut() is None,
        }

    def settle(self) -> None:
        """Tell what is left, and remember what was carried."""
        self._herald.settle()

    async def run(self) -> None:
        """Work until it should end; the first work that fails ends all of it."""
        async with asyncio.TaskGroup() as group:
            account = group.create_task(self.place.account.run())
            works = [self._leased.run(), self._herald.run(), self._feel(), self._witness.run(self._take_back)]
            if self.place.market is not None:
                works.append(self.place.market.run())
            others = [group.create_task(work) for work in works]
            await self.over.wait()
            await self._part()
            await _ended(others)
            await _ended([account])
            self.settle()

    @property
    def _is_reconciled(self) -> bool:
        return self.place.account.custody.why_closed(self._clock()) is None

    def _governed(self, view: PolicyView) -> None:
        if not self.place.govern(view.policy.limits):
            self.over.set()

    def _take_back(self, reason: str) -> None:
        self.place.account.end_entries(None, reason)

    async def _part(self) -> None:
        """Take back what could open, and wait a moment for the venue to say so; its own timer ends the rest."""
        self._take_back("the gateway ends a shift")
        until_ms = self._clock() + PARTING_MS
        while self.place.has_entries() and self._clock() < until_ms:
            await self._written.heard(LOOK_MS)

    async def _feel(self) -> None:
        """Wind the dead man's timer only while the policy is fresh and those who end positions are well."""
        gateway = self.place.account.gateway
        while True:
            is_well = self._reader.why_closed() is None and self._peers.is_well()
            gateway.take(partial(gateway.engine.felt, is_well))
            await asyncio.sleep(LOOK_MS / 1_000)


async def _ended(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
