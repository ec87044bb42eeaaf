"""A console with everything behind it small and honest: a real policy store in memory, real keys and a real latch."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message

from qt_ray.actors.policy_store import PolicyStore
from qt_ray.adapters.api_keys import KeyRing
from qt_ray.adapters.emergency_memory import Past
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.policy_copy import PolicyCopy
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.events import Event
from qt_ray.core.orders import Side
from qt_ray.core.policy import Policy
from qt_ray.engine.errands import Errands, Stamp
from qt_ray.engine.tidings import Ended, Filled, Holding, Stand, Tiding
from qt_ray.governance.access import Refused, Scope
from qt_ray.governance.rulebook import Denied
from qt_ray.governance.rulebook_entries import Author, Proposal
from qt_ray.governance.rulebook_store import Kept
from qt_ray.governance.wishes import Wish
from qt_ray.monitoring.emergency import EmergencyStatus
from qt_ray.monitoring.health import Condition
from qt_ray.risk.ess import Cause, Emergency, EssSignal, progress, reset, trip
from qt_ray.risk.triggers import Readings
from qt_ray.serve.application import console_app
from qt_ray.serve.hand import Hand
from qt_ray.serve.ports import Ports
from tests.conformance.rulebook_memory import MemoryRulebook

COOLDOWN_MS = 900_000
UNSEEN = Readings(*(None,) * 9)


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


class Post:
    """A place that may stop answering: `fault` is raised, `hangs` waits for ever."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.hangs = False

    async def reached(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault


class StoreDesk(Post):
    def __init__(self, store: PolicyStore) -> None:
        super().__init__()
        self.store = store

    async def policy(self) -> Policy:
        await self.reached()
        return self.store.get_policy()

    async def wish(self, wish: Wish, author: Author) -> Policy | Denied:
        await self.reached()
        return self.store.wish(wish, author)

    async def proposals(self) -> tuple[Proposal, ...]:
        await self.reached()
        return self.store.proposals()

    async def history(self, count: int, before: int | None) -> tuple[Kept, ...]:
        await self.reached()
        return self.store.history(count, before)


class StopDesk(Post):
    """An emergency stop that remembers, closes the latch and opens it again, and sees nothing of a venue."""

    def __init__(self, clock: Clock, latch: Latch) -> None:
        super().__init__()
        self.emergency, self.past = Emergency(), list[Past]()
        self._clock, self._latch = clock, latch

    async def trip(self, cause: Cause, reason: str, by: str) -> Emergency:
        await self.reached()
        self.emergency = trip(self.emergency, cause, reason, self._clock())
        if not self._latch.state().closed:
            self._latch.close(self._latch.state().epoch + 1, reason, by, self._clock())
        self._did("tripped", cause, reason, by)
        return self.emergency

    async def clear(self, cause: Cause, person: str, reason: str) -> Emergency:
        await self.reached()
        self.emergency = reset(self.emergency, cause, person, reason, self._clock(), COOLDOWN_MS, True)
        if not self.emergency.state.is_latched:
            self._latch.open(self._latch.state().epoch, reason, person, self._clock())
        self._did("cleared", cause, reason, person)
        return self.emergency

    async def status(self) -> EmergencyStatus:
        await self.reached()
        now, latch = self.emergency, self._latch.state()
        return EmergencyStatus(
            now.state.label, now, "NORMAL", None, UNSEEN, (), latch.closed, latch.epoch, latch.reason, latch.by, None
        )

    async def history(self) -> tuple[Past, ...]:
        await self.reached()
        return tuple(self.past)

    def settle(self) -> None:
        """Go on as the venue would: flat, and settled."""
        for signal in (EssSignal.FLATTENED, EssSignal.SETTLED):
            self.emergency = progress(self.emergency, signal, self._clock())

    def _did(self, what: str, cause: Cause, reason: str, by: str) -> None:
        self.past.append(Past(what, self._clock(), (cause,), reason, by))


class Books(Post):
    """A gateway that fills at once what it is asked for, by `share`."""

    def __init__(self) -> None:
        super().__init__()
        self.holdings: dict[str, Holding] = {}
        self.carried: list[Errands] = []
        self.share, self._past = Decimal(1), list[Tiding]()

    async def errands(self, errands: Errands, stamp: Stamp) -> None:
        await self.reached()
        self.carried.append(errands)
        for intent in errands.place:
            quantity = intent.quantity * self.share * (1 if intent.side is Side.BUY else -1)
            filled = Filled(intent.client_id, intent.symbol, 1, quantity, Decimal(1), Decimal(0), Decimal(0), 1, False)
            ended = Ended(intent.client_id, intent.symbol, 1)
            self._past += [Tiding(self._number + place, what) for place, what in enumerate((filled, ended), 1)]

    async def tidings(self, after: int, wait_ms: int) -> tuple[Tiding, ...]:
        await self.reached()
        if after == 0:
            return (Tiding(max(self._number, 1), Stand(Decimal(0), self.holdings, (), 1)),)
        return tuple(told for told in self._past if told.number > after)

    @property
    def _number(self) -> int:
        return self._past[-1].number if self._past else 1


class Seen(Post):
    """What a monitor shows."""

    made: Mapping[str, Any] = {"d-1": {"id": "d-1", "symbol": "BTCUSDT", "binding": "position_cap", "score": 0.4}}

    def __init__(self) -> None:
        super().__init__()
        self.taken_on: list[tuple[str, str]] = []
        self.actors: dict[str, Any] = {
            "RiskGuard": {"pid": 1},
            "Gateway": {"reasons": [], "facts": {"lets_entries": True}},
        }
        self.shown: dict[str, Any] = {
            "as_of_ms": 1_700_000_000_000,
            "wallet": Decimal(10_000),
            "equity": Decimal("10000.50"),
            "unrealised": Decimal("0.50"),
            "realised": Decimal(0),
            "positions": {"BTCUSDT": {"quantity": Decimal("0.10"), "entry": Decimal(50_000)}},
            "curve": [(1_700_000_000_000, Decimal("10000.50"))],
        }

    async def status(self) -> Mapping[str, Any]:
        await self.reached()
        return {"schema": "qt.status/1", "profile": "paper", "decisions": 1, "actors": self.actors}

    async def health(self) -> Mapping[str, Any]:
        await self.reached()
        guard = Condition("RiskGuard", Health.HEALTHY, 1_700_000_000_000, facts={"reserved": 0})
        return {"schema": "qt.health/1", "health": Health.HEALTHY, "parts": {"RiskGuard": guard}}

    async def portfolio(self) -> Mapping[str, Any]:
        await self.reached()
        return self.shown

    async def orders(self, count: int) -> Mapping[str, Any]:
        await self.reached()
        return {"working": [], "ended": []}

    async def fills(self, count: int) -> Sequence[Mapping[str, Any]]:
        await self.reached()
        return [{"at_ms": 1_700_000_000_000, "price": Decimal("1.50")}]

    async def trips(self, count: int) -> Sequence[Mapping[str, Any]]:
        await self.reached()
        return []

    async def timeline(self, count: int, *prefixes: str) -> Sequence[Mapping[str, Any]]:
        await self.reached()
        return [{"type": prefix, "time_ms": 1_700_000_000_000} for prefix in prefixes]

    async def alerts(self) -> Sequence[Mapping[str, Any]]:
        await self.reached()
        return [{"key": "part:Feed"}]

    async def acknowledge(self, key: str, person: str) -> Mapping[str, Any]:
        await self.reached()
        self.taken_on.append((key, person))
        return {"key": key, "by": person}

    async def decisions(self, count: int, before: str | None = None) -> Sequence[Mapping[str, Any]]:
        await self.reached()
        return list(self.made.values())[:count]

    async def decision(self, decision_id: str) -> Mapping[str, Any] | None:
        await self.reached()
        found: Mapping[str, Any] | None = self.made.get(decision_id)
        return found

    async def patches(self) -> Sequence[Any]:
        await self.reached()
        return (Patch("p0_01", "one policy store", True, ""), Patch("p0_02", "a stop", False, "EmergencyStop: silent"))


@dataclass(frozen=True, slots=True)
class Patch:
    key: str
    title: str
    holds: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        code: str = self.data["error"]["code"]
        return code


@dataclass
class House:
    """A console and all that is behind it; `token` is the operator's."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    refused: list[Refused] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        keeper = RulebookKeeper(MemoryRulebook(), PolicyCopy(self.folder / "policy.json"), Policy)
        self.store = PolicyStore(keeper, self.clock)
        self.keys, self.latch = KeyRing(self.folder, self.clock), Latch(self.folder / "latch.json")
        self.policy, self.stop, self.seen = StoreDesk(self.store), StopDesk(self.clock, self.latch), Seen()
        self.gateway = Books()
        self.token = self.keys.issue("ann", tuple(Scope))
        self.app = console_app(self.ports)

    @property
    def ports(self) -> Ports:
        return Ports(
            self.policy,
            self.stop,
            self.seen,
            Hand("main", self.gateway, self.policy, self.told.append, self.clock),
            self.latch,
            self.keys,
            self.refused.append,
            self.clock,
            patience_s=0.1,
        )

    def key(self, *scopes: Scope, person: str = "bob", is_person: bool = True) -> str:
        return self.keys.issue(person, scopes, is_person=is_person)

    def ask(self, method: str, path: str, body: Any = None, token: str | None = "", **headers: str) -> Answer:
        return asyncio.run(self.asked(method, path, body, token, **headers))

    async def asked(self, method: str, path: str, body: Any = None, token: str | None = "", **headers: str) -> Answer:
        """Ask as a person with `token` would: the operator if it is empty, a stranger if there is none."""
        told = {name.replace("_", "-"): text for name, text in headers.items()}
        if token is not None:
            told["authorization"] = f"Bearer {token or self.token}"
        if body is not None:
            told.setdefault("content-type", "application/json")
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return await called(self.app, method, path, told, [content])


async def called(
    app: ASGIApp, method: str, path: str, headers: Mapping[str, str], body: Sequence[bytes | None]
) -> Answer:
    """Call an application as a server does; a body's `None` is a client that sends nothing more and stays."""
    place, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": place,
        "raw_path": place.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in headers.items()],
        "client": ("192.0.2.1", 1),
        "server": ("console", 80),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }
    parts, sent = list(body), list[Message]()

    async def receive() -> Message:
        part = parts.pop(0) if parts else None
        if part is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Message) -> None:
        sent.append(message)

    await asyncio.wait_for(app(scope, receive, send), 10)
    start = next(message for message in sent if message["type"] == "http.response.start")
    told = {name.decode(): text.decode() for name, text in start["headers"]}
    return Answer(start["status"], told, b"".join(message.get("body", b"") for message in sent))
