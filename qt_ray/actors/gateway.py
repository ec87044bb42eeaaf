"""Gateway: the one way to an account: errands in, tidings out, entries only under a lease on the epoch in force.

Nothing begins before the policy is known and the doctor has nothing against it; until then, and whenever the store is
away, an entry has no lease. The dead man's timer at the venue is wound only while those who would end a position are
well. In going to rest what could still open is taken back first, and the lease given back before the journal is closed.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from qt_ray.actors.bell import Bell
from qt_ray.actors.living import Living
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.outbox import Voice
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.adapters.trading.gateway_loop import happened
from qt_ray.adapters.trading.herald import Herald
from qt_ray.adapters.trading.leased import Leased, Store
from qt_ray.adapters.trading.workplace import Workplace
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.policy import Policy
from qt_ray.engine.errands import Errands, Stamp
from qt_ray.engine.tidings import Tiding
from qt_ray.monitoring.health import Condition
from qt_ray.risk.at_work import AtWork

AGAIN_MS: Final = 2_000
LOOK_MS: Final = 500
WAIT_MS_MAX: Final = 30_000
PARTING_MS: Final = 2_000

Opening = Callable[[Policy, Callable[[], None]], Awaitable[Workplace]]


class Gateway:
    """One account's gateway, named for its leases by `account`; `is_well` says whether the dead man lives."""

    def __init__(
        self,
        account: str,
        currency: str,
        opening: Opening,
        store: Store,
        living: Living,
        voice: Voice,
        is_well: Callable[[], bool],
        why_mute: Callable[[], str | None] = lambda: None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Begin to exist; `run` opens the account and works."""
        self._account, self._currency, self._opening = account, currency, opening
        self._store, self._living, self._voice, self._is_well = store, living, voice, is_well
        self._why_mute, self._clock = why_mute, clock
        self._reader = PolicyReader(store, clock)
        self._place: Workplace | None = None
        self._leased: Leased | None = None
        self._herald: Herald | None = None
        self._why_not_open = "the policy is not known yet"
        self._written, self._rest, self._over = Bell(), asyncio.Event(), asyncio.Event()

    async def errands(self, errands: Errands, stamp: Stamp) -> None:
        """Carry errands out; again changes nothing. A no, an old epoch's too, is an end among the tidings."""
        if stamp.account != self._account:
            raise Invalid(f"errands: for the account {self._account}, were for {stamp.account}")
        self._open_place().carry(errands)

    async def tidings(self, after: int, wait_ms: int) -> tuple[Tiding, ...]:
        """Return what came after the tiding `after`, as soon as there is something, or nothing after `wait_ms`."""
        if not 0 <= wait_ms <= WAIT_MS_MAX:
            raise Invalid(f"wait_ms: 0 to {WAIT_MS_MAX}, was {wait_ms}")
        place = self._open_place()
        if not place.tidings.has_since(after) and wait_ms:
            await self._written.heard(wait_ms)
        return place.tidings.since(after, place.account.custody.books, self._clock())

    async def at_work(self) -> AtWork:
        """Return the entries that may still fill, whoever asked for them."""
        return self._open_place().tidings.at_work()

    async def end_entries(self, reason: str) -> None:
        """Take back everything that rests and may open."""
        self._open_place().account.end_entries(None, reason)

    async def condition(self) -> Condition:
        """Return how the gateway is: ready once the books agree with the venue and the store has given a lease.

        Whether an entry would leave now is a fact beside it: an emergency is no fault of the gateway's.
        """
        place = self._place
        if place is None:
            return self._living.condition(Health.CRITICAL, [self._why_not_open], ready=False)
        shut = self._leased.why_shut() if self._leased else None
        reasons = [reason for reason in (shut, self._why_mute()) if reason]
        health = Health.DEGRADED if reasons else Health.HEALTHY
        facts = self._facts(place) | {"lets_entries": shut is None}
        return self._living.condition(health, reasons, facts, ready=self._is_ready(place))

    async def rest(self) -> None:
        """End in order: what could open, the lease, the journal."""
        self._rest.set()
        if self._place is not None:
            await happened(self._over, 2 * PARTING_MS)
        await self._living.rest()
        if self._herald is not None:
            self._herald.settle()

    async def run(self) -> None:
        """Open the account, trade, and go to rest when asked."""
        policy = await self._known_policy()
        place = await self._opened(policy)
        try:
            await self._trade(place)
        finally:
            self._place = None
            await place.session.close()
            self._over.set()

    async def _known_policy(self) -> Policy:
        while self._reader.view is None:
            try:
                await self._reader.turn()
            except Retryable as why:
                self._why_not_open = str(why)
                await asyncio.sleep(AGAIN_MS / 1_000)
        return self._reader.view.policy

    async def _opened(self, policy: Policy) -> Workplace:
        """Return the account once nothing forbids to keep it; why it is not open yet is said meanwhile."""
        while True:
            try:
                return await self._opening(policy, self._written.ring)
            except (Invalid, Retryable) as why:
                self._why_not_open = str(why)
                await asyncio.sleep(AGAIN_MS / 1_000)

    async def _trade(self, place: Workplace) -> None:
        """Work until asked to rest; the first work that fails ends all of it."""
        holder = f"gateway/{os.getpid()}/{self._living.since_ms}"
        self._leased = Leased(self._store, self._reader, place.account, self._account, holder, self._clock)
        self._herald = Herald(place, self._account, self._currency, self._voice, self._clock)
        self._place = place
        async with asyncio.TaskGroup() as group:
            account = group.create_task(place.account.run())
            works = [self._leased.run(), self._herald.run(), self._feel(place)]
            others = [group.create_task(work) for work in works]
            if place.market is not None:
                others.append(group.create_task(place.market.run()))
            await self._rest.wait()
            await self._parted(place)
            await _ended(others)
            await _ended([account])
            self._herald.settle()

    async def _parted(self, place: Workplace) -> None:
        """Take back what could open, and wait a moment for the venue to say so; its own timer ends the rest."""
        place.account.end_entries(None, "the gateway goes to rest")
        until_ms = self._clock() + PARTING_MS
        while place.has_entries() and self._clock() < until_ms:
            await self._written.heard(LOOK_MS)

    async def _feel(self, place: Workplace) -> None:
        """Wind the dead man's timer only while the policy is fresh and those who end positions are well."""
        while True:
            is_well = self._reader.why_closed() is None and self._is_well()
            place.account.gateway.take(partial(place.account.gateway.engine.felt, is_well))
            await asyncio.sleep(LOOK_MS / 1_000)

    def _is_ready(self, place: Workplace) -> bool:
        is_reconciled = place.account.custody.why_closed(self._clock()) is None
        is_leased = self._leased is not None and self._leased.is_held
        return is_reconciled and is_leased and not place.account.gateway.engine.is_starting

    def _facts(self, place: Workplace) -> dict[str, Any]:
        worth = self._herald.equity if self._herald else None
        fence = place.account.gateway.engine.fence
        return place.facts() | {
            "epoch": fence.epoch,
            "lease_until_ms": fence.lease_until_ms,
            "is_reconciled": place.account.custody.why_closed(self._clock()) is None,
            "equity": worth and str(worth.equity),
        }

    def _open_place(self) -> Workplace:
        if self._place is None:
            raise Retryable(f"gateway: the account is open, {self._why_not_open}")
        return self._place


async def _ended(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
