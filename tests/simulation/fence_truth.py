"""Truth of the fence: what the disk has, what the store has said, and what the exchange has taken, by one clock.

It believes none of the processes. A write is what the disk holds, an emergency is in force from the moment its
acknowledgement leaves the store until the disk holds its end, an entry is what the exchange accepts, and a token is
stale from the moment a newer one was granted.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from qt_ray.core.orders import Intent
from qt_ray.governance.rulebook_entries import Deed, Revision, RulebookEntry

TOLD_MAX: Final = 5


@dataclass(slots=True)
class Truth:
    """What happened, and what of it must not have; `violations` is empty in a good history."""

    violations: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    waits_ms: list[int] = field(default_factory=list)
    acknowledged_epoch: int = 0
    emergency_epoch: int | None = None
    token: int = 0
    written: dict[int, str] = field(default_factory=dict)
    promised: dict[int, str] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)

    def durable(self, entry: RulebookEntry) -> None:
        """Take in what the disk holds from now on."""
        if not isinstance(entry, Revision):
            return
        self.written[entry.policy.version] = entry.policy.digest
        if entry.deed is Deed.RECOVERY:
            self.emergency_epoch = None
            self.counts["recoveries"] += 1

    def promises(self, version: int, digest: str) -> None:
        """Take in a write that was acknowledged."""
        self.counts["writes acknowledged"] += 1
        self.promised[version] = digest

    def acknowledges(self, epoch: int, is_emergency: bool, waited_ms: int) -> None:
        """Take in that the store has said: nothing of an earlier epoch can leave any more."""
        self.acknowledged_epoch = max(self.acknowledged_epoch, epoch)
        if is_emergency:
            self.emergency_epoch = epoch
            self.counts["emergencies acknowledged"] += 1
            self.waits_ms.append(waited_ms)

    def grants(self, token: int) -> None:
        """Take in a lease that was given."""
        self.counts["leases granted"] += 1
        if token <= self.token:
            self.breaks("a token that is not above all before", f"{token} after {self.token}")
        self.token = max(self.token, token)

    def sends(self, intent: Intent, token: int, who: str) -> None:
        """Take in an order that leaves a gateway."""
        self.left.add(intent.client_id)
        if not intent.reduce_only:
            self.counts["entries sent"] += 1
            if token != self.token:
                self.breaks("an entry sent under a stale token", f"{who} has {token}, {self.token} was granted")

    def accepts(self, intent: Intent, token: int, who: str) -> None:
        """Take in an order that the exchange has accepted."""
        if intent.reduce_only:
            self.counts["exits accepted"] += 1
            return
        self.counts["entries accepted"] += 1
        about = f"{who}, epoch {intent.epoch}, acknowledged {self.acknowledged_epoch}"
        if self.emergency_epoch is not None:
            self.breaks("an entry accepted after an acknowledged emergency", about)
        if intent.epoch < self.acknowledged_epoch:
            self.breaks("an entry of an epoch that was over", about)
        if token != self.token:
            self.breaks("an entry accepted from a stale token", f"{who} had {token}, {self.token} was granted")

    def breaks(self, law: str, about: str) -> None:
        """Take in what must not be."""
        self.violations[law] += 1
        if len(self.told) < TOLD_MAX:
            self.told.append(f"{law}: {about}")

    def closes(self) -> None:
        """Compare what was promised with what the disk holds in the end."""
        for version, digest in self.promised.items():
            if self.written.get(version) != digest:
                self.breaks("an acknowledged write that is lost", f"version {version}")
