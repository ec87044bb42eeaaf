"""Desk actor: a desk as its origin makes it, and makes it again after each death; its journal is its memory.

Where the stages of a decision live is a setting. Fused, the same three objects are in this process: the models follow
the policy here, and the guard reads the same switch from the disk.
"""

import asyncio
from typing import Final

import numpy as np

from qt_ray.actors.chain import FusedChain, Punctual, ReferenceChain
from qt_ray.actors.desk import Desk, Ports
from qt_ray.actors.line import Line
from qt_ray.actors.lines.feed import FeedLine
from qt_ray.actors.lines.gateway import GatewayLine
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.living import Living
from qt_ray.actors.model_board import ModelBoard
from qt_ray.actors.origin import Origin
from qt_ray.actors.predictor import Predictor
from qt_ray.actors.risk_guard import KILL_FILE, RiskGuard
from qt_ray.actors.sizer import Sizer, fell_back
from qt_ray.actors.topology import DESK, FEED, GATEWAY, POLICY_STORE, PREDICTOR, RISK_GUARD, SIZER, namespace_of
from qt_ray.actors.voice import voice
from qt_ray.adapters.binance.assembly import open_session
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.contracts import contracts_of
from qt_ray.adapters.deliberation import Chain
from qt_ray.adapters.desk_journal import DeskJournal
from qt_ray.adapters.desk_keeper import DeskKeeper
from qt_ray.adapters.desk_law import DeskLaw
from qt_ray.adapters.fund_setup import recipe_of, setup_of
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.models.model_set import live_in, load_promoted
from qt_ray.adapters.models.stage import staged
from qt_ray.adapters.policy_files import load_policy
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.engine.backtest import SCHEMA
from qt_ray.engine.desk_entries import Began
from qt_ray.engine.rehearsal import rehearsed
from qt_ray.market.bars import Bars

STRATEGY: Final = "desk"
STAGES: Final = (PREDICTOR, SIZER, RISK_GUARD)


class DeskActor(Desk):
    """The desk of the account that `origin` names."""

    def __init__(self, origin: Origin) -> None:
        """Take up the journal; whom the desk talks to need not live yet."""
        settings, living = origin.settings, Living(DESK)
        self._publisher = voice(origin, DESK)
        lines = {name: Line(name, namespace_of(settings)) for name in (FEED, GATEWAY, POLICY_STORE)}
        reader = PolicyReader(PolicyStoreLine(lines[POLICY_STORE], near=origin.places.policy))
        gateway = GatewayLine(lines[GATEWAY])
        keeper = DeskKeeper(DeskJournal(origin.places.desk), self._publisher, now_ms)
        ports = Ports(
            market=FeedLine(lines[FEED]),
            account=gateway,
            chain=Punctual(self._chain(origin, reader, gateway, living), settings.desk.deadline_ms),
            law=DeskLaw(reader),
            began=lambda: began_of(origin),
            needs=SCHEMA.names,
        )
        super().__init__(keeper, ports, living)
        for work in (self._publisher.run(), keeper.outbox.run(), reader.run(), self._begin()):
            living.keep(work)

    async def rest(self) -> None:
        """End in order, and leave on disk what was not told yet."""
        await super().rest()
        self._publisher.close()

    async def _begin(self) -> None:
        """Decide about nothing once, and then about the market."""
        await asyncio.to_thread(rehearsed)
        await self.run()

    def _chain(self, origin: Origin, reader: PolicyReader, gateway: GatewayLine, living: Living) -> Chain:
        settings = origin.settings
        if settings.desk.decision == "chain":
            return ReferenceChain(STAGES, namespace_of(settings))
        recipe, market = recipe_of(settings.predictor), settings.market
        board = ModelBoard()
        predictor = Predictor(
            board,
            lambda version: staged(load_promoted(recipe, version), market.symbols, market.interval_ms),
            settings.serving.deadline_ms,
        )
        reader.listen(lambda view: board.name(live_in(view.policy, recipe)))
        living.keep(predictor.models.run())
        guard = RiskGuard(
            settings.fund.account, Latch(origin.places.folder / KILL_FILE), reader, living, self._publisher.tell
        )
        living.keep(guard.follow(gateway))
        return FusedChain(predictor, Sizer(fell_back(self._publisher.tell)), guard)


async def began_of(origin: Origin) -> Began:
    """Return how a desk begins: the settings' fund, in the units that its venue has now."""
    loaded = origin.loaded()
    settings, market = loaded.settings, loaded.settings.market
    session = await open_session(settings.exchange, settings.credentials)
    try:
        contracts = await contracts_of(session, market.symbols)
    finally:
        await session.close()
    setup = setup_of(
        settings, load_policy(loaded.policy_path, settings.policy.mode), contracts, _no_bars(market.symbols)
    )
    openings = settings.signals.per_cycle_max
    return Began(settings.fund.account, STRATEGY, setup, market.interval_ms, now_ms(), openings)


def _no_bars(symbols: tuple[str, ...]) -> Bars:
    """Return bars of a market that settles funding, before any has closed."""
    absent = np.zeros((0, len(symbols)))
    return Bars(symbols, 1, np.zeros(0, np.int64), absent, absent, absent, absent, absent, absent)
