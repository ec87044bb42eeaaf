"""Leases: who may send entries for an account, on which epoch, and until when; the store's half of the fence.

At most one holder has a living lease on an account, and its token is above every earlier one, so an order of a holder
that slept through its lease is known by its token. An emergency is acknowledged when no lease of an older epoch can
still send: each holder has said that it has drained, or its lease has run out, which nobody prolongs until then. A
holder counts from the moment it asked and the store from the moment it heard, so a holder's lease ends first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from qt_ray.core.errors import Invalid

LEASE_MS: Final = 1_000
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

    def lives(self, at_ms: int) -> bool:
        """Return whether its holder may still believe in it."""
        return at_ms < self.until_ms


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
    granted: int = 0
    leases: Mapping[str, Lease] = field(default_factory=dict)

    def taken(self, account: str, holder: str, at_ms: int) -> "tuple[Leases, Lease | Held]":
        """Return a lease once nobody can believe in an earlier one, no earlier life of the holder either."""
        if not 0 < len(account) <= NAME_MAX or not 0 < len(holder) <= NAME_MAX:
            raise Invalid(f"an account and its holder have names of 1 to {NAME_MAX} characters")
        before = self.leases.get(account)
        if before is None and at_ms < self.opened_ms + self.lease_ms:
            # A store that has just come to life does not know whom its predecessor gave one.
            return self, Held("a holder of the store's earlier life", self.opened_ms + self.lease_ms)
        if before is not None and before.lives(at_ms):
            return self, Held(before.holder, before.until_ms)
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
        return replace(self, leases={**self.leases, account: replace(lease, until_ms=0, confirmed=self.epoch)})

    def turned(self, epoch: int) -> "Leases":
        """Return the leases once another epoch is in force; their holders are yet to hear of it."""
        if epoch < self.epoch:
            raise Invalid(f"an epoch is never below an earlier one, {self.epoch}, was {epoch}")
        return replace(self, epoch=epoch, granted=0) if epoch > self.epoch else self

    def outstanding(self, at_ms: int) -> tuple[Lease, ...]:
        """Return every lease under which an order of an older epoch might still leave."""
        return tuple(lease for lease in self.leases.values() if lease.lives(at_ms) and lease.confirmed < self.epoch)

    def acknowledged_ms(self, at_ms: int) -> int | None:
        """Return when the epoch in force is acknowledged at the latest; nothing if it is already."""
        waits = [lease.until_ms for lease in self.outstanding(at_ms)]
        if at_ms < self.opened_ms + self.lease_ms:
            waits.append(self.opened_ms + self.lease_ms)
        return max(waits, default=None)
