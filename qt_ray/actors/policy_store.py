"""Policy store: the fund's single truth about what it may do, and the fence in front of every entry.

The constructor is the recovery, and begins a new epoch: nothing decided under an earlier life is in force. A write is
durable before anybody hears of it. An emergency that cannot be written shuts the fence all the same: no lease is
prolonged until it is. Nor is one by a store whose book somebody else has written to: it is the older of two, and dies.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from qt_ray.actors.bell import Bell
from qt_ray.adapters.clock import monotonic_ms, now_ms
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.limits import ModeLimits
from qt_ray.core.policy import Policy
from qt_ray.governance.leases import Held, Lease, Leases
from qt_ray.governance.rulebook import Denied
from qt_ray.governance.rulebook_entries import Author, Proposal
from qt_ray.governance.rulebook_store import Kept
from qt_ray.governance.wishes import Change, Emergency, Recover, Start, Wish
from qt_ray.risk.restraints import FREE, Latitude, Restraint, Restraints

STORE: Final = Author("policy_store")
WATCH_MS_MAX: Final = 30_000


@dataclass(frozen=True, slots=True)
class Word:
    """What a reader hears: the policy, why entries are shut out beside it, and what automatic layers leave of it all.

    `turn` counts the words.
    """

    turn: int
    policy: Policy
    shut: str
    left: Latitude = FREE


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """No order of an epoch before `epoch` can leave any more; how long it took until that was true."""

    epoch: int
    waited_ms: int


class PolicyStore:
    """One fund's policy store."""

    def __init__(
        self,
        keeper: RulebookKeeper,
        clock: Callable[[], int] = now_ms,
        required: frozenset[str] = frozenset(),
        steady: Callable[[], int] = monotonic_ms,
    ) -> None:
        """Begin a new life on the recovered book; before all `required` layers have spoken nothing is let in.

        `clock` dates what is written, `steady` measures leases.
        """
        self._keeper, self._clock, self._steady = keeper, clock, steady
        self._shut, self._turn = "", 0
        self._changed, self._leased = Bell(), Bell()
        keeper.decide(Start(), STORE, clock())
        self._leases = Leases(keeper.policy.epoch, steady())
        self._restraints, self._told_left = Restraints(clock(), required), FREE

    def get_policy(self) -> Policy:
        """Return the policy in force."""
        return self._keeper.policy

    def get_value(self, path: str) -> Any:
        """Return one value of the policy by its dotted path."""
        return self._keeper.policy.get_value(path)

    def get_active_risk_config(self) -> ModeLimits:
        """Return the limits of the active mode."""
        return self._keeper.policy.risk

    def is_emergency_mode(self) -> bool:
        """Return whether an emergency is in force, written or not."""
        return self._keeper.policy.emergency_mode or bool(self._shut)

    def can_open_new_trades(self) -> bool:
        """Return whether the store has nothing against new positions."""
        return self._keeper.policy.allow_new_trades and not self._shut and self.left().size_bps > 0

    def set_policy(self, changes: Mapping[str, Any], version: int, reason: str, author: Author) -> Policy | Denied:
        """Set dotted paths as seen from `version`, all or none."""
        return self.wish(Change(changes, version, reason), author)

    def switch_mode(self, mode: str, version: int, reason: str, author: Author) -> Policy | Denied:
        """Make another mode the active one."""
        return self.set_policy({"active_mode": mode}, version, reason, author)

    def reload_policy(self) -> Policy:
        """Read the book again, and die if somebody else has written to it."""
        self._keeper.reload()
        return self._keeper.policy

    async def set_emergency_mode(
        self, enabled: bool, reason: str, author: Author, epoch: int = 0
    ) -> Acknowledged | Denied:
        """Begin an emergency, or end the one of `epoch`; the answer comes when the fence holds everywhere."""
        began_ms = self._steady()
        found = self.wish(Emergency(reason) if enabled else Recover(epoch, reason), author)
        if isinstance(found, Denied):
            return found
        while (until_ms := self._leases.acknowledged_ms(self._steady())) is not None:
            await self._leased.heard(max(until_ms - self._steady(), 1))
        return Acknowledged(self._keeper.policy.epoch, self._steady() - began_ms)

    def wish(self, wish: Wish, author: Author) -> Policy | Denied:
        """Carry a wish out, durably, and tell every reader; a denial changes nothing."""
        is_emergency = isinstance(wish, Emergency)
        try:
            denied = self._keeper.decide(wish, author, self._clock())
        except Retryable as fault:
            if is_emergency:
                self._turn_to(f"no entry, an emergency could not be written, {fault}")
            raise
        if denied is None:
            self._turn_to("" if is_emergency else self._shut)
        return self._keeper.policy if denied is None else denied

    def proposals(self) -> tuple[Proposal, ...]:
        """Return what waits for a second person."""
        return tuple(self._keeper.book.proposals.values())

    def history(self, count: int, before: int | None = None) -> tuple[Kept, ...]:
        """Return what was written, the newest first."""
        return self._keeper.history(count, before)

    def left(self) -> Latitude:
        """Return what automatic layers leave now of what the policy permits."""
        return self._restraints.left(self._clock())

    def restrain(self, restraints: tuple[Restraint, ...], author: Author) -> Latitude:
        """Take in the word of an author's layers, which can only lessen, and tell readers at once of what changes."""
        for restraint in restraints:
            if restraint.layer.partition(".")[0] != author.name:
                raise Invalid(f"a layer bears the name of its author, {author.name}, was {restraint.layer}")
            self._restraints = self._restraints.spoken(restraint, self._clock())
        return self._left_told()

    def release(self, layer: str, author: Author) -> Latitude:
        """Withdraw a layer, which only its author can; one that must speak leaves nothing from then on."""
        if layer.partition(".")[0] != author.name:
            raise Invalid(f"a layer is withdrawn by its author, was {author.name} for {layer}")
        self._restraints = self._restraints.withdrawn(layer)
        return self._left_told()

    async def watch(self, turn: int, wait_ms: int) -> Word:
        """Return as soon as there is a word after `turn`, or after `wait_ms` to say that there is none."""
        if not 0 < wait_ms <= WATCH_MS_MAX:
            raise Invalid(f"wait_ms: 1 to {WATCH_MS_MAX}, was {wait_ms}")
        if turn == self._turn:
            await self._changed.heard(wait_ms)
        return self.word()

    def word(self) -> Word:
        """Return how things stand, and die if somebody else has written to the book."""
        self._keeper.confirm()
        return Word(self._turn, self._keeper.policy, self._shut, self.left())

    def take_lease(self, account: str, holder: str) -> Lease | Held:
        """Give a gateway the right to send entries, once nobody else can believe in it."""
        if self._shut:
            return Held(self._shut, self._steady() + self._leases.lease_ms)
        self._keeper.confirm()
        self._leases, found = self._leases.taken(account, holder, self._steady())
        return found

    def renew_lease(self, account: str, token: int, confirmed: int) -> Lease | None:
        """Prolong a lease whose holder has drained for the epoch in force; nothing if it is not the account's."""
        if self._shut:
            return None
        self._keeper.confirm()
        self._leases, found = self._leases.renewed(account, token, confirmed, self._steady())
        self._leased.ring()
        return found

    async def changed(self, wait_ms: int) -> bool:
        """Wait for the next word at most so long, and return whether it came."""
        return await self._changed.heard(wait_ms)

    def return_lease(self, account: str, token: int) -> None:
        """Take a lease back from a gateway that will send nothing more."""
        self._leases = self._leases.returned(account, token)
        self._leased.ring()

    def _left_told(self) -> Latitude:
        left = self.left()
        if left != self._told_left:
            self._told_left = left
            self._turn_to(self._shut)
        return left

    def _turn_to(self, shut: str) -> None:
        self._shut, self._turn = shut, self._turn + 1
        self._leases = self._leases.turned(self._keeper.policy.epoch)
        self._changed.ring()
