"""Leases: who may send entries for an account, on which epoch, and until when; the store's half of the fence.

At most one holder has a living lease on an account, and its token is above every earlier one, so an order of a holder
that slept through its lease is known by its token. An emergency is acknowledged when no order of an older epoch can
arrive any more: each holder has said that it has drained, or its lease has run out, which nobody prolongs until then,
and what it sent last is too old for the venue. A holder counts from the moment it asked and the store from the moment
it heard, so a holder's lease ends first. All times here are of one clock that nobody sets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from qt_ray.core.errors import Invalid
from qt_ray.core.limits import CLOCK_ERROR_MS, RECEIVE_WINDOW_MS

LEASE_MS: Final = 1_000
# How long after it was sent an entry may still arrive; its sender may be dead by then, and nobody can take it back.
TRAVEL_MS: Final = RECEIVE_WINDOW_MS + CLOCK_ERROR_MS
ACCOUNTS_MAX: Final = 1_000
NAME_MAX: Final = 100
# Tokens of a later epoch are above all of an earlier one, so they need no memory of their own on disk.
TOKENS_PER_EPOCH: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one life of a gateway to send entries for an account; `confirmed` is what it has drained for."""

    account: str
    holder: str
    token: int
    epoch: int
    until_ms: int
    confirmed: int

    def over_ms(self, travel_ms: int) -> int:
        """Return from when on nothing that was sent under it can arrive, if nobody prolongs it."""
        return self.until_ms + travel_ms


@dataclass(frozen=True, slots=True)
class Held:
    """The account is another holder's, until when at least."""

    holder: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class Leases:
    """All leases of a fund under one epoch."""

    epoch: int
    opened_ms: int
    lease_ms: int = LEASE_MS
    travel_ms: int = TRAVEL_MS
    granted: int = 0
    leases: Mapping[str, Lease] = field(default_factory=dict)

    def taken(self, account: str, holder: str, at_ms: int) -> "tuple[Leases, Lease | Held]":
        """Return a lease once nothing can arrive under an earlier one, of an earlier life of the holder either."""
        if not 0 < len(account) <= NAME_MAX or not 0 < len(holder) <= NAME_MAX:
            raise Invalid(f"an account and its holder have names of 1 to {NAME_MAX} characters")
        before = self.leases.get(account)
        if before is None and at_ms < self._grown_ms:
            # A store that has just come to life does not know whom its predecessor gave one.
            return self, Held("a holder of the store's earlier life", self._grown_ms)
        if before is not None and at_ms < before.over_ms(self.travel_ms):
            return self, Held(before.holder, before.over_ms(self.travel_ms))
        if before is None and len(self.leases) >= ACCOUNTS_MAX:
            raise Invalid(f"a fund has at most {ACCOUNTS_MAX} accounts")
        token = self.epoch * TOKENS_PER_EPOCH + self.granted + 1
        lease = Lease(account, holder, token, self.epoch, at_ms + self.lease_ms, self.epoch)
        return replace(self, granted=self.granted + 1, leases={**self.leases, account: lease}), lease

    def renewed(self, account: str, token: int, confirmed: int, at_ms: int) -> "tuple[Leases, Lease | None]":
        """Return the lease as it stands now, or nothing if the token is not the account's.

        `confirmed` is the epoch that its holder sends under from now on, all that was sent before having drained;
        only under the epoch in force is the lease prolonged.
        """
        lease = self.leases.get(account)
        if lease is None or lease.token != token:
            return self, None
        confirmed = max(lease.confirmed, min(confirmed, self.epoch))
        until_ms = max(lease.until_ms, at_ms + self.lease_ms) if confirmed == self.epoch else lease.until_ms
        longer = replace(lease, epoch=self.epoch, until_ms=until_ms, confirmed=confirmed)
        return replace(self, leases={**self.leases, account: longer}), longer

    def returned(self, account: str, token: int) -> "Leases":
        """Return the leases once a holder that will send nothing more has given its own back."""
        lease = self.leases.get(account)
        if lease is None or lease.token != token:
            return self
        free_ms = self.opened_ms - self.travel_ms
        return replace(self, leases={**self.leases, account: replace(lease, until_ms=free_ms, confirmed=self.epoch)})

    def turned(self, epoch: int) -> "Leases":
        """Return the leases once another epoch is in force; their holders are yet to hear of it."""
        if epoch < self.epoch:
            raise Invalid(f"an epoch is never below an earlier one, {self.epoch}, was {epoch}")
        return replace(self, epoch=epoch, granted=0) if epoch > self.epoch else self

    def outstanding(self, at_ms: int) -> tuple[Lease, ...]:
        """Return every lease under which an order of an older epoch might still arrive."""
        late = (lease for lease in self.leases.values() if lease.confirmed < self.epoch)
        return tuple(lease for lease in late if at_ms < lease.over_ms(self.travel_ms))

    def acknowledged_ms(self, at_ms: int) -> int | None:
        """Return when the epoch in force is acknowledged at the latest; nothing if it is already."""
        waits = [lease.over_ms(self.travel_ms) for lease in self.outstanding(at_ms)]
        if at_ms < self._grown_ms:
            waits.append(self._grown_ms)
        return max(waits, default=None)

    @property
    def _grown_ms(self) -> int:
        """Return from when on nothing can arrive under a lease of the store's earlier life."""
        return self.opened_ms + self.lease_ms + self.travel_ms
