"""Gateway: the one way to an account: errands in, tidings out, shift after shift.

Nothing begins before the policy is known and the doctor has nothing against it. What keeps an account from being opened
is looked at ever more rarely, because a look at an account is dear and the venue counts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from qt_ray.actors.bell import Bell
from qt_ray.actors.gateway_shift import PARTING_MS, Peers, Shift
from qt_ray.actors.living import Living
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.adapters.trading.workplace import Workplace
from qt_ray.adapters.waiting import happened
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.policy import Policy
from qt_ray.engine.errands import Errands, Stamp
from qt_ray.engine.tidings import Tiding
from qt_ray.monitoring.health import Condition
from qt_ray.risk.at_work import AtWork

AGAIN_MS: Final = 250
AGAIN_MS_MAX: Final = 30_000
WAIT_MS_MAX: Final = 30_000

Opening = Callable[[Policy, Callable[[], None]], Awaitable[Workplace]]


class Gateway:
    """One account's gateway, named for its leases by `account`; `opening` opens the account under a policy."""

    def __init__(
        self,
        account: str,
        currency: str,
        opening: Opening,
        peers: Peers,
        living: Living,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Begin to exist; `run` opens the account and works."""
        self._account, self._currency, self._opening = account, currency, opening
        self._peers, self._living, self._clock = peers, living, clock
        self._shift: Shift | None = None
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
        shift = self._shift
        if shift is None:
            return self._living.condition(Health.CRITICAL, [self._why_not_open], ready=False)
        reasons = [reason for reason in (shift.why_shut(), self._peers.why_mute()) if reason]
        health = Health.DEGRADED if reasons else Health.HEALTHY
        return self._living.condition(health, reasons, shift.facts(), ready=shift.is_ready)

    async def rest(self) -> None:
        """End in order: what could open, the lease, the journal, and what was not told yet."""
        self._rest.set()
        shift = self._shift
        if shift is not None:
            shift.over.set()
            await happened(self._over, 2 * PARTING_MS)
        await self._living.rest()
        if shift is not None:
            shift.settle()

    async def run(self) -> None:
        """Open the account and trade, shift after shift, until asked to rest."""
        try:
            while not self._rest.is_set():
                reader = PolicyReader(self._peers.store, self._clock)
                place = await self._opened(await self._known(reader))
                await self._work(place, reader)
        finally:
            self._over.set()

    async def _known(self, reader: PolicyReader) -> Policy:
        while reader.view is None:
            try:
                await reader.turn()
            except Retryable as why:
                self._why_not_open = str(why)
                await asyncio.sleep(AGAIN_MS / 1_000)
        return reader.view.policy

    async def _opened(self, policy: Policy) -> Workplace:
        """Return the account once nothing forbids to keep it; why it is not open yet is said meanwhile."""
        wait_ms = AGAIN_MS
        while True:
            try:
                return await self._opening(policy, self._written.ring)
            except (Invalid, Retryable) as why:
                self._why_not_open = str(why)
                await asyncio.sleep(wait_ms / 1_000)
                wait_ms = min(2 * wait_ms, AGAIN_MS_MAX)

    async def _work(self, place: Workplace, reader: PolicyReader) -> None:
        shift = Shift(place, (self._account, self._currency), self._peers, reader, self._written, self._clock)
        self._shift = shift
        try:
            await shift.run()
        finally:
            self._shift, self._why_not_open = None, "it is opened anew, another leverage is in force"
            await place.session.close()

    def _open_place(self) -> Workplace:
        if self._shift is None or self._shift.over.is_set():
            raise Retryable(f"gateway: the account is open, {self._why_not_open}")
        return self._shift.place
