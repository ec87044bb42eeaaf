"""Offline: the same console on an account's files while no fund runs, so that a person can always tighten and stop.

The book is the policy store's own, and what is written here is told when the store comes to life. Nobody is there to
flatten anything, so a trip closes the latch and says so.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from starlette.types import ASGIApp

from qt_ray.actors.policy_store_actor import BOOK, COPY
from qt_ray.adapters.api_keys import KeyRing
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.policy_copy import PolicyCopy
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.adapters.sqlite_rulebook import SqliteRulebook
from qt_ray.adapters.trading.places import Places
from qt_ray.core.policy import Policy
from qt_ray.governance.rulebook import Denied
from qt_ray.governance.rulebook_entries import Author, Proposal
from qt_ray.governance.rulebook_store import Kept
from qt_ray.governance.wishes import Emergency, Wish
from qt_ray.serve.application import console_app
from qt_ray.serve.ports import EmergencyDesk, NotRunning, PolicyDesk, Ports, Trader, Views

RULE: Final = "a fund runs for this account, none does: `qt up`"


class BookDesk:
    """The policy's book, kept by this process for as long as one request takes."""

    def __init__(self, keeper: RulebookKeeper, clock: Callable[[], int] = now_ms) -> None:
        self._keeper, self._clock = keeper, clock

    async def policy(self) -> Policy:
        """Return the policy that the next store finds in force."""
        return self._keeper.policy

    async def wish(self, wish: Wish, author: Author) -> Policy | Denied:
        """Write a wish into the book; an emergency is the latch's while nobody could end it again."""
        if isinstance(wish, Emergency):
            raise NotRunning(RULE)
        return self._keeper.decide(wish, author, self._clock()) or self._keeper.policy

    async def proposals(self) -> tuple[Proposal, ...]:
        """Return what waits for a second person."""
        return tuple(self._keeper.book.proposals.values())

    async def history(self, count: int, before: int | None) -> tuple[Kept, ...]:
        """Return what was written, the newest first."""
        return self._keeper.history(count, before)


class Absent:
    """A part of a fund that does not run: whatever it is asked, it is not there."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def nobody(*asked: Any) -> Any:
            raise NotRunning(RULE)

        return nobody


def offline_app(places: Places) -> ASGIApp:
    """Return the console of an account that nothing runs for."""
    absent = Absent()
    book = places.policy / BOOK
    policy = BookDesk(_keeper(book)) if book.exists() else cast(PolicyDesk, absent)
    return console_app(
        Ports(
            policy=policy,
            emergency=cast(EmergencyDesk, absent),
            views=cast(Views, absent),
            trader=cast(Trader, absent),
            latch=Latch(places.latch),
            keys=KeyRing(places.folder),
            told=lambda refused: None,  # who turns a person away here is this person's own process
            clock=now_ms,
        )
    )


def _keeper(book: Path) -> RulebookKeeper:
    return RulebookKeeper(SqliteRulebook(book), PolicyCopy(book.with_name(COPY)), _unseeded)


def _unseeded() -> Policy:
    raise NotRunning(RULE)  # a book without an entry belongs to a store that has just begun
