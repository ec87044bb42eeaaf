"""Hand: a person's hand on the account, through its gateway, which is the only one who sends.

What is held is asked first, the orders are handed over once, and what became of them is read from the account's own
tidings. A word that nobody could confirm in time says so: it may still be carried out.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.events import Event, event
from qt_ray.core.notices import ClosedByHand
from qt_ray.core.orders import Intent
from qt_ray.engine.by_hand import STRATEGY, closing
from qt_ray.engine.errands import Errands, Stamp
from qt_ray.engine.tidings import Ended, Filled, Stand, Tiding
from qt_ray.serve.ports import PolicyDesk

SOURCE: Final = "console"
WAIT_MS: Final = 500
LOOKS_MAX: Final = 10


class Account(Protocol):
    """The gateway, as far as a hand needs it; Retryable when it does not answer."""

    async def errands(self, errands: Errands, stamp: Stamp) -> None:
        """Carry errands out; again changes nothing."""

    async def tidings(self, after: int, wait_ms: int) -> tuple[Tiding, ...]:
        """Return what came after a tiding; after 0, how the account stands."""


@dataclass(frozen=True, slots=True)
class Closing:
    """What became of one position that was to be closed: how much of it traded, and whether its order has ended."""

    symbol: str
    client_id: str
    quantity: Decimal
    closed: Decimal
    has_ended: bool


class Hand:
    """Closes positions of one account for a person."""

    def __init__(
        self,
        account: str,
        gateway: Account,
        policy: PolicyDesk,
        tell: Callable[[Event], None],
        clock: Callable[[], int],
    ) -> None:
        self._account, self._gateway, self._policy = account, gateway, policy
        self._tell, self._clock = tell, clock

    async def close(self, symbols: Collection[str], person: str, reason: str) -> tuple[Closing, ...]:
        """Close positions at the market, those of all symbols if none is named, and return what became of each."""
        first = await self._gateway.tidings(0, 0)
        stand = next((told.what for told in first if isinstance(told.what, Stand)), None)
        if stand is None:
            raise Retryable("Gateway: says how the account stands, did not")
        policy, at_ms = await self._policy.policy(), self._clock()
        stamp = Stamp(self._account, STRATEGY, at_ms, policy.version, policy.epoch)
        errands = closing(stand, symbols, stamp)
        if not errands.place:
            raise Invalid("a position that is held is closed, nothing is held")
        await self._gateway.errands(errands, stamp)
        names = tuple(intent.client_id for intent in errands.place)
        which = tuple(intent.symbol for intent in errands.place)
        self._tell(event("trade.by_hand", ClosedByHand(person, reason, which, names), SOURCE, at_ms))
        return await self._followed(errands.place, first[-1].number)

    async def _followed(self, intents: tuple[Intent, ...], after: int) -> tuple[Closing, ...]:
        closed, ended = dict.fromkeys((one.client_id for one in intents), Decimal(0)), set[str]()
        for _ in range(LOOKS_MAX):
            if ended >= closed.keys():
                break
            for told in await self._gateway.tidings(after, WAIT_MS):
                after = told.number
                if isinstance(told.what, Filled) and told.what.client_id in closed:
                    closed[told.what.client_id] += abs(told.what.quantity)
                elif isinstance(told.what, Ended):
                    ended.add(told.what.client_id)
        return tuple(
            Closing(one.symbol, one.client_id, one.quantity, closed[one.client_id], one.client_id in ended)
            for one in intents
        )
