"""Session: the venue port over Binance's protocol. Whatever happens on the way becomes a value.

What changes something is sent once, whatever comes of it; only questions are asked again, and dear ones only by who
needs them. The venue's clock is asked every minute, and at once when the venue says that ours is off.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final, Self

from qt_ray.adapters.binance.answers import CLOCK_OFF, Reply, answer, has_failed
from qt_ray.adapters.binance.ban import Ban
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.market_feed import MarketFeed
from qt_ray.adapters.binance.market_streams import Wanted
from qt_ray.adapters.binance.pace import Pace
from qt_ray.adapters.binance.reading import Told
from qt_ray.adapters.binance.repair import candles_step, funding_step
from qt_ray.adapters.binance.requests import Plan, Step, plan_of
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.binance.usage import Usage
from qt_ray.adapters.binance.user_stream import UserStream
from qt_ray.adapters.binance.venue_clock import ClockView, Sample, VenueClock, Verdict
from qt_ray.adapters.binance.wire import Lost, NotSent, Patience, Wire
from qt_ray.adapters.clock import monotonic_ns, now_ms
from qt_ray.core.errors import Invalid
from qt_ray.execution.venue.calls import NOT_SENT, Answer, AskTime, Call, Done, Place, PlaceMany, Refused, Unsure
from qt_ray.execution.venue.news import News
from qt_ray.execution.venue.views import UsageView
from qt_ray.market.ticks import Candle

QUESTIONS_MAX: Final = 2
DEAR_WEIGHT: Final = 40
CLOCK_SAMPLES: Final = 3
Begun = asyncio.Future[Told | str]
TIME: Final = plan_of(AskTime(), False).steps[0]


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of a call that has begun; if nobody waits for it, nothing is left over."""

    work: Callable[[], Coroutine[Any, Any, Answer[Any]]]

    def __await__(self) -> Generator[Any, Any, Answer[Any]]:
        return self.work().__await__()


class BinanceSession:
    """A conversation with one account; without a key, with the public part of a venue."""

    def __init__(
        self, endpoints: Endpoints, signer: Signer | None, patience: Patience, pace: Pace, ban: Ban | None = None
    ) -> None:
        """Be about to begin; a `ban` that an earlier session has heard counts for this one as well."""
        self._usage = Usage(now_ms)
        self._wire = Wire(endpoints, signer, patience, self._usage)
        self._clock = VenueClock()
        self._ban = ban or Ban()
        self._pace = pace
        self._asking_time = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None
        self._streams: list[UserStream] = []

    def __repr__(self) -> str:
        return f"BinanceSession({self._wire.endpoints.rest})"

    def __str__(self) -> str:
        return self._wire.endpoints.rest

    @classmethod
    async def open(
        cls, endpoints: Endpoints, signer: Signer | None, patience: Patience | None = None, pace: Pace | None = None
    ) -> Self:
        """Return a session that has compared its clock with the venue's, if the venue answers at all."""
        session = cls(endpoints, signer, patience or Patience(), pace or Pace())
        await session.begin()
        return session

    async def begin(self) -> None:
        """Compare clocks, and open the lines that orders leave by; who has not begun can be asked already."""
        for _ in range(CLOCK_SAMPLES):
            await self._ask_time()
        await self._wire.warm()
        self._keeper = asyncio.create_task(self._keep_time())

    @property
    def receive_window_ms(self) -> int:
        """Return how long after it was sent a request of ours may still be carried out."""
        return self._wire.receive_window_ms

    async def ask(self, call: Call) -> Answer[Any]:
        """Carry out one call and return what came of it."""
        return await self.start(call)

    def start(self, call: Call) -> Awaitable[Answer[Any]]:
        """Begin a call and return the wait for what comes of it.

        If the call changes something and a line stands ready, its bytes have left already.
        """
        plan = self._planned(call)
        begun = self._begun(plan.steps[0]) if isinstance(plan, Plan) else None
        return Rest(partial(self._carry_out, plan, begun))

    @property
    def is_prompt(self) -> bool:
        """Return whether the bytes of an order would leave at once."""
        return self._wire.is_prompt

    async def news(self) -> AsyncIterator[News]:
        """Yield what the venue tells this account, beginning with StreamUp, through every reconnect."""
        stream = UserStream(self._wire, self._once, self._pace)
        self._streams.append(stream)
        try:
            async for one in stream.listen():
                yield one
        finally:
            self._streams.remove(stream)

    def market(self, wanted: Wanted) -> MarketFeed:
        """Return a feed of the market; what is missing in it is asked for here."""
        return MarketFeed(self._wire, self._question, wanted, self._pace)

    async def candles(self, symbol: str, interval: str, first_ms: int, last_ms: int) -> Answer[tuple[Candle, ...]]:
        """Ask for the candles that opened from `first_ms` to `last_ms`, which have all closed; the oldest of many."""
        found = await self._question(candles_step(interval)(symbol, first_ms, last_ms))
        return Done(tuple(one for _, one in found.value), found.unread) if isinstance(found, Done) else found

    async def funding(self, symbol: str, first_ms: int, last_ms: int) -> Answer[tuple[tuple[int, Decimal], ...]]:
        """Ask for the rates of funding that were settled within a time, each beside its moment."""
        return await self._question(funding_step(symbol, first_ms, last_ms))

    async def close(self) -> None:
        """End the conversation; open orders stay where they are."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        for stream in tuple(self._streams):
            await stream.close()
        await self._wire.close()

    def usage(self) -> UsageView:
        """Return what the venue counted against us by its last answer."""
        return self._usage.view

    def venue_ms(self) -> int:
        """Return what time it is at the venue."""
        return self._clock.venue_ms(now_ms(), monotonic_ns())

    def clock(self) -> ClockView:
        """Return how far our wall clock is from the venue's."""
        return self._clock.view(now_ms(), monotonic_ns())

    def _begun(self, step: Step) -> Begun | None:
        """Send what changes something, if that can be done without a wait."""
        now = monotonic_ns()
        if not step.changes or self._ban.at(now):
            return None
        return self._wire.begin(step, self._clock.venue_ms(now_ms(), now))

    def _planned(self, call: Call) -> Plan | Refused:
        try:
            plan = plan_of(call, self._wire.endpoints.keys is not None)
        except Invalid as error:
            return Refused(NOT_SENT, str(error))
        if _opens(call) and self.clock().verdict is Verdict.STOP:
            return Refused(NOT_SENT, f"no entry while the clock is off, it is by {self.clock().ahead_ms} ms")
        return plan

    async def _carry_out(self, plan: Plan | Refused, begun: Begun | None) -> Answer[Any]:
        if isinstance(plan, Refused):
            return plan
        values: list[Any] = []
        changed = False
        for step in plan.steps:
            found = await self._once(step, begun) if step.changes else await self._question(step)
            begun = None
            if not isinstance(found, Done):
                return Unsure(f"done, but not shown: {found}"[:200]) if changed else found
            changed = changed or step.changes
            values.append(found.value)
        return found if plan.join is None else plan.join(values)

    async def _question(self, step: Step) -> Answer[Any]:
        """Ask, and ask again at once; whoever asks what is dear has a patience, and counts what it spends."""
        found = await self._once(step)
        for _ in range(QUESTIONS_MAX - 1):
            is_lost = isinstance(found, Unsure) or has_failed(found)
            if not _is_late(found) and (not is_lost or step.weight >= DEAR_WEIGHT):
                return found
            found = await self._once(step)
        return found

    async def _once(self, step: Step, begun: Begun | None = None) -> Answer[Any]:
        shut = None if begun else self._ban.at(monotonic_ns())
        found = shut or await self._sent(step, begun)
        if _is_late(found):
            await self._ask_time()
        return found

    async def _sent(self, step: Step, begun: Begun | None = None) -> Answer[Any]:
        if begun is not None:
            reply: Reply | NotSent | Lost = self._wire.heard(await begun)
        else:
            reply = await self._wire.send(step, self._clock.venue_ms(now_ms(), monotonic_ns()))
        if isinstance(reply, NotSent):
            return Refused(NOT_SENT, reply.reason)
        if isinstance(reply, Lost):
            return Unsure(reply.reason)
        found = answer(reply, step.read, now_ms())
        self._ban.hear(found, monotonic_ns())
        return found

    async def _ask_time(self) -> None:
        async with self._asking_time:
            sent = monotonic_ns()
            found = self._ban.at(sent) or await self._sent(TIME)
            if isinstance(found, Done):
                self._clock.hear(Sample(found.value, sent, monotonic_ns()))

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(self._pace.clock_s)
            await self._ask_time()


def _is_late(found: Answer[Any]) -> bool:
    return isinstance(found, Refused) and found.code == CLOCK_OFF


def _opens(call: Call) -> bool:
    """Return whether a call may add risk; what only reduces it goes out under any clock."""
    if isinstance(call, Place):
        return not call.intent.reduce_only
    return isinstance(call, PlaceMany) and not all(intent.reduce_only for intent in call.intents)
