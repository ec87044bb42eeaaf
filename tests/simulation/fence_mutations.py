"""Mutations: mistakes that somebody could make in the fence, each of which the campaign must find.

Some of them were ours. A campaign that finds nothing proves as much as it finds in these.
"""

import asyncio
from dataclasses import replace
from typing import Any, Final

from qt_ray.actors.policy_store import Acknowledged, PolicyStore
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.adapters.trading.lease_keeper import DRAIN_LOOK_MS, LeaseKeeper
from qt_ray.core.errors import Retryable
from qt_ray.execution.gateway.fence import SHUT, Fence
from qt_ray.governance.leases import LEASE_MS, Held, Lease
from qt_ray.governance.rulebook import Denied
from qt_ray.governance.rulebook_entries import Author
from qt_ray.governance.wishes import Emergency, Recover, Start, Wish
from tests.simulation.fence_parts import Cast
from tests.simulation.fence_world import Script


class CountsFromTheAnswer(LeaseKeeper):
    """Believes that a lease begins when it hears of it."""

    async def _turn(self) -> None:
        await super()._turn()
        if self._ends_ns > self._steady_ns():
            self._ends_ns = self._steady_ns() + LEASE_MS * 1_000_000
            self._show()


class DrainsNothing(LeaseKeeper):
    """Says that it has drained without a look."""

    async def _drained(self, epoch: int) -> None:
        self._confirmed = epoch


class OpensWhileItDrains(LeaseKeeper):
    """Lets a word of the policy open the fence again before all have drained, under the epoch before."""

    async def _drained(self, epoch: int) -> None:
        self._account.fenced(SHUT)
        while self._account.entries_in_flight():
            await asyncio.sleep(DRAIN_LOOK_MS / 1_000)
        self._confirmed = epoch

    def _show(self) -> None:
        left_ms = (self._ends_ns - self._steady_ns()) // 1_000_000
        if self._lease is None or left_ms <= 0:
            self._account.fenced(SHUT)
            return
        until_ms = self._clock() + left_ms
        self._account.fenced(Fence(self._confirmed, until_ms, self._emergency, self._version, lapsed=self.why_lapsed))


class OpensBeforeItsPolicyIsHeard(LeaseKeeper):
    """Opens under an epoch of which it has not yet heard whether it is an emergency."""

    def _show(self) -> None:
        known, self._epoch = self._epoch, self._confirmed
        super()._show()
        self._epoch = known


class TrustsTheWallClock(LeaseKeeper):
    """Ends its lease by a clock that somebody may set back, and by nothing else."""

    def why_lapsed(self) -> str | None:
        return None


class AcknowledgesAtOnce(PolicyStore):
    """Answers as soon as an emergency is written."""

    async def set_emergency_mode(self, enabled: bool, reason: str, author: Author, epoch: int = 0) -> Any:
        found = self.wish(Emergency(reason) if enabled else Recover(epoch, reason), author)
        return found if isinstance(found, Denied) else Acknowledged(self._keeper.policy.epoch, 0)


class ForgetsWhatTravels(PolicyStore):
    """Takes a lease that has run out for the end of all that was sent under it."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._leases = replace(self._leases, travel_ms=0)


class IsBornGrown(PolicyStore):
    """Gives leases away as soon as it lives."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._leases = replace(self._leases, opened_ms=self._leases.opened_ms - 60_000)


class MeasuresByTheWallClock(PolicyStore):
    """Lets leases run out by a clock that somebody may set forward."""

    def __init__(self, keeper: RulebookKeeper, clock: Any, steady: Any) -> None:
        super().__init__(keeper, clock, steady=clock)


class KeepsOnGranting(PolicyStore):
    """Does not look whether another has taken its place."""

    def __init__(self, keeper: RulebookKeeper, *given: Any, **more: Any) -> None:
        keeper.confirm = lambda: None
        super().__init__(keeper, *given, **more)


class ProlongsInDoubt(PolicyStore):
    """Prolongs leases although an emergency could not be written, and acknowledges it."""

    async def set_emergency_mode(self, enabled: bool, reason: str, author: Author, epoch: int = 0) -> Any:
        try:
            return await super().set_emergency_mode(enabled, reason, author, epoch)
        except Retryable:
            return Acknowledged(self._keeper.policy.epoch, 0)

    def is_emergency_mode(self) -> bool:
        return True

    def take_lease(self, account: str, holder: str) -> Lease | Held:
        shut, self._shut = self._shut, ""
        found = super().take_lease(account, holder)
        self._shut = shut
        return found

    def renew_lease(self, account: str, token: int, confirmed: int) -> Lease | None:
        shut, self._shut = self._shut, ""
        found = super().renew_lease(account, token, confirmed)
        self._shut = shut
        return found


class RaisesNoEpoch(RulebookKeeper):
    """Lets a new life go on in the epoch of the last."""

    def decide(self, wish: Wish, author: Author, at_ms: int) -> Denied | None:
        return None if isinstance(wish, Start) else super().decide(wish, author, at_ms)


class BelievesItsMemory(RulebookKeeper):
    """Says that nothing is to be done for a wish, without a look at the book."""

    def decide(self, wish: Wish, author: Author, at_ms: int) -> Denied | None:
        return None if self.book.decided(wish, author, at_ms) is None else super().decide(wish, author, at_ms)


class WritesLater(RulebookKeeper):
    """Says that a wish is carried out although the disk refused it."""

    def decide(self, wish: Wish, author: Author, at_ms: int) -> Denied | None:
        try:
            return super().decide(wish, author, at_ms)
        except Retryable:
            found = self.book.decided(wish, author, at_ms)
            if found is not None and not isinstance(found, Denied):
                self.book = self.book.applied(found)
            return None


# Where a mistake shows under one kind of fault only, it is looked for under that.
ECLIPSE: Final = Script(("eclipse",), (1, 1), (0, 0), first_ms=4_000)
RELAPSE: Final = Script(("relapse",), (1, 1), (0, 0), first_ms=4_000)
HUNTED: Final = {
    "counts from the answer": ECLIPSE,
    "trusts the wall clock": ECLIPSE,
    "believes its memory": RELAPSE,
}

MUTATIONS: Final[dict[str, Cast]] = {
    "counts from the answer": Cast(keeper=CountsFromTheAnswer),
    "drains nothing": Cast(keeper=DrainsNothing),
    "opens while it drains": Cast(keeper=OpensWhileItDrains),
    "opens before its policy is heard": Cast(keeper=OpensBeforeItsPolicyIsHeard),
    "trusts the wall clock": Cast(keeper=TrustsTheWallClock),
    "acknowledges at once": Cast(store=AcknowledgesAtOnce),
    "forgets what travels": Cast(store=ForgetsWhatTravels),
    "is born grown": Cast(store=IsBornGrown),
    "measures by the wall clock": Cast(store=MeasuresByTheWallClock),
    "keeps on granting": Cast(store=KeepsOnGranting),
    "prolongs in doubt": Cast(store=ProlongsInDoubt),
    "believes its memory": Cast(book=BelievesItsMemory),
    "raises no epoch": Cast(book=RaisesNoEpoch),
    "writes later": Cast(book=WritesLater),
}
