"""Smart loop: carries a plan through an account, part by part, and says what it has cost against arrival.

The plan is made from the book as it stands when the order arrives and never exceeds it; whether a part may leave is
asked at the gateway's door like any intent's. A part that ends early is left to the gateway; one that is declined ends
the order, and nothing is wanted twice.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.trading.account_loop import AccountLoop
from qt_ray.adapters.trading.opening import told
from qt_ray.adapters.waiting import happened
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Execution, Intent, progress_of
from qt_ray.execution.gateway.book import Tracked
from qt_ray.execution.gateway.effects import Declined, Effect, Tell
from qt_ray.execution.gateway.smart import Plan, Slippage, Tactics, Urgency, due, plan, slippage
from qt_ray.execution.venue.calls import AskBook
from qt_ray.execution.venue.session import VenueSession

LOOK_MS: Final = 100


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of an order: how it was carried out, what it cost, and why a part was declined, if one was."""

    plan: Plan
    slippage: Slippage
    declined: str = ""


class SmartLoop:
    """Carries greater orders through one account."""

    def __init__(
        self, account: AccountLoop, session: VenueSession, tactics: Tactics, clock: Callable[[], int] = now_ms
    ) -> None:
        self._account = account
        self._session = session
        self._tactics = tactics
        self._clock = clock
        self._declined: dict[str, str] = {}
        self._changed = asyncio.Event()
        account.gateway.listen(self._overhear)

    async def carry(self, wanted: Intent, urgency: Urgency, patience_ms: int) -> Carried:
        """Carry a market intent out, and say what came of it; what still rests when patience ends is cancelled."""
        rules = self._account.custody.listings.symbols.get(wanted.symbol)
        if rules is None:
            raise Invalid(f"{wanted.symbol}: what is carried out is listed")
        book = await told(self._session, AskBook(wanted.symbol))
        made = plan(wanted, urgency, book, max(rules.step, rules.market_step), self._clock(), self._tactics)
        await self._follow(made, self._clock() + patience_ms)
        done = slippage(wanted.side, made.arrival, self._executions(made))
        reasons = (self._declined.pop(part.intent.client_id, "") for part in made.parts)
        return Carried(made, done, next((reason for reason in [*reasons] if reason), ""))

    async def _follow(self, made: Plan, until_ms: int) -> None:
        """Want each part in its time, until all have ended; past `until_ms` end what is open and want no more."""
        engine = self._account.gateway.engine
        while not self._is_over(made):
            self._changed.clear()
            now = self._clock()
            if now < until_ms:
                for intent in due(made, engine.book, now):
                    self._want(intent, made)
            elif not self._end(made):
                return
            await happened(self._changed, LOOK_MS)

    def _want(self, intent: Intent, made: Plan) -> None:
        if intent.client_id not in self._declined:
            self._account.gateway.take(partial(self._account.gateway.engine.want, intent, family=made.family))

    def _end(self, made: Plan) -> bool:
        """Cancel what is open; return whether anything was."""
        still = [child.intent.client_id for child in self._children(made) if child.is_open]
        for client_id in still:
            engine = self._account.gateway.engine
            self._account.gateway.take(partial(engine.cancel, client_id, "its time is over"))
        return bool(still)

    def _is_over(self, made: Plan) -> bool:
        children = self._children(made)
        names = {child.intent.client_id for child in children}
        is_declined = any(part.intent.client_id in self._declined for part in made.parts)
        is_whole = all(part.intent.client_id in names for part in made.parts) or is_declined
        return is_whole and not any(child.is_open or child.missing for child in children)

    def _children(self, made: Plan) -> list[Tracked]:
        return self._account.gateway.engine.book.children(made.family.name)

    def _executions(self, made: Plan) -> list[Execution]:
        found = (progress_of(child.order) for child in self._children(made))
        return [execution for progress in found if progress for execution in progress.executions]

    def _overhear(self, effect: Effect, at_ms: int) -> None:
        if isinstance(effect, Declined):
            self._declined[effect.intent.client_id] = effect.reason
        if isinstance(effect, Declined | Tell):
            self._changed.set()
