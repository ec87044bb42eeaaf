"""Parts: the real store, lease keeper, reader and gateway as processes of a simulated cluster, and a rude desk.

The desk asks for entries whatever it hears, in an emergency too: that none is accepted must be the fence's doing and
nobody's good will. What a process keeps beyond its life is the rulebook's disk and the gateways' journals.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from qt_ray.actors.policy_store import Acknowledged, PolicyStore
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.adapters.trading.gateway_loop import GatewayLoop
from qt_ray.adapters.trading.lease_keeper import LeaseKeeper
from qt_ray.adapters.trading.memory import line_of
from qt_ray.core.errors import Retryable
from qt_ray.core.ids import ClientOrderId, decision_id, intent_id
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.core.policy import Policy
from qt_ray.execution.gateway.book import replay
from qt_ray.execution.gateway.engine import Gateway
from qt_ray.execution.gateway.fence import Fence
from qt_ray.governance.leases import LEASE_MS, Held, Lease
from qt_ray.governance.policy_view import PolicyView
from qt_ray.governance.rulebook import Denied
from qt_ray.governance.rulebook_entries import Author, RulebookEntry
from qt_ray.governance.rulebook_store import Kept, Overtaken
from qt_ray.governance.wishes import Wish
from tests.conformance.rulebook_memory import MemoryRulebook
from tests.simulation.fence_session import Session
from tests.simulation.loop import Life
from tests.simulation.venue import STEP, SYMBOLS

if TYPE_CHECKING:
    from tests.simulation.fence_world import FenceWorld

BEYOND_MS: Final = 2_000
ACCOUNT: Final = "main"
ANN, ESS = Author("ann", is_person=True), Author("ess")


class Disk(MemoryRulebook):
    """The rulebook's disk: it may refuse, or keep what it says it could not keep."""

    def __init__(self, kept: Callable[[RulebookEntry], None]) -> None:
        super().__init__()
        self.refuses = self.lies = False
        self._kept = kept

    def append(self, entry: RulebookEntry, after: int) -> Kept | Overtaken:
        if self.refuses:
            raise Retryable("policy.db: a rulebook answers, database or disk is full")
        found = super().append(entry, after)
        if isinstance(found, Kept):
            self._kept(entry)
        if self.lies:
            raise Retryable("policy.db: a rulebook answers, disk I/O error")
        return found


class Copy:
    """The plain copy beside the book."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.held: Policy | None = None

    def read(self) -> Policy | None:
        return self.held

    def write(self, policy: Policy) -> None:
        if self._disk.refuses:
            raise Retryable("policy.json: a copy of the policy is written, no space left on device")
        self.held = policy


class StorePart:
    """A life of the policy store; what it answers is noted as it leaves."""

    def __init__(self, world: "FenceWorld", life: Life) -> None:
        self._world, self._life = world, life
        book = world.cast.book(world.disk, world.copy, Policy)
        self.store: PolicyStore = world.cast.store(book, life.wall_ms, steady=life.steady_ms)

    def take_lease(self, account: str, holder: str) -> Lease | Held:
        found = self.store.take_lease(account, holder)
        if isinstance(found, Lease):
            self._world.truth.grants(found.token)
        return found

    def renew_lease(self, account: str, token: int, confirmed: int) -> Lease | None:
        return self.store.renew_lease(account, token, confirmed)

    def return_lease(self, account: str, token: int) -> None:
        self.store.return_lease(account, token)

    async def watch(self, turn: int, wait_ms: int) -> Any:
        return await self.store.watch(turn, wait_ms)

    async def begin_emergency(self, reason: str) -> int:
        began_ms, before = self._life.steady_ms(), self._life.interruptions
        ended = self._world.truth.counts["recoveries"]
        found = await self.store.set_emergency_mode(True, reason, ESS)
        assert isinstance(found, Acknowledged)
        waited_ms = self._life.steady_ms() - began_ms
        if self._world.truth.counts["recoveries"] == ended:
            self._world.truth.acknowledges(found.epoch, True, waited_ms)
        if self._life.interruptions == before and waited_ms > self._world.bound_ms:
            self._world.truth.breaks("an emergency acknowledged late", f"after {waited_ms} ms")
        return found.epoch

    async def end_emergency(self, epoch: int) -> int | Denied:
        found = await self.store.set_emergency_mode(False, "it is out", ANN, epoch)
        if isinstance(found, Denied):
            return found
        self._world.truth.acknowledges(found.epoch, False, found.waited_ms)
        return found.epoch

    def wish(self, wish: Wish, author: Author) -> Policy | Denied:
        found = self.store.wish(wish, author)
        if isinstance(found, Policy):
            self._world.truth.promises(found.version, found.digest)
        return found


@dataclass(slots=True)
class Line:
    """How one process asks the store: the life that it knows of, until that one is dead."""

    world: "FenceWorld"
    route: str
    known: tuple[Life, StorePart] | None = None

    async def ask(self, method: str, *args: Any, within_ms: int = LEASE_MS) -> Any:
        if self.known is None or self.known[0].is_dead:
            self.known = self.world.store
        if self.known is None:
            raise Retryable("PolicyStore: lives, does not")
        life, part = self.known
        return await self.world.wire.ask(self.route, life, part, method, *args, within_ms=within_ms)

    async def take_lease(self, account: str, holder: str) -> Any:
        return await self.ask("take_lease", account, holder)

    async def renew_lease(self, account: str, token: int, confirmed: int) -> Any:
        return await self.ask("renew_lease", account, token, confirmed)

    async def return_lease(self, account: str, token: int) -> None:
        await self.ask("return_lease", account, token)

    async def watch(self, turn: int, wait_ms: int) -> Any:
        return await self.ask("watch", turn, wait_ms, within_ms=wait_ms + BEYOND_MS)


class Leasing(Line):
    """The lease keeper's line, which remembers the token."""

    token = 0

    async def take_lease(self, account: str, holder: str) -> Any:
        found = await self.ask("take_lease", account, holder)
        self.token = found.token if isinstance(found, Lease) else self.token
        return found


class Journal:
    """What a gateway has written; every sync may take a while."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.stall: Callable[[], None] = lambda: None

    def append_many(self, payloads: Sequence[bytes]) -> int:
        self.lines.extend(payloads)
        self.stall()
        return len(self.lines)


class GatewayPart:
    """A life of a gateway: the real loop, lease keeper and reader."""

    def __init__(self, world: "FenceWorld", life: Life, name: str) -> None:
        self._world, self._life, self.name = world, life, name
        journal = world.journals[name]
        journal.stall = partial(world.stall, life)
        self.leasing = Leasing(world, name)
        self.session = Session(world, life, name, lambda: self.leasing.token)
        engine = Gateway(world.rules, replay(map(line_of, journal.lines)))
        self.loop = GatewayLoop(engine, journal, self.session, life.wall_ms, steady_ms=life.steady_ms)
        self.keeper = world.cast.keeper(self.leasing, self, ACCOUNT, life.name, life.wall_ms, life.steady_ns)
        self.reader = PolicyReader(Line(world, name), life.wall_ms)
        self.reader.listen(self._governed)

    @property
    def is_open(self) -> bool:
        """Return whether an entry would leave now, as far as lease and emergency are concerned."""
        fence = self.loop.engine.fence
        is_open = not fence.emergency and self._life.wall_ms() < fence.lease_until_ms
        return not self._life.is_dead and is_open and fence.lapsed() is None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.loop.run())
            group.create_task(self.keeper.run())
            group.create_task(self.reader.run())

    def fenced(self, fence: Fence) -> None:
        if fence != self.loop.engine.fence:
            self.loop.take(partial(self.loop.engine.fenced, fence))
        self._world.look()

    def entries_in_flight(self) -> int:
        return self.loop.entries_in_flight()

    def want(self, intent: Intent) -> None:
        if intent.reduce_only:
            self._world.expects(self._life, intent.client_id)
        self.loop.take(partial(self.loop.engine.want, intent))

    def _governed(self, view: PolicyView) -> None:
        self.keeper.governed(view.policy.emergency_mode or bool(view.shut), view.policy.version, view.policy.epoch)


class DeskPart:
    """A desk that asks for entries and exits all the time."""

    def __init__(self, world: "FenceWorld", life: Life) -> None:
        self._world, self._life = world, life
        self.reader = PolicyReader(Line(world, "desk"), life.wall_ms)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.reader.run())
            while True:
                await asyncio.sleep(self._world.dice.uniform(0.02, 0.04 if self._is_hurried else 0.2))
                if self.reader.view is not None:
                    self._ask(group, self.reader.view.policy)

    @property
    def _is_hurried(self) -> bool:
        return self._world.now_ms < self._world.hurries_until_ms

    def _ask(self, group: asyncio.TaskGroup, policy: Policy) -> None:
        is_exit = self._world.dice.random() < 0.3
        intent = self._exit(policy) if is_exit else self._entry(policy)
        both = ("east", "west")
        for name in both if self._is_hurried else self._world.dice.choice((("east",), ("west",), both)):
            there = self._world.gateways.get(name)
            if there is not None:
                group.create_task(self._tell(*there, self._flattered(intent, there[1])))

    def _flattered(self, intent: Intent, part: GatewayPart) -> Intent:
        """Return an intent under the epoch that its gateway believes in, every other time: what else could get in?"""
        epoch = part.loop.engine.fence.epoch
        if epoch <= 0 or (not self._is_hurried and self._world.dice.random() < 0.5):
            return intent
        return replace(intent, epoch=epoch)

    async def _tell(self, life: Life, part: GatewayPart, intent: Intent) -> None:
        try:
            await self._world.wire.ask("desk", life, part, "want", intent, within_ms=1_000)
        except Retryable:
            self._world.truth.counts["wants unanswered"] += 1

    def _entry(self, policy: Policy) -> Intent:
        return self._intent(policy, self._world.dice.choice(SYMBOLS), self._world.dice.choice(list(Side)), False)

    def _exit(self, policy: Policy) -> Intent:
        symbol = self._world.dice.choice(SYMBOLS)
        side = Side.SELL if self._world.venue.position(symbol) > 0 else Side.BUY
        return self._intent(policy, symbol, side, True)

    def _intent(self, policy: Policy, symbol: str, side: Side, is_exit: bool) -> Intent:
        number = self._world.number()
        decision = decision_id("simulated", self._life.steady_ms(), symbol, number)
        return Intent(
            client_id=str(ClientOrderId("sim", intent_id(decision, str(number)))),
            symbol=symbol,
            side=side,
            type=OrderType.MARKET,
            quantity=STEP * (50 + number % 400) + (Decimal(1) if is_exit else 0),
            decision_id=decision,
            policy_version=policy.version,
            epoch=policy.epoch,
            reduce_only=is_exit,
        )


@dataclass(frozen=True, slots=True)
class Cast:
    """The classes that play; a mutation replaces one."""

    store: type[PolicyStore] = PolicyStore
    keeper: type[LeaseKeeper] = LeaseKeeper
    book: type[RulebookKeeper] = RulebookKeeper
