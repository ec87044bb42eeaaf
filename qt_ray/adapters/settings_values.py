"""Settings values: what a word in a file, a variable or a flag may mean.

Money and fractions arrive as quoted strings and become exact decimals; a bare 0.05 is refused, because it was
already rounded when the file was read. Each rule is one phrase that an error line repeats.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from qt_ray.core.codec import parse_decimal
from qt_ray.core.errors import Invalid

SYMBOLS_MAX = 1_000
SYMBOL_LETTERS_MAX = 30
NAME_LETTERS_MAX = 64


class Section(BaseModel):
    """A group of settings: closed, so a misspelt key is an error, and frozen, so a run keeps what it read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def exact(value: Any) -> Any:
    """Return a decimal from a quoted number or a whole one."""
    if isinstance(value, float):
        raise ValueError(f"an exact number in quotes, such as '{value}'")
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError("an exact number in quotes")
    if not isinstance(value, str):
        return Decimal(value)
    try:
        return parse_decimal(value.strip())
    except Invalid as error:
        raise ValueError("an exact number such as '0.05'") from error


def amount(value: Any) -> Any:
    """Return an exact number above zero."""
    found = exact(value)
    if found <= 0:
        raise ValueError("a positive amount")
    return found


def not_negative(value: Any) -> Any:
    """Return an exact number, zero or above."""
    found = exact(value)
    if found < 0:
        raise ValueError("zero or more")
    return found


def rate(value: Any) -> Any:
    """Return basis points, to a hundredth, the finest that fee tables hold; a rebate is below zero."""
    found = exact(value)
    if not -100 <= found <= 1_000 or found * 100 % 1 != 0:
        raise ValueError("basis points from -100 to 1000, to a hundredth")
    return found


def whole(value: Any) -> Any:
    """Return a whole number, refusing the true and false that Python counts among them."""
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError("a whole number")
    return value


def name(value: Any) -> Any:
    """Return a short printable word, usable in ids and file names."""
    good = isinstance(value, str) and 0 < len(value) <= NAME_LETTERS_MAX
    if not good or not all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in value):
        raise ValueError(f"a name of up to {NAME_LETTERS_MAX} ASCII letters, digits, '.', '_' and '-'")
    return value


def symbol(value: Any) -> str:
    """Return a venue's symbol in its upper-case spelling."""
    word = value.strip().upper() if isinstance(value, str) else ""
    if not 0 < len(word) <= SYMBOL_LETTERS_MAX or not word.replace("_", "").isalnum():
        raise ValueError(f"symbols such as BTCUSDT, was {value!r:.40}")
    return word


def symbols(value: Any) -> Any:
    """Return distinct symbols from a list or from words between commas."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not 0 < len(words) <= SYMBOLS_MAX:
        raise ValueError(f"a list of 1 to {SYMBOLS_MAX} symbols")
    found = tuple(symbol(word) for word in words)
    if len(set(found)) < len(found):
        raise ValueError("a list that names each symbol once")
    return found


def by_symbol(value: Any) -> Any:
    """Return a table whose keys are symbols."""
    if not isinstance(value, dict):
        raise ValueError("a table of symbol and amount")
    return {symbol(key): item for key, item in value.items()}


def moment(value: Any) -> Any:
    """Return a day or an instant as RFC 3339 in UTC; without an offset it is UTC."""
    try:
        found = datetime.fromisoformat(value)
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError("a day or time such as 2025-01-31 or 2025-01-31T08:00:00Z") from error
    return found.strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds(text: str) -> int:
    """Return a moment as milliseconds since 1970 UTC."""
    return int(datetime.fromisoformat(text).timestamp()) * 1_000


Exact = Annotated[Decimal, BeforeValidator(exact)]
Amount = Annotated[Decimal, BeforeValidator(amount)]
NotNegative = Annotated[Decimal, BeforeValidator(not_negative)]
Rate = Annotated[Decimal, BeforeValidator(rate)]
Whole = Annotated[int, BeforeValidator(whole), Field(ge=0, le=2**53)]
Count = Annotated[int, BeforeValidator(whole), Field(ge=1, le=2**31)]
Share = Annotated[int, BeforeValidator(whole), Field(ge=0, le=10_000)]
Name = Annotated[str, BeforeValidator(name)]
Symbols = Annotated[tuple[str, ...], BeforeValidator(symbols)]
BySymbol = Annotated[dict[str, Amount], BeforeValidator(by_symbol)]
Moment = Annotated[str, BeforeValidator(moment)]
Text = Annotated[str, Field(min_length=1, max_length=500)]
