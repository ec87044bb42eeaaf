"""Lease keeper: the gateway's half of the fence: no entry leaves without a lease that its store still believes in.

A lease counts from the moment it was asked for, so it ends here before it ends there. When the epoch has turned,
entries are shut out first, and the store hears that we have drained once none of an older epoch is on its way, with the
next question if the policy's own word came before the lease's. They are
let in again under a policy of that epoch and no older one: else a lease that hears of an emergency before its reader
does would be open in it. Whatever goes wrong, a store that is away, a token that is another's, a clock that was set
back, ends in a fence that is shut.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from qt_ray.adapters.clock import monotonic_ns, now_ms
from qt_ray.adapters.waiting import happened
from qt_ray.core.errors import Retryable
from qt_ray.execution.gateway.fence import SHUT, Fence
from qt_ray.governance.leases import LEASE_MS, Held, Lease

RENEW_MS: Final = LEASE_MS // 4
DRAIN_LOOK_MS: Final = 2


class Leasing(Protocol):
    """The policy store, as far as a gateway needs it; Retryable when it does not answer."""

    async def take_lease(self, account: str, holder: str) -> Lease | Held:
        """Return a lease, or who holds it."""

    async def renew_lease(self, account: str, token: int, confirmed: int) -> Lease | None:
        """Return the lease as it stands, or nothing if it is not ours any more."""

    async def return_lease(self, account: str, token: int) -> None:
        """Give the lease back."""


class Fenced(Protocol):
    """The account whose entries are held back."""

    def fenced(self, fence: Fence) -> None:
        """Take in the lease on the policy's epoch."""

    def entries_in_flight(self) -> int:
        """Return how many calls that may open can still be accepted."""


class LeaseKeeper:
    """Keeps one account's lease; `policy` is told from outside, as readers of the policy hear it."""

    def __init__(
        self,
        store: Leasing,
        account: Fenced,
        name: str,
        holder: str,
        clock: Callable[[], int] = now_ms,
        steady_ns: Callable[[], int] = monotonic_ns,
    ) -> None:
        """Hold leases for the account `name`, as one life of a gateway: `holder` is no other life's name."""
        self._store, self._account, self._name, self._holder = store, account, name, holder
        self._clock, self._steady_ns = clock, steady_ns
        self._lease: Lease | None = None
        self._confirmed = 0
        self._ends_ns = 0
        self._emergency, self._version, self._epoch = True, 0, 0
        self._is_draining = False
        self._news = asyncio.Event()
        account.fenced(SHUT)

    @property
    def is_held(self) -> bool:
        """Return whether entries may leave as far as the lease is concerned."""
        return self._lease is not None and self._steady_ns() < self._ends_ns

    def governed(self, emergency: bool, version_min: int, epoch: int) -> None:
        """Take in whether an emergency is in force, from which policy on decisions count, and of which epoch it is.

        A word of the policy may mean another epoch, so the lease is asked for at once.
        """
        self._emergency, self._version, self._epoch = emergency, version_min, epoch
        self._news.set()
        self._show()

    def why_lapsed(self) -> str | None:
        """Return why no entry may leave as far as the lease is concerned, or nothing."""
        return None if self.is_held else "an entry needs a living lease, there is none"

    async def run(self) -> None:
        """Keep the lease until cancelled, and then give it back."""
        try:
            while True:
                self._news.clear()
                await self._turn()
                await happened(self._news, RENEW_MS)
        finally:
            lease, self._lease = self._lease, None
            self._account.fenced(SHUT)
            if lease is not None and not self._account.entries_in_flight():
                with suppress(Retryable):  # a store that is away lets it run out
                    await self._store.return_lease(self._name, lease.token)

    async def _turn(self) -> None:
        """Ask for the lease anew, or for a first one; without an answer it runs out by itself."""
        if self._lease is not None and self._epoch > self._confirmed:
            await self._drained(self._epoch)
        asked_ns = self._steady_ns()
        try:
            found = await self._asked()
        except Retryable:
            self._show()
            return
        self._lease = found if isinstance(found, Lease) else None
        if self._lease is None:
            self._show()
        elif self._lease.epoch == self._confirmed:
            self._ends_ns = asked_ns + LEASE_MS * 1_000_000
            self._show()
        else:
            await self._drained(self._lease.epoch)
            await self._turn()

    async def _asked(self) -> Lease | Held | None:
        if self._lease is None:
            found = await self._store.take_lease(self._name, self._holder)
            self._confirmed = found.confirmed if isinstance(found, Lease) else 0
            return found
        return await self._store.renew_lease(self._name, self._lease.token, self._confirmed)

    async def _drained(self, epoch: int) -> None:
        """Shut entries out, and wait until none of an older epoch is on its way, to be said at once."""
        self._is_draining = True
        try:
            self._show()
            while self._account.entries_in_flight():
                await asyncio.sleep(DRAIN_LOOK_MS / 1_000)
        finally:
            self._is_draining = False
        self._confirmed, self._ends_ns = epoch, 0  # open again with the store's word that it has heard, and not before

    def _show(self) -> None:
        """Let the account see what the lease is worth now, by a clock that nobody sets."""
        left_ms = (self._ends_ns - self._steady_ns()) // 1_000_000
        if self._lease is None or left_ms <= 0 or self._is_draining or self._epoch != self._confirmed:
            self._account.fenced(SHUT)
            return
        until_ms = self._clock() + left_ms
        self._account.fenced(Fence(self._confirmed, until_ms, self._emergency, self._version, lapsed=self.why_lapsed))
