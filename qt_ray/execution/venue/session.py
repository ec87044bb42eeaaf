"""Session: the port to a venue. One method asks, one listens; who stands behind it is decided at the edge.

Nothing a venue says is an exception: an answer is a value. Behind the port stand the simulated exchange in this
process, the adapter that speaks the real protocol, and the faulty network of the tests; one suite holds for all.
"""

from collections.abc import AsyncIterator, Awaitable
from typing import Any, Protocol, runtime_checkable

from qt_ray.execution.venue.calls import Answer, Call
from qt_ray.execution.venue.news import News
from qt_ray.execution.venue.views import UsageView


class VenueSession(Protocol):
    """A signed-in conversation with one account at one venue."""

    async def ask(self, call: Call) -> Answer[Any]:
        """Carry out one call and return what came of it.

        Of `Done` the value is: OrderView for Place, Cancel, CancelById, Amend and AskOrder; a tuple of
        `Done[OrderView] | Refused` in request order for PlaceMany and CancelMany; None for CancelAll, Countdown and
        the setters but SetLeverage, whose value is a SymbolMode; tuples of OrderView, TradeView, IncomeView,
        PositionView for the lists; AccountView, ModeView, KeyView, RulesView, Brackets, BookView; a dict of symbol
        to MarkView for AskMarks; the venue's milliseconds for AskTime.
        """

    def news(self) -> AsyncIterator[News]:
        """Yield what the venue tells this account, beginning with StreamUp, through every reconnect."""

    async def close(self) -> None:
        """End the conversation; open orders stay where they are."""


@runtime_checkable
class Prompt(Protocol):
    """A session that can begin a call before anybody waits for what comes of it."""

    def start(self, call: Call) -> Awaitable[Answer[Any]]:
        """Begin a call as far as no wait is needed for it, and return the rest of `ask`."""


@runtime_checkable
class Metered(Protocol):
    """A session whose venue says what it has counted against us, whichever process of ours asked."""

    def usage(self) -> UsageView:
        """Return the venue's count as of its last answer."""


@runtime_checkable
class Windowed(Protocol):
    """A session that says in each request until when the venue may carry it out; later than that it cannot arrive."""

    @property
    def receive_window_ms(self) -> int:
        """Return how long after it was sent a request may still be carried out."""
