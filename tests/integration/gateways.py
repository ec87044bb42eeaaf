"""A gateway at work in this process: a paper venue on sockets, a real policy store, and a desk that only asks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from itertools import count
from pathlib import Path

from qt_ray.actors.gateway import Gateway
from qt_ray.actors.gateway_shift import Peers
from qt_ray.actors.living import Living
from qt_ray.actors.policy_store import Acknowledged, PolicyStore, Word
from qt_ray.adapters.paper.control import FIRST_ACCOUNT
from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue
from qt_ray.adapters.policy_copy import PolicyCopy
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.places import Places
from qt_ray.adapters.trading.workplace import workplace_of
from qt_ray.core.errors import Retryable
from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.core.policy import Policy
from qt_ray.engine.errands import Errands, Stamp
from qt_ray.engine.tidings import Ended, Filled, Paid, Stand, Tiding
from qt_ray.governance.leases import Held, Lease
from qt_ray.governance.rulebook import Denied
from qt_ray.governance.rulebook_entries import Author
from tests.conformance.rulebook_memory import MemoryRulebook
from tests.integration.accounts import SYMBOLS, venue_open
from tests.unit.actors.voices import HeardVoice

BTC = SYMBOLS[0]
PATIENCE_S = 60
LIVELY = PaperSettings(symbols=SYMBOLS, seed=7, step_ms=50, mark_ms=200)
ESS = Author("emergency_stop")


class Direct:
    """The policy store in this process, as one part's line to it; it may be away."""

    def __init__(self, store: PolicyStore) -> None:
        self.store, self.is_away, self.walked = store, False, 0

    def _answers(self) -> PolicyStore:
        if self.is_away:
            raise Retryable("PolicyStore: somebody is there, was not")
        return self.store

    async def policy(self) -> Policy:
        self.walked += 1
        return self._answers().get_policy()

    async def watch(self, turn: int, wait_ms: int) -> Word:
        return await self._answers().watch(turn, min(wait_ms, 200))

    async def take_lease(self, account: str, holder: str) -> Lease | Held:
        return self._answers().take_lease(account, holder)

    async def renew_lease(self, account: str, token: int, confirmed: int) -> Lease | None:
        return self._answers().renew_lease(account, token, confirmed)

    async def return_lease(self, account: str, token: int) -> None:
        self._answers().return_lease(account, token)

    async def begin_emergency(self, reason: str) -> int:
        return await self._emergency(True, reason, ESS, 0)

    async def end_emergency(self, person: str, reason: str) -> int:
        return await self._emergency(False, reason, Author(person, is_person=True), self._answers().get_policy().epoch)

    async def _emergency(self, enabled: bool, reason: str, author: Author, epoch: int) -> int:
        found = await self._answers().set_emergency_mode(enabled, reason, author, epoch)
        assert isinstance(found, Acknowledged), found
        return found.epoch


class Reader:
    """A desk without a mind: it applies tidings once by their number."""

    def __init__(self) -> None:
        self.cursor = 0
        self.told: list[Tiding] = []
        self.held: dict[str, Decimal] = {}
        self.wallet = Decimal(0)

    def apply(self, tidings: tuple[Tiding, ...]) -> None:
        for tiding in tidings:
            self.cursor = tiding.number
            self.told.append(tiding)
            what = tiding.what
            if isinstance(what, Stand):
                self.held = {symbol: holding.quantity for symbol, holding in what.holdings.items()}
                self.wallet = what.wallet
            elif isinstance(what, Filled):
                self.held[what.symbol] = self.held.get(what.symbol, Decimal(0)) + what.quantity
                self.wallet += what.realised - what.fee
            elif isinstance(what, Paid):
                self.wallet += what.amount

    def ended(self) -> set[str]:
        return {tiding.what.client_id for tiding in self.told if isinstance(tiding.what, Ended)}


class House:
    """What outlives a gateway: the venue, the folders, the policy store."""

    def __init__(self, venue: PaperVenue, folder: Path, policy: Policy) -> None:
        self.venue, self.folder = venue, folder
        keeper = RulebookKeeper(MemoryRulebook(), PolicyCopy(folder / "policy.json"), lambda: policy)
        self.store = PolicyStore(keeper)
        self.line = Direct(self.store)
        self.voice = HeardVoice()
        self.ends: list[int] = []
        self.is_well = True
        self.silent: str | None = None
        url, streams = venue.base_url, venue.ws_url
        self.settings = Settings.model_validate(
            {
                "fund": {"state": str(folder)},
                "exchange": {"kind": "paper", "rest_url": url, "ws_url": streams},
                "market": {"symbols": SYMBOLS},
            }
        )

    def gateway(self, line: Direct | None = None, folder: str = "one") -> Gateway:
        places = Places(self.folder / folder)
        return Gateway(
            "main",
            "USDT",
            lambda policy, ring: workplace_of(self.settings, places, policy.limits, ring),
            Peers(line or self.line, self.voice, lambda: self.is_well, self.why_silent),
            Living("Gateway", end=self.ends.append, was_reconstructed=False),
        )

    async def why_silent(self) -> str | None:
        return self.silent

    @asynccontextmanager
    async def at_work(
        self, line: Direct | None = None, folder: str = "one", ready: bool = True
    ) -> AsyncIterator[Gateway]:
        gateway = self.gateway(line, folder)
        gateway._living.keep(gateway.run())
        try:
            wanted = "lets_entries" if ready else "is_reconciled"
            await self.until(gateway, lambda found: found.facts.get(wanted, False))
            yield gateway
        finally:
            await gateway.rest()

    async def until(self, gateway: Gateway, holds: Callable[..., bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds(await gateway.condition()):
                await asyncio.sleep(0.01)

    async def read(self, gateway: Gateway, reader: Reader, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                reader.apply(await gateway.tidings(reader.cursor, 1_000))

    async def entered(self, gateway: Gateway, reader: Reader) -> None:
        """Have an entry filled; one that was declined, as when a busy machine sees old prices, is asked for anew."""
        for number in count(1):
            await self.until(gateway, lambda found: found.facts["lets_entries"])
            entry = self.entry(number)
            await placed(self, gateway, entry)
            await self.read(gateway, reader, lambda name=entry.client_id: name in reader.ended())
            if reader.held.get(BTC, 0) != 0:
                return

    async def stop(self, reason: str = "fire") -> None:
        found = await self.store.set_emergency_mode(True, reason, ESS)
        assert not isinstance(found, Denied)

    def stamp(self) -> Stamp:
        policy = self.store.get_policy()
        return Stamp("main", "trend", 0, policy.version, policy.epoch)

    def entry(self, number: int, quantity: str = "0.01", limit: Decimal | None = None) -> Intent:
        market, _ = market_entry(number, self.store.get_policy(), quantity)
        return market if limit is None else replace(market, type=OrderType.LIMIT, limit_price=limit)

    def resting(self, number: int) -> Intent:
        return self.entry(number, limit=(self.venue.exchange.last_price(BTC) * Decimal("0.97")).quantize(Decimal(1)))

    def open_entries(self) -> int:
        return sum(not order.reduce_only for order in self.venue.exchange.open_orders(FIRST_ACCOUNT))


def market_entry(number: int, policy: Policy, quantity: str = "0.01", account: str = "main") -> tuple[Intent, Stamp]:
    """Return an entry, and the stamp of the cycle that wants it."""
    decision = f"decision{number}"
    intent = Intent(
        client_id=str(ClientOrderId("trend", intent_id(decision, "entry"))),
        symbol=BTC,
        side=Side.BUY,
        type=OrderType.MARKET,
        quantity=Decimal(quantity),
        decision_id=decision,
        policy_version=policy.version,
        epoch=policy.epoch,
    )
    return intent, Stamp(account, "trend", 0, policy.version, policy.epoch)


async def placed(house: House, gateway: Gateway, *intents: Intent) -> None:
    await gateway.errands(Errands(place=intents), house.stamp())


def play(folder: Path, story: Callable[[House], Awaitable[None]], policy: Policy | None = None) -> None:
    async def whole() -> None:
        async with venue_open(LIVELY) as venue:
            await asyncio.wait_for(story(House(venue, folder, policy or Policy())), 3 * PATIENCE_S)

    asyncio.run(whole())
