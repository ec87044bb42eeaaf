"""Fence cast: the parts that play, as the fund's own table has them, a second gateway, and mistakes made on purpose.

A campaign that finds nothing proves as much as it finds in these.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from benchmarks.fence_schedule import SECOND
from benchmarks.fence_store import AnswersAtOnce, GivesToAnybody, WatchedStore, WritesLater
from qt_ray.actors.gateway_actor import GatewayActor
from qt_ray.actors.living import Living
from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import GATEWAY, MONITOR, PARTS, POLICY_STORE, Part
from qt_ray.adapters.trading.workplace import Workplace
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.policy import Policy
from qt_ray.execution.gateway.fence import Fence
from qt_ray.monitoring.health import Condition

FOR_EVER_MS: Final = 1 << 53


class NeverShut(GatewayActor):
    """A gateway whose fence, once it has been open, is never shut again."""

    async def _opened(self, policy: Policy) -> Workplace:
        place = await super()._opened(policy)
        place.account.fenced = partial(_held_open, place.account.fenced)  # type: ignore[method-assign]
        return place


def _held_open(fenced: Callable[[Fence], None], fence: Fence) -> None:
    if fence.epoch > 0:
        fenced(Fence(fence.epoch, FOR_EVER_MS))


class Clerk:
    """Whoever keeps the record, without a complaint: what is tried here is the fence."""

    def __init__(self, origin: Origin) -> None:
        self._living = Living(MONITOR)

    async def condition(self) -> Condition:
        """Return that all is well."""
        return self._living.condition(Health.HEALTHY)

    async def why_silent(self) -> None:
        """Return that nothing is to be said against an entry."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays the store, and who both gateways."""

    store: type[Any] = WatchedStore
    gateway: type[Any] = GatewayActor

    def parts(self) -> tuple[Part, ...]:
        """Return the store and two gateways, as the fund's own table has them."""
        known = {part.name: part for part in PARTS}
        store, gateway = (f"{one.__module__}:{one.__name__}" for one in (self.store, self.gateway))
        first = replace(known[GATEWAY], where=gateway)
        return replace(known[POLICY_STORE], where=store), first, replace(first, name=SECOND)


CLERK: Final = replace(
    next(part for part in PARTS if part.name == MONITOR), where=f"{Clerk.__module__}:{Clerk.__name__}"
)
MISTAKES: Final[dict[str, Cast]] = {
    "a gateway whose fence is never shut": Cast(gateway=NeverShut),
    "a store that answers before the fence holds": Cast(store=AnswersAtOnce),
    "a store that gives a lease to anybody": Cast(store=GivesToAnybody),
    "a store that answers before it writes": Cast(store=WritesLater),
}
