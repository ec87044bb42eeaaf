"""Fence store: the fund's own policy store, which writes one line more: each lease, before it gives it.

And mistakes that somebody could make in it, each of which a campaign must find. They live apart from the gateway's, so
that a store which is born again imports no more than the fund's.
"""

import asyncio
from dataclasses import replace
from typing import Final

from qt_ray.actors.policy_store import Acknowledged
from qt_ray.actors.policy_store_actor import PolicyStoreActor
from qt_ray.adapters.clock import now_ms
from qt_ray.core.policy import Policy
from qt_ray.governance.leases import LEASE_MS, TRAVEL_MS, Held, Lease
from qt_ray.governance.rulebook import Denied
from qt_ray.governance.rulebook_entries import Author, Revision
from qt_ray.governance.wishes import Change, Emergency, Pause, Recover, Wish

LEASES: Final = "leases"
LATER_S: Final = 1.0


class WatchedStore(PolicyStoreActor):
    """The policy store, each of whose leases is on record from the moment on that it is given."""

    def take_lease(self, account: str, holder: str) -> Lease | Held:
        """Give a lease or not, and write down to whom."""
        found = super().take_lease(account, holder)
        if isinstance(found, Lease):
            with (self._origin.places.policy / LEASES).open("a", encoding="utf-8") as record:
                record.write(f"{now_ms()} {holder}\n")
        return found


class AnswersAtOnce(WatchedStore):
    """Acknowledges an emergency as soon as it is written, and waits for no lease."""

    async def set_emergency_mode(
        self, enabled: bool, reason: str, author: Author, epoch: int = 0
    ) -> Acknowledged | Denied:
        """Answer before the fence holds."""
        found = self.wish(Emergency(reason) if enabled else Recover(epoch, reason), author)
        return found if isinstance(found, Denied) else Acknowledged(found.epoch, 0)


class GivesToAnybody(WatchedStore):
    """Gives a lease without a look at who has it."""

    def take_lease(self, account: str, holder: str) -> Lease | Held:
        """Forget every lease, and that there may have been some before, and give another."""
        grown_ms = self._leases.opened_ms - LEASE_MS - TRAVEL_MS
        self._leases = replace(self._leases, leases={}, opened_ms=grown_ms)
        return super().take_lease(account, holder)


class WritesLater(WatchedStore):
    """Answers a write before it is on the disk."""

    def wish(self, wish: Wish, author: Author) -> Policy | Denied:
        """Promise a change, and carry it out a moment later."""
        decided = self._book.book.decided(wish, author, now_ms()) if isinstance(wish, Change | Pause) else None
        if not isinstance(decided, Revision):
            return super().wish(wish, author)
        asyncio.get_running_loop().call_later(LATER_S, super().wish, wish, author)
        return decided.policy
