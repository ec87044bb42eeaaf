"""Ports: what the console needs of the fund, so that it is tested without Ray and never knows an actor by name.

Each of them raises Retryable when nobody answers; that is an answer of its own, and never a reason to wait longer.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from qt_ray.adapters.api_keys import KeyRing
from qt_ray.adapters.latch import Latch
from qt_ray.core.errors import Retryable
from qt_ray.core.policy import Policy
from qt_ray.governance.access import Refused
from qt_ray.governance.rulebook import Denied
from qt_ray.governance.rulebook_entries import Author, Proposal
from qt_ray.governance.rulebook_store import Kept
from qt_ray.governance.wishes import Wish
from qt_ray.risk.ess import Cause, Emergency


class NotRunning(Retryable):
    """Nobody answers because no fund runs."""

    exit_code = 4


class PolicyDesk(Protocol):
    """The policy store, as people use it."""

    async def policy(self) -> Policy:
        """Return the policy in force."""

    async def wish(self, wish: Wish, author: Author) -> Policy | Denied:
        """Carry a wish out durably, or say why not."""

    async def proposals(self) -> tuple[Proposal, ...]:
        """Return what waits for a second person."""

    async def history(self, count: int, before: int | None) -> tuple[Kept, ...]:
        """Return what was written, the newest first."""


class EmergencyDesk(Protocol):
    """The account's emergency stop, as people use it."""

    async def trip(self, cause: Cause, reason: str, by: str) -> Emergency:
        """Stop the account; what this returns is begun already."""

    async def clear(self, cause: Cause, person: str, reason: str) -> Emergency:
        """Clear one cause; Invalid names the rule that forbids it now."""

    async def status(self) -> Any:
        """Return how the emergency stop stands."""

    async def history(self) -> Any:
        """Return its trips and resets."""


class Views(Protocol):
    """What the monitor shows of the fund; every answer is plain data or values that spell as such."""

    async def status(self) -> Mapping[str, Any]:
        """Return the fund on one screen."""

    async def health(self) -> Mapping[str, Any]:
        """Return every part and the machine."""

    async def decisions(self, count: int, before: str | None = None) -> Sequence[Mapping[str, Any]]:
        """Return what was decided, the newest first."""

    async def decision(self, decision_id: str) -> Mapping[str, Any] | None:
        """Return one decision with all that led to it, or nothing."""

    async def portfolio(self) -> Mapping[str, Any]:
        """Return what the account holds, and what it was worth over time."""

    async def orders(self, count: int) -> Mapping[str, Any]:
        """Return the orders at work, and those that ended last."""

    async def fills(self, count: int) -> Sequence[Mapping[str, Any]]:
        """Return the last executions."""

    async def trips(self, count: int) -> Sequence[Mapping[str, Any]]:
        """Return the last round trips."""

    async def timeline(self, count: int, *prefixes: str) -> Sequence[Mapping[str, Any]]:
        """Return what was noted last, of some kinds or of all."""

    async def alerts(self) -> Sequence[Mapping[str, Any]]:
        """Return every alert as it stands."""

    async def acknowledge(self, key: str, person: str) -> Mapping[str, Any]:
        """Take a trouble on."""

    async def patches(self) -> Sequence[Any]:
        """Return the founding requirements, each by a live probe."""


class Trader(Protocol):
    """A person's hand on the account."""

    async def close(self, symbols: Collection[str], person: str, reason: str) -> Sequence[Any]:
        """Close positions at the market, all of them if none is named, and return what became of each."""


@dataclass(frozen=True, slots=True)
class Ports:
    """All that the console is built from; an emergency waits `patience_s` for each part that it asks."""

    policy: PolicyDesk
    emergency: EmergencyDesk
    views: Views
    trader: Trader
    latch: Latch
    keys: KeyRing
    told: Callable[[Refused], None]
    clock: Callable[[], int]
    patience_s: float = 1.0
