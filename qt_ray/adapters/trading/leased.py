"""Leased: one account under a policy that others hold: its lease, and since which policy a decision counts.

A policy that tightens anything counts from its own version on: who decided without knowing it opens nothing. What only
loosens lets earlier decisions stand.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.policy_reader import PolicyReader, Watched
from qt_ray.adapters.trading.account_loop import AccountLoop
from qt_ray.adapters.trading.lease_keeper import LeaseKeeper, Leasing
from qt_ray.core.loosening import tightens
from qt_ray.core.policy import Policy
from qt_ray.governance.policy_view import PolicyView


class Store(Leasing, Watched, Protocol):
    """The policy store, as far as a gateway needs it."""


class Leased:
    """Keeps the account `name` leased for one life of a gateway, `holder`, under the policy that `reader` follows."""

    def __init__(
        self,
        store: Store,
        reader: PolicyReader,
        account: AccountLoop,
        name: str,
        holder: str,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Stand without a lease; entries are shut out until there is one."""
        self._reader, self._account, self._clock = reader, account, clock
        self._keeper = LeaseKeeper(store, account, name, holder, clock)
        self._policy: Policy | None = None
        self._version_min = 0
        reader.listen(self._governed)
        if reader.view is not None:
            self._governed(reader.view)

    async def run(self) -> None:
        """Follow the policy and keep the lease until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._reader.run())
            group.create_task(self._keeper.run())

    @property
    def is_held(self) -> bool:
        """Return whether there is a lease that its store believes in."""
        return self._keeper.is_held

    def why_shut(self) -> str | None:
        """Return why no entry would leave now, or nothing."""
        if not self._keeper.is_held:
            return "no entry without a lease of the policy store"
        return self._reader.why_closed() or self._account.why_shut()

    def _governed(self, view: PolicyView) -> None:
        if self._policy is None or tightens(self._policy, view.policy):
            self._version_min = view.policy.version
        self._policy = view.policy
        is_shut = view.policy.emergency_mode or bool(view.shut)
        self._keeper.governed(is_shut, self._version_min, view.policy.epoch)
