"""Fence desk: asks both gateways for entries all the time, whatever is in force: if none gets in, that is the fence.

An entry is a limit order that cannot trade and ends at once: the exchange has accepted it all the same, and the account
stays flat. It has to: what one gateway places to protect a position bears our name and stands in no journal of the
other's, which rightly opens nothing while such an order rests. So there is a position only in an emergency, bought by
hand, for exits to close.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from random import Random
from typing import Final

from benchmarks.fence_hand import HELD
from benchmarks.fence_schedule import GATEWAYS
from benchmarks.fence_stage import ENTERED, Stage
from benchmarks.fence_truth import Asked, Truth
from qt_ray.actors.line import Line
from qt_ray.actors.lines.gateway import GatewayLine
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.topology import POLICY_STORE
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.core.errors import Retryable
from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.core.orders import Intent, OrderType, Side, TimeInForce
from qt_ray.core.policy import Policy
from qt_ray.engine.errands import Errands, Stamp
from qt_ray.execution.venue.calls import AskMarks, AskRules
from qt_ray.governance.policy_view import PolicyView

PREFIX: Final = dict(zip(GATEWAYS, ("first", "second"), strict=True))
AWAY: Final = Decimal("0.95")
NOTIONAL: Final = Decimal(100)
SIZES: Final = 400
PACE_S, HURRY_S = (0.05, 0.15), (0.005, 0.015)
UNANSWERED_MAX: Final = 40
FORMER_MAX: Final = 5
AGAIN_SHARE: Final = 0.1
AGAIN_S: Final = 0.2
EXITS_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Ticket:
    """What an order of a symbol is made of: a price that nobody sells at, the least quantity and its step."""

    price: Decimal
    least: Decimal
    step: Decimal


async def tickets(stage: Stage) -> dict[str, Ticket]:
    """Return a ticket for each symbol at the prices of now."""
    rules, views = (await stage.hand.ask(AskRules())).symbols, await stage.hand.ask(AskMarks())
    found = {}
    for symbol in (HELD, *ENTERED):
        tick, step = rules[symbol].tick, max(rules[symbol].step, rules[symbol].market_step)
        price = views[symbol].mark * AWAY // tick * tick
        least = (max(NOTIONAL, 2 * rules[symbol].notional_min) / price / step).to_integral_value(ROUND_UP) * step
        found[symbol] = Ticket(price, least, step)
    return found


class Desk:
    """Asks for `account`; `may_exit` while there is something to close."""

    def __init__(self, stage: Stage, account: str, truth: Truth, seed: int) -> None:
        """Ask nothing yet; prices are told by `priced`."""
        self.may_exit, self._hurries = False, 0
        self._stage, self._account, self._truth, self._dice = stage, account, truth, Random(seed)
        self._reader = PolicyReader(PolicyStoreLine(Line(POLICY_STORE, stage.namespace)))
        self._reader.listen(self._governed)
        self._former: deque[Policy] = deque(maxlen=FORMER_MAX)
        self._lines = {name: GatewayLine(Line(name, stage.namespace)) for name in GATEWAYS}
        self._waiting: dict[str, set[asyncio.Task[None]]] = {name: set() for name in GATEWAYS}
        self._tickets: dict[str, Ticket] = {}
        self._number = 0

    async def priced(self) -> None:
        """Take in what orders may look like now."""
        self._tickets = await tickets(self._stage)

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._reader.run())
            while True:
                await asyncio.sleep(self._dice.uniform(*(HURRY_S if self._hurries else PACE_S)))
                if self._former and self._tickets:
                    self._ask(group)

    @contextmanager
    def hurrying(self) -> Iterator[None]:
        """Ask for much more than usual meanwhile."""
        self._hurries += 1
        try:
            yield
        finally:
            self._hurries -= 1

    def _governed(self, view: PolicyView) -> None:
        self._former.append(view.policy)

    def _ask(self, group: asyncio.TaskGroup) -> None:
        wishes = (GATEWAYS,) if self._hurries else ((GATEWAYS[0],), (GATEWAYS[1],), GATEWAYS)
        is_exit = self.may_exit and self._dice.random() < EXITS_SHARE
        for gateway in self._dice.choice(wishes):
            waiting = self._waiting[gateway]
            if len(waiting) < UNANSWERED_MAX:
                task = group.create_task(self._tell(gateway, self._wanted(gateway, is_exit)))
                waiting.add(task)
                task.add_done_callback(waiting.discard)

    def _wanted(self, gateway: str, is_exit: bool) -> Intent:
        """Return an order that nobody has asked for before, under what its asker takes to be in force."""
        self._number += 1
        newest = self._former[-1]
        policy, epoch = self._believed(gateway, newest)
        symbol = HELD if is_exit else self._dice.choice(ENTERED)
        ticket, decision = self._tickets[symbol], f"{self._account}:{self._number}"
        intent = Intent(
            client_id=str(ClientOrderId(PREFIX[gateway], intent_id(decision, "exit" if is_exit else "entry"))),
            symbol=symbol,
            side=Side.SELL if is_exit else Side.BUY,
            type=OrderType.MARKET if is_exit else OrderType.LIMIT,
            # Two entries of one size in a second would be taken for one by mistake.
            quantity=ticket.least if is_exit else ticket.least + ticket.step * (self._number % SIZES),
            decision_id=decision,
            policy_version=policy.version,
            epoch=epoch,
            reduce_only=is_exit,
            limit_price=None if is_exit else ticket.price,
            time_in_force=TimeInForce.GTC if is_exit else TimeInForce.IOC,
        )
        is_stale = not is_exit and epoch != newest.epoch
        self._truth.asks(intent.client_id, Asked(gateway, now_ms(), epoch, is_stale))
        return intent

    def _believed(self, gateway: str, newest: Policy) -> tuple[Policy, int]:
        """Return a policy and an epoch: those in force, those that the gateway was seen to believe in, or old ones."""
        chance = self._dice.random() + (0.3 if self._hurries else 0)
        if chance < 0.6:
            return newest, newest.epoch
        condition = self._stage.bodies[gateway].condition
        flattered = condition.facts.get("epoch", -1) if condition else -1
        if chance < 0.9 and flattered > 0:
            return newest, flattered
        former = self._dice.choice(self._former)
        return former, former.epoch

    async def _tell(self, gateway: str, intent: Intent) -> None:
        """Ask once, and now and then once more: again changes nothing."""
        stamp = Stamp(self._account, PREFIX[gateway], 0, intent.policy_version, intent.epoch)
        for pause_s in (0, AGAIN_S) if self._dice.random() < AGAIN_SHARE else (0,):
            await asyncio.sleep(pause_s)
            try:
                await self._lines[gateway].errands(Errands(place=(intent,)), stamp)
            except Retryable:
                self._truth.counts["asked for without an answer"] += 1
