"""World of the fence: a store, two gateways for one account, a desk and an exchange; one seed is one history.

Everything is killed, stopped, slowed, given a wrong clock or a disk that refuses, while emergencies begin and end and
the policy is written; then all is well again, and entries must flow as before.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any, Final

from qt_ray.core.errors import QtError, Retryable
from qt_ray.core.limits import Limits
from qt_ray.execution.gateway.rules import Rules
from qt_ray.governance.leases import LEASE_MS, TRAVEL_MS
from qt_ray.governance.rulebook_entries import RulebookEntry
from qt_ray.governance.wishes import Change, Pause, Resume
from tests.simulation.fence_parts import ANN, ESS, Cast, Copy, DeskPart, Disk, GatewayPart, Journal, StorePart
from tests.simulation.fence_truth import Truth
from tests.simulation.fence_wire import NOBODY, Storm, Weather, Wire, back
from tests.simulation.loop import Killed, Life, VirtualLoop
from tests.simulation.venue import SYMBOLS, Venue

START_MS: Final = 1_700_000_000_000
ACTIVE_MS: Final = 7_000
QUIET_MS: Final = 7_000
PARTS: Final = ("store", "east", "west", "desk")
GROWN_MS: Final = 3_000
EXIT_MS: Final = 1_500
CALM_MS: Final = 2_000
SLACK_MS: Final = 60
LIMITS: Final = replace(Limits(), orders_per_second_max=20, orders_per_minute_symbol_max=1_000)
RULES: Final = Rules(limits=LIMITS, in_flight_max=64)
KINDS: Final = ("kill", "pause", "clock", "storm", "disk", "lie", "replace", "stall", "eclipse")


@dataclass(frozen=True, slots=True)
class FenceHistory:
    """What one seed came to."""

    seed: int
    violations: Counter[str]
    told: tuple[str, ...]
    counts: Counter[str]
    faults: Counter[str]
    waits_ms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """What may strike, how often and from when on, and how many emergencies begin beside."""

    kinds: tuple[str, ...] = KINDS
    strikes: tuple[int, int] = (4, 12)
    emergencies: tuple[int, int] = (1, 3)
    first_ms: int = 500


class FenceWorld:
    """One history."""

    def __init__(self, seed: int, cast: Cast | None = None, script: Script = Script()) -> None:
        self.seed, self.cast, self._script = seed, cast or Cast(), script
        self.loop = VirtualLoop(START_MS)
        self.dice, self._fate = Random(seed), Random(seed + 1)
        self.weather = Weather(Random(seed + 2))
        self.truth, self.faults = Truth(), Counter[str]()
        self.wire = Wire(self.loop, self.weather, self.crash)
        self.venue = Venue(Random(seed + 3), START_MS)
        self.rules = RULES
        self.disk = Disk(self._durable)
        self.copy = Copy(self.disk)
        self.journals = {"east": Journal(), "west": Journal()}
        self.store: tuple[Life, StorePart] | None = None
        self.gateways: dict[str, tuple[Life, GatewayPart]] = {}
        self.lives: list[Life] = []
        self.bound_ms = LEASE_MS + TRAVEL_MS + SLACK_MS
        self._now: dict[str, Life] = {}
        self._stalls: dict[str, int] = {}
        self.open_ms = self.hurries_until_ms = 0
        self._numbers = 0
        self._operator = Life("operator", self.loop)

    @property
    def now_ms(self) -> int:
        return self.loop.now_us // 1_000

    def number(self) -> int:
        """Return a number that nobody else has."""
        self._numbers += 1
        return self._numbers

    def run(self) -> FenceHistory:
        """Let everything happen, and say what it came to."""
        with self.loop.running():
            for name in PARTS[:-1]:
                self._begin(name)
            self._at(GROWN_MS, partial(self._begin, "desk"))
            self._plan()
            self.loop.run_until(ACTIVE_MS * 1_000)
            self._heal()
            self.loop.run_until((ACTIVE_MS + QUIET_MS) * 1_000)
            self._close()
        return FenceHistory(
            self.seed,
            self.truth.violations,
            tuple(self.truth.told),
            self.truth.counts,
            self.faults + self.weather.counts,
            tuple(self.truth.waits_ms),
        )

    # Lives

    def _begin(self, name: str) -> None:
        life = Life(f"{name}/{len(self.lives)}", self.loop)
        self.lives.append(life)
        self._now[name] = life
        life.context.run(self._born, name, life)

    def _born(self, name: str, life: Life) -> None:
        """Compose a part, as its constructor would, in its own process."""
        try:
            if name == "store":
                self.store = (life, StorePart(self, life))
                return
            part = DeskPart(self, life) if name == "desk" else GatewayPart(self, life, name)
        except (QtError, Killed):
            self.crash(life)
            return
        if isinstance(part, GatewayPart):
            self.gateways[name] = (life, part)
        task = life.spawn(part.run())
        task.add_done_callback(lambda ended: None if ended.cancelled() else self._ended(life, ended.exception()))

    def _ended(self, life: Life, error: BaseException | None) -> None:
        if error is None or life.is_dead or self.weather.is_over:
            return
        self.truth.counts["crashes"] += 1
        if not isinstance(error, BaseExceptionGroup) or error.split((QtError, Killed))[1] is not None:
            self.truth.breaks("a part that stumbles", f"{life.name}: {error!r}")
        self.crash(life)

    def crash(self, life: Life) -> None:
        """Let a life end, and another begin some time later if it was the one in service."""
        if life.is_dead:
            return
        life.die()
        name = life.name.split("/")[0]
        if self._now.get(name) is life:
            self.loop.call_later(self._fate.uniform(0.05, 1.5), self._begin, name, context=NOBODY)

    # Fate

    def _plan(self) -> None:
        self._at(0, self._market)
        script = self._script
        moments = [self._fate.randint(script.first_ms, ACTIVE_MS) for _ in range(self._fate.randint(*script.strikes))]
        for moment in moments:
            self._at(moment, partial(self._strike, self._fate.choice(script.kinds)))
        for _ in range(self._fate.randint(*script.emergencies)):
            # Soon after something went wrong, more often than not.
            moment = self._fate.choice(moments) + self._fate.randint(0, 2_500)
            self._at(max(moment, GROWN_MS + 400), self._emergency)
        for _ in range(self._fate.randint(3, 8)):
            self._at(self._fate.randint(100, ACTIVE_MS), self._write)

    def _at(self, ms: int, what: Callable[[], object]) -> None:
        self.loop.call_later(ms / 1_000, what, context=NOBODY)

    def _market(self) -> None:
        self.venue.move(self._fate.choice(SYMBOLS), START_MS + self.now_ms)
        self.tell()
        self._at(1_000, self._market)

    def _strike(self, kind: str) -> None:
        self.faults[kind] += 1
        name = self._fate.choice([name for name in PARTS if name in self._now])
        for_ms = int(self._fate.choice((60, 300, 900, 1_100, 2_500, 4_000)) * self._fate.uniform(0.7, 1.3))
        getattr(self, f"_{kind}")(name, for_ms)

    def _kill(self, name: str, for_ms: int) -> None:
        self.crash(self._now[name])

    def _pause(self, name: str, for_ms: int) -> None:
        life = self._now[name]
        life.hold()
        self._at(for_ms, life.release)

    def _clock(self, name: str, for_ms: int) -> None:
        step_ms = self._fate.choice((-3_600_000, -5_000, -1_500, -300, 300, 1_500, 5_000))
        for each in (name, "store", self._fate.choice(("east", "west"))):
            self._set_clock(each, step_ms)

    def _set_clock(self, name: str, step_ms: int) -> None:
        self._now[name].wall_offset_ms += step_ms
        self.look()

    def _storm(self, name: str, for_ms: int) -> None:
        side = self._fate.choice(("east", "west"))
        for route in self._fate.choice(((name,), (side,), (f"{side}-venue",), (side, f"{side}-venue"))):
            self._blow(route, Storm(), for_ms)
            self._blow(back(route), Storm(), for_ms)

    def _blow(self, route: str, storm: Storm, for_ms: int) -> None:
        self.weather.storms.setdefault(route, []).append(storm)
        self._at(for_ms, partial(self._calm, route, storm))

    def _calm(self, route: str, storm: Storm) -> None:
        if storm in self.weather.storms.get(route, ()):
            self.weather.storms[route].remove(storm)

    def _eclipse(self, name: str, for_ms: int) -> None:
        """Let the store's answers to a gateway come late, then not at all, while what it sends is long on its way.

        At that moment an emergency begins, and perhaps somebody sets the gateway's clock back.
        """
        ready = [part.name for _, part in self.gateways.values() if part.is_open]
        side = ready[0] if ready else self._fate.choice(("east", "west"))
        cut_ms = self._fate.randint(1_200, 2_000)
        self._blow(back(side), Storm(0, 700, 950), cut_ms)
        self._at(cut_ms, partial(self._blow, side, Storm(1), 3_000))
        self._at(cut_ms + 500, partial(self._blow, f"{side}-venue", Storm(0, 1_500, 2_150), 2_000))
        self._at(cut_ms + self._fate.randint(50, 700), self._emergency)
        self._at(cut_ms + 600, partial(self._hurry, 900))
        if self._fate.random() < 0.5:
            self._at(cut_ms + self._fate.randint(0, 900), partial(self._set_clock, side, -5_000))

    def _relapse(self, name: str, for_ms: int) -> None:
        """Let an emergency end on a disk that says it could not write that, and another begin a moment later."""
        self._operator.spawn(self._carry_relapse())

    async def _carry_relapse(self) -> None:
        first = await self._until_answered("begin_emergency", "fire")
        self.disk.lies = True
        self._operator.spawn(self._until_answered("end_emergency", first))
        await asyncio.sleep(self._fate.uniform(0.01, 0.09))
        again = await self._until_answered("begin_emergency", "fire again")
        self.disk.lies = False
        await asyncio.sleep(self._fate.uniform(1, 2))
        await self._until_answered("end_emergency", again)

    def _hurry(self, for_ms: int) -> None:
        """Let the desk want as much as it can for a while."""
        self.hurries_until_ms = self.now_ms + for_ms

    def _disk(self, name: str, for_ms: int) -> None:
        self.disk.refuses = True
        self._at(for_ms, lambda: setattr(self.disk, "refuses", False))

    def _lie(self, name: str, for_ms: int) -> None:
        self.disk.lies = True
        self._at(min(for_ms, 500), lambda: setattr(self.disk, "lies", False))

    def _replace(self, name: str, for_ms: int) -> None:
        """Begin another life of the store while the old one only sleeps, or does not even that."""
        old = self._now["store"]
        if self._fate.random() < 0.5:
            old.hold()
            self._at(for_ms, old.release)
        self._begin("store")

    def _stall(self, name: str, for_ms: int) -> None:
        self._stalls[self._fate.choice(("east", "west"))] = for_ms

    def stall(self, life: Life) -> None:
        """Let a sync take as long as fate wants it to."""
        ms = self._stalls.pop(life.name.split("/")[0], 0)
        if not self.weather.is_over:
            self.loop.stall(life, ms)

    def _heal(self) -> None:
        self.weather.storms.clear()
        self._stalls.clear()
        self.disk.refuses = self.disk.lies = False
        for life in self.lives:
            if life.holds and not life.is_dead and self._now[life.name.split("/")[0]] is life:
                life.interruptions += 1

    def _durable(self, entry: RulebookEntry) -> None:
        self.truth.durable(entry)
        self.open_ms = self.now_ms  # a gateway needs time to find into another epoch

    # What the operators do

    def _emergency(self) -> None:
        self._operator.spawn(self._carry_emergency())

    async def _carry_emergency(self) -> None:
        epoch = await self._until_answered("begin_emergency", "fire")
        await asyncio.sleep(self._fate.uniform(0.3, 3))
        await self._until_answered("end_emergency", epoch)

    async def _until_answered(self, method: str, *args: Any) -> Any:
        while True:
            try:
                if self.store is None:
                    raise Retryable("PolicyStore: lives, does not")
                return await self.wire.ask("operator", *self.store, method, *args)
            except Retryable:
                await asyncio.sleep(0.1)

    def _write(self) -> None:
        self._operator.spawn(self._carry_write())

    async def _carry_write(self) -> None:
        try:
            life, part = self.store or (None, None)
            if part is None or life is None:
                return
            version = part.store.get_policy().version
            calmer = Change(self._tighter(part), version, "calmer")
            wish = self._fate.choice((Pause("lunch"), Resume(version, "back"), calmer))
            await self.wire.ask("operator", life, part, "wish", wish, ESS if isinstance(wish, Change) else ANN)
        except Retryable:
            self.truth.counts["writes unanswered"] += 1

    def _tighter(self, part: StorePart) -> dict[str, str]:
        return {"limits.order_value_max": str(part.store.get_value("limits.order_value_max") - 1)}

    # What is looked at

    def tell(self) -> None:
        """Let both gateways hear what the exchange told."""
        for news in self.venue.news():
            for life, part in self.gateways.values():
                if not life.is_dead:
                    self.loop.call_later(0.005, part.session.hear, news, context=life.context)

    def look(self) -> None:
        """See to it that at most one gateway could send an entry now."""
        ready = [part.name for _, part in self.gateways.values() if part.is_open]
        if ready:
            self.open_ms = self.now_ms
        if len(ready) > 1:
            self.truth.breaks("two gateways with an open fence", " and ".join(ready))

    def expects(self, life: Life, client_id: str) -> None:
        """See to it that an exit leaves, if nothing holds its gateway up."""
        before = life.interruptions
        self._at(EXIT_MS, lambda: self._look_after(life, before, client_id))

    def _look_after(self, life: Life, before: int, client_id: str) -> None:
        if life.interruptions == before and client_id not in self.truth.left:
            self.truth.breaks("an exit that did not leave", f"{life.name}: {client_id}")

    def _close(self) -> None:
        """Judge, and let all that still runs end without a trace."""
        if self._is_shut():
            self.open_ms = self.now_ms
        if self.now_ms - self.open_ms > self.bound_ms + CALM_MS:
            self.truth.breaks("no gateway can trade again", f"since {self.open_ms} ms")
        self.truth.closes()
        verdict = _as_it_stands(self.truth)
        self.weather.is_over = True
        self.loop.bury([*self.lives, self._operator])
        self.truth = verdict

    def _is_shut(self) -> bool:
        return self.store is None or not self.store[1].store.can_open_new_trades()


def _as_it_stands(truth: Truth) -> Truth:
    """Return the truth as it stands; what comes later is not of this history."""
    return replace(
        truth,
        violations=Counter(truth.violations),
        told=list(truth.told),
        counts=Counter(truth.counts),
        waits_ms=list(truth.waits_ms),
    )


def fence_history(seed: int, cast: Cast | None = None, script: Script = Script()) -> FenceHistory:
    """Return what one seed leads to."""
    return FenceWorld(seed, cast, script).run()
