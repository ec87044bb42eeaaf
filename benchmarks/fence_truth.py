"""Fence truth: what the exchange has taken and the book holds, against what was answered; no part is believed.

An order has its place in the exchange's own record and its moment by the exchange's clock. A moment of ours is both as
they were once an answer had come, so whatever the record holds behind it was taken later, by no clock but its own. A
token is stale once another lease was given; the store writes that down before it gives it.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

import orjson

AFTER: Final = "an entry accepted after an acknowledged emergency, by the exchange's record"
AFTER_BY_CLOCK: Final = "an entry accepted after an acknowledged emergency, by the exchange's clock"
STALE: Final = "an entry of a gateway whose lease another had taken"
OVER: Final = "an entry of an epoch that was over"
TWICE: Final = "a name that was accepted twice"
UNASKED: Final = "an entry that nobody asked for"
LOST: Final = "an acknowledged write that is lost"
LOST_EMERGENCY: Final = "an acknowledged emergency that is lost"
STUCK: Final = "no gateway can trade again"
LAWS: Final = (AFTER, AFTER_BY_CLOCK, STALE, OVER, TWICE, UNASKED, LOST, LOST_EMERGENCY, STUCK)
TOLD_MAX: Final = 5
BY_HAND: Final = "hand"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a desk has asked for under one name: of which gateway, when, under which epoch."""

    gateway: str
    at_ms: int
    epoch: int
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """An order that the exchange has accepted: where it stands in the record, and when that was."""

    place: int
    at_ms: int
    client_id: str
    opens: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """How far the exchange's record had come, and what its clock said."""

    place: int
    at_ms: int


@dataclass(slots=True)
class Emergency:
    """From the acknowledgement until somebody asks for its end."""

    begun: Moment
    ended: Moment | None = None

    def has_place(self, order: Order) -> bool:
        """Return whether the record has an order in between."""
        return self.begun.place <= order.place and (self.ended is None or order.place < self.ended.place)

    def has_time(self, order: Order) -> bool:
        """Return whether an order was accepted in between by the clock."""
        return self.begun.at_ms < order.at_ms and (self.ended is None or order.at_ms < self.ended.at_ms)


@dataclass(frozen=True, slots=True)
class Held:
    """What the policy's book holds: the digest of each version, and the epochs that are emergencies."""

    versions: Mapping[int, str]
    emergencies: AbstractSet[int]


@dataclass(slots=True)
class Truth:
    """What happened, and what of it must not have; `violations` is empty in a good history.

    `lives` says which gateway lived in a process; whoever fills it need not know before a lease is given.
    """

    lives: Mapping[int, str] = field(default_factory=dict)
    violations: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    entries_ms: list[int] = field(default_factory=list)
    asked: dict[str, Asked] = field(default_factory=dict)
    newest_ms: int = 0
    _emergencies: list[Emergency] = field(default_factory=list)
    _over: list[tuple[int, int]] = field(default_factory=list)
    _grants: list[tuple[int, int]] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)
    _promised: dict[int, str] = field(default_factory=dict)
    _promised_emergencies: set[int] = field(default_factory=set)

    def asks(self, client_id: str, asked: Asked) -> None:
        """Take in that a desk is about to ask for an order."""
        self.asked[client_id] = asked
        self.counts["entries asked for under an epoch that is not in force"] += asked.is_stale

    def acknowledges(self, epoch: int, at: Moment, is_emergency: bool) -> Emergency:
        """Take in an answer of the store's: nothing of an epoch before can leave, and an emergency is in force or over.

        What is returned is the emergency, for whoever asks for its end.
        """
        self._over.append((at.place, epoch))
        found = Emergency(at)
        if is_emergency:
            self._emergencies.append(found)
            self._promised_emergencies.add(epoch)
        self.counts["emergencies acknowledged" if is_emergency else "recoveries acknowledged"] += 1
        return found

    def promises(self, version: int, digest: str) -> None:
        """Take in a write that was acknowledged."""
        self.counts["writes acknowledged"] += 1
        self._promised[version] = digest

    def grants(self, at_ms: int, pid: int) -> None:
        """Take in a lease that was given to a process."""
        self.counts["leases given"] += 1
        self._grants.append((at_ms, pid))

    def takes(self, order: Order) -> None:
        """Take in an order that the exchange has accepted; the record is read in its order."""
        asked = self.asked.get(order.client_id)
        if asked is not None and order.client_id in self._names:
            self.breaks(TWICE, order.client_id)
        self._names.add(order.client_id)
        if order.opens:
            self._entry(order, asked)
        elif asked is not None:
            self.counts["exits accepted"] += 1
            self.counts["exits accepted in an emergency"] += any(one.has_place(order) for one in self._emergencies)

    def closes(self, held: Held) -> None:
        """Compare what was promised since the last time with what the book holds now."""
        for version, digest in self._promised.items():
            if held.versions.get(version) != digest:
                self.breaks(LOST, f"version {version}")
        for epoch in sorted(self._promised_emergencies - held.emergencies):
            self.breaks(LOST_EMERGENCY, f"epoch {epoch}")
        self._promised.clear()
        self._promised_emergencies.clear()

    @property
    def strangers(self) -> int:
        """Return how many leases were given to a life that nobody has met: of those it is not known whose they were."""
        return sum(pid not in self.lives for _, pid in self._grants)

    def breaks(self, law: str, about: str) -> None:
        """Take in what must not be."""
        self.violations[law] += 1
        if len(self.told) < TOLD_MAX:
            self.told.append(f"{law}: {about}")

    def _entry(self, order: Order, asked: Asked | None) -> None:
        if asked is None:
            if not order.client_id.startswith(BY_HAND):
                self.breaks(UNASKED, order.client_id)
            return
        self.counts["entries accepted"] += 1
        self.counts[f"entries accepted of {asked.gateway}"] += 1
        self.entries_ms.append(order.at_ms)
        self.newest_ms = max(self.newest_ms, asked.at_ms)
        about = f"{asked.gateway}, epoch {asked.epoch}, asked for at {asked.at_ms}, accepted at {order.at_ms}"
        if any(one.has_place(order) for one in self._emergencies):
            self.breaks(AFTER, about)
        if any(one.has_time(order) for one in self._emergencies):
            self.breaks(AFTER_BY_CLOCK, about)
        if any(place <= order.place and asked.epoch < epoch for place, epoch in self._over):
            self.breaks(OVER, about)
        given = bisect_left(self._grants, order.at_ms, key=lambda one: one[0])
        since_ms, pid = self._grants[given - 1] if given else (0, 0)
        if self.lives.get(pid, asked.gateway) != asked.gateway:
            self.breaks(STALE, f"{about}, while {self.lives[pid]} had the lease since {since_ms}")


def order_of(place: int, line: bytes) -> Order | None:
    """Return the order that a line of the exchange's record says was accepted, or nothing if it says something else."""
    said = orjson.loads(line)
    if said["kind"] not in ("order", "algo"):
        return None
    return Order(place, said["time"], said["client_id"], not (said["reduce_only"] or said["closes_position"]))
