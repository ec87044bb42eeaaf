"""Ids: each one a function of what it names, so a retry, a replay or a restart says the same name again.

Nothing here is drawn from dice or a clock. A client order id is `qt-{strategy}-{intent}-{n}`: the intent is
what was wanted, `n` counts the attempts at it, and the whole fits the venue's alphabet and 36 characters.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final

from qt_ray.core.codec import canonical
from qt_ray.core.errors import Invalid

Part = str | int

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
PAIRS: Final = tuple(high + low for high in ALPHABET for low in ALPHABET)
TOKEN_LENGTH: Final = 20
ATTEMPTS_MAX: Final = 999
NAMES_KEPT: Final = 4_096
VENUE_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
STRATEGY = re.compile(r"[a-z0-9_]{1,8}")
CLIENT_ORDER_ID = re.compile(rf"qt-([a-z0-9_]{{1,8}})-([{ALPHABET}]{{{TOKEN_LENGTH}}})-(0|[1-9][0-9]{{0,2}})")


def token(kind: str, *parts: Part) -> str:
    """Return 100 bits of name for `parts`, 20 characters without i, l, o, u."""
    bits = int.from_bytes(_hash(kind, parts)[:13], "big") >> 4
    return "".join([PAIRS[bits >> shift & 1023] for shift in range(5 * (TOKEN_LENGTH - 2), -1, -10)])


@lru_cache(NAMES_KEPT)  # a decision is named by its order, its events and its refusals
def decision_id(account: str, cycle_ms: int, symbol: str, policy_version: int) -> str:
    """Return the name of what one account decided about one symbol in one cycle under one policy."""
    return token("decision", account, cycle_ms, symbol, policy_version)


def intent_id(decision: str, purpose: str, leg: int = 0) -> str:
    """Return the name of one thing wanted by a decision: its entry, its stop, a slice of it."""
    return token("intent", decision, purpose, leg)


def event_id(source: str, kind: str, *parts: Part) -> str:
    """Return the name of an event; its source and what makes it unique there are its parts."""
    return token("event", source, kind, *parts)


def trace_id(*parts: Part) -> str:
    """Return a W3C trace id, 32 hexadecimal digits, never all zero."""
    found = _hash("trace", parts)[:16].hex()
    return found if found.strip("0") else "1".zfill(32)


@dataclass(frozen=True, slots=True)
class ClientOrderId:
    """The name our orders bear at the venue."""

    strategy: str
    intent: str
    attempt: int = 0

    def __post_init__(self) -> None:
        if not CLIENT_ORDER_ID.fullmatch(str(self)):
            raise Invalid(
                f"a client order id is qt-{{strategy}}-{{intent}}-{{n}}, a strategy of 1 to 8 of [a-z0-9_]"
                f" and n up to {ATTEMPTS_MAX}, was {str(self)!r:.60}"
            )

    def __str__(self) -> str:
        return f"qt-{self.strategy}-{self.intent}-{self.attempt}"

    def child(self) -> "ClientOrderId":
        """Return the name of the next attempt at the same intent."""
        return ClientOrderId(self.strategy, self.intent, self.attempt + 1)

    @staticmethod
    def parse(text: str) -> "ClientOrderId":
        """Return the parts of one of our names; any other name is refused."""
        found = CLIENT_ORDER_ID.fullmatch(text)
        if found is None:
            raise Invalid(f"a client order id of ours is qt-{{strategy}}-{{intent}}-{{n}}, was {text!r:.60}")
        return ClientOrderId(found[1], found[2], int(found[3]))


def is_ours(text: str) -> bool:
    """Return whether an order at the venue bears one of our names."""
    return CLIENT_ORDER_ID.fullmatch(text) is not None


def _hash(kind: str, parts: tuple[Part, ...]) -> bytes:
    for part in parts:
        if isinstance(part, bool) or not isinstance(part, str | int):
            raise Invalid(f"a part of an id is a string or a whole number, was {part!r:.60}")
    return sha256(canonical([kind, *parts])).digest()
