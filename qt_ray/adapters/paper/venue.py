"""Paper venue: the exchange, its market and its doors as one thing that is started and stopped.

What is inside is open to a test in the same process: `exchange` is the machine itself, `faults` the rules in force.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from aiohttp import web

from qt_ray.adapters import clock
from qt_ray.adapters.paper.calls import CALLS
from qt_ray.adapters.paper.control import FIRST_ACCOUNT, Control, Works
from qt_ray.adapters.paper.door import Door
from qt_ray.adapters.paper.faults import Faults
from qt_ray.adapters.paper.feed import MARK_MS
from qt_ray.adapters.paper.front import Front
from qt_ray.adapters.paper.hall import Clock, Hall
from qt_ray.adapters.paper.limits import Limits
from qt_ray.adapters.paper.listen_keys import LIFE_MS, ListenKeys
from qt_ray.adapters.paper.listings import listings
from qt_ray.adapters.paper.pump import Pump
from qt_ray.adapters.paper.sockets import Manners
from qt_ray.adapters.paper.source import fill, made_up, parted
from qt_ray.adapters.paper.trade_log import TradeLog
from qt_ray.core.errors import Invalid
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.market import Outside
from qt_ray.market.bars import Bars

PORT = 18_080
FIRST_IDS = (8_000_000_001, 600_000_001, 2_000_001)
GRACE_S = 1.0
STILL_STEP_MS = 100

Serve = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class PaperSettings:
    """How a paper venue is; no symbols means all of the instruments file, `step_ms` 0 a market that stands still.

    `mark_ms` is how often a mark stream "of a second" speaks; the real one's is a second.
    """

    symbols: tuple[str, ...] = ()
    invented: int = 0
    seed: int = 7
    balance: Decimal = Decimal(10_000)
    key: str = "paper"
    secret: str = "paper"
    speed: float = 1.0
    step_ms: int = 100
    mark_ms: int = MARK_MS
    bars: Bars | None = None
    weight_minute: int = 2_400
    orders_minute: int = 1_200
    orders_ten_seconds: int = 300
    listen_life_ms: int = LIFE_MS
    manners: Manners = field(default_factory=Manners)
    trade_log: Path | None = None
    now_ms: Callable[[], int] = clock.now_ms


class PaperVenue:
    """A venue on loopback."""

    def __init__(self, settings: PaperSettings | None = None) -> None:
        self.settings = wanted = settings or PaperSettings()
        listed = listings(wanted.symbols, wanted.invented)
        time = Clock(wanted.now_ms, wanted.speed)
        self.exchange = Exchange(listed.values(), time.market(), FIRST_IDS)
        self.faults = Faults(wanted.seed)
        self._log = TradeLog(wanted.trade_log) if wanted.trade_log else None
        self.hall = Hall(
            self.exchange,
            listed,
            time,
            Limits(wanted.weight_minute, wanted.orders_minute, wanted.orders_ten_seconds),
            ListenKeys(wanted.seed, wanted.listen_life_ms),
            self.faults,
            self._close_listeners,
            self._log,
            wanted.mark_ms,
        )
        before, ahead = parted(made_up(listed, wanted.seed) if wanted.bars is None else wanted.bars)
        for symbol, row in self.hall.board.rows.items():
            fill(row, listed[symbol], before, time.market())
        self.market = Outside([*listed.values()], ahead, wanted.seed, time.market(), wanted.step_ms or STILL_STEP_MS)
        self.door = Door(self.hall, CALLS)
        self.front = Front(self.hall, self.door, wanted.manners)
        self.pump = Pump(self.hall, self.market, wanted.step_ms, self.front.keep_house)
        self.control = Control(Works(self.hall, self.front, self.market, self.pump))
        self._runners: list[web.ServerRunner] = []
        self._task: asyncio.Task[None] | None = None
        self._urls: tuple[str, str] | None = None
        self.open_account(FIRST_ACCOUNT, wanted.key, wanted.secret, wanted.balance)
        # A second key to the same account, as an emergency stop should have one.
        self.hall.keys.add(f"{wanted.key}-ess", f"{wanted.secret}-ess", FIRST_ACCOUNT)
        self.pump.step(time.market())

    def open_account(self, name: str, key: str, secret: str, balance: Decimal) -> None:
        """Open an account with a balance in USDT, and give out a key to it."""
        self.exchange.open_account(name, {"USDT": balance})
        self.hall.keys.add(key, secret, name)

    async def start(self, host: str = "127.0.0.1", port: int = 0, control_port: int = 0) -> None:
        """Open both ports, any that is free for 0, and let the market live."""
        found = await self._listen(self.front.serve, host, port)
        beside = await self._listen(self.control.serve, "127.0.0.1", control_port)
        self.hall.hub.gather(asyncio.get_running_loop().call_soon)
        self._urls = f"{host}:{found}", f"127.0.0.1:{beside}"
        self._task = asyncio.create_task(self.pump.run())

    async def stop(self) -> None:
        """Close everything, clients' sockets too; if the market has died of an error, this is where it is raised."""
        self.front.close(lambda listener: True)
        for runner in self._runners:
            await runner.cleanup()
        if self._log is not None:
            self._log.close()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def base_url(self) -> str:
        """Return where REST is."""
        return f"http://{self._addresses()[0]}"

    @property
    def ws_url(self) -> str:
        """Return where the streams are; roads and `/ws-fapi/v1` are below it."""
        return f"ws://{self._addresses()[0]}"

    @property
    def control_url(self) -> str:
        """Return where faults are asked for."""
        return f"http://{self._addresses()[1]}"

    def _addresses(self) -> tuple[str, str]:
        if self._urls is None:
            raise Invalid("a venue has an address once it is started")
        return self._urls

    async def _listen(self, serve: Serve, host: str, port: int) -> int:
        runner = web.ServerRunner(web.Server(serve, access_log=None), shutdown_timeout=GRACE_S)
        await runner.setup()
        site = web.TCPSite(runner, host, port, reuse_address=True)
        await site.start()
        self._runners.append(runner)
        found: int = runner.addresses[0][1]
        return found

    def _close_listeners(self, name: str) -> None:
        self.front.close(lambda listener: name in listener.names)
