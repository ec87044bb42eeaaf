"""Calls: everything we may ask of a venue, one value each.

A call is data, so it can be put in a lane, weighed, journalled, refused by the fence, lost by a simulated network and
sent again, all without knowing how a venue is spoken to. `Answer` says what came of it; only the venue's own word
makes it `Refused`. Everything else is `Unsure`, and an unsure call may have been carried out.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Intent, Side

BATCH_MAX = 5
NOT_SENT = 0
LEVELS = (5, 10, 20, 50, 100, 500, 1_000)


@dataclass(frozen=True, slots=True)
class Place:
    """Place one order; a conditional type rests as an algo order."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class PlaceMany:
    """Place up to five plain orders; each element is answered for itself."""

    intents: tuple[Intent, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel one order by our name for it."""

    symbol: str
    client_id: str
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class CancelById:
    """Cancel one order by the venue's name for it: someone else's, or one without a usable name."""

    symbol: str
    venue_id: str
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class CancelMany:
    """Cancel up to ten plain orders of one symbol; each element is answered for itself."""

    symbol: str
    client_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CancelAll:
    """Cancel every plain order of a symbol, or every conditional one."""

    symbol: str
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class Amend:
    """Change price and whole quantity of a resting limit order."""

    symbol: str
    client_id: str
    side: Side
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Countdown:
    """Let the venue cancel all plain orders of a symbol after so long without another word; 0 disarms."""

    symbol: str
    after_ms: int


@dataclass(frozen=True, slots=True)
class AskOrder:
    """Ask what became of one order."""

    symbol: str
    client_id: str
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class AskOpenOrders:
    """Ask for all open orders of a symbol, or of all."""

    symbol: str | None = None
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class AskTrades:
    """Ask for our trades of a symbol, from a trade id or a moment on, a page at a time."""

    symbol: str
    from_id: int | None = None
    since_ms: int | None = None
    limit: int = 1_000


@dataclass(frozen=True, slots=True)
class AskIncome:
    """Ask for what moved the wallet since a moment: funding, transfers, fees, insurance."""

    since_ms: int
    kind: str | None = None
    limit: int = 1_000


@dataclass(frozen=True, slots=True)
class AskPositions:
    """Ask for the positions."""

    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class AskAccount:
    """Ask for balances and margin."""


@dataclass(frozen=True, slots=True)
class AskMode:
    """Ask for the account's settings: hedge mode, multi-asset margin, and each symbol's leverage and margin type."""


@dataclass(frozen=True, slots=True)
class AskKey:
    """Ask what the key itself may do."""


@dataclass(frozen=True, slots=True)
class AskRules:
    """Ask for every symbol's filters, and for the limits on calls."""


@dataclass(frozen=True, slots=True)
class AskBrackets:
    """Ask for every symbol's leverage brackets."""


@dataclass(frozen=True, slots=True)
class AskBook:
    """Ask for a symbol's order book, one of `LEVELS` deep: a venue shows no other depth, so nobody asks for one."""

    symbol: str
    levels: int = 100

    def __post_init__(self) -> None:
        if self.levels not in LEVELS:
            raise Invalid(f"a book is asked for {', '.join(map(str, LEVELS))} levels deep, was {self.levels}")


@dataclass(frozen=True, slots=True)
class AskMarks:
    """Ask for mark price, index and funding of every symbol."""


@dataclass(frozen=True, slots=True)
class AskTime:
    """Ask for the venue's clock."""


@dataclass(frozen=True, slots=True)
class SetLeverage:
    """Set a symbol's leverage."""

    symbol: str
    leverage: int


@dataclass(frozen=True, slots=True)
class SetMargin:
    """Set a symbol's margin type."""

    symbol: str
    isolated: bool


@dataclass(frozen=True, slots=True)
class SetHedgeMode:
    """Hold long and short of one symbol side by side, or net."""

    hedge: bool


Call = (
    Place
    | PlaceMany
    | Cancel
    | CancelById
    | CancelMany
    | CancelAll
    | Amend
    | Countdown
    | AskOrder
    | AskOpenOrders
    | AskTrades
    | AskIncome
    | AskPositions
    | AskAccount
    | AskMode
    | AskKey
    | AskRules
    | AskBrackets
    | AskBook
    | AskMarks
    | AskTime
    | SetLeverage
    | SetMargin
    | SetHedgeMode
)

T = TypeVar("T", covariant=True)


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The venue did it, or answers the question.

    `unread` names, for each element of a list that broke a rule, the rule: while there is one, what is missing in
    `value` is not known to be gone.
    """

    value: T
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The venue's definite no, with its code: the call changed nothing.

    `NOT_SENT` is no code of a venue's: no byte has left, so there is nothing to wait for.
    """

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """The venue did not look at the call because too much was asked; `banned` once it has shut the door."""

    code: int
    retry_after_ms: int
    banned: bool = False


@dataclass(frozen=True, slots=True)
class Unsure:
    """No word, or a word that means nothing: the call may have been carried out, now or later."""

    reason: str


Answer = Done[T] | Refused | Throttled | Unsure


def worded(answer: Answer[object]) -> str:
    """Return what came of a call as a person would say it."""
    if isinstance(answer, Done):
        return "done"
    if isinstance(answer, Refused):
        return f"not reached, {answer.message}" if answer.code == NOT_SENT else f"{answer.code} {answer.message}"
    if isinstance(answer, Throttled):
        return f"too much was asked, again in {answer.retry_after_ms} ms"
    return f"no clear answer, {answer.reason}"
