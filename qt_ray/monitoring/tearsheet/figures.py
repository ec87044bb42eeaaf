"""Figures: how a number is written for people.

A figure has a sign where the sign matters, a space between thousands, and its unit; what is not known is
"n/a".
"""

from datetime import UTC, datetime
from math import isfinite

from qt_ray.monitoring.tearsheet.markup import Html, tag

NA = "n/a"
MINUS = "\u2212"
SPACE = "\u202f"
UP, DOWN = "\u25b2", "\u25bc"


def number(value: float, places: int = 2, signed: bool = False) -> str:
    """Return a number with grouped thousands."""
    if not isfinite(value):
        return NA
    text = f"{abs(value):,.{places}f}".replace(",", SPACE)
    if not any(digit in text for digit in "123456789"):
        return text
    return (MINUS if value < 0 else "+" if signed else "") + text


def percent(value: float, places: int = 2, signed: bool = False) -> str:
    """Return a fraction in percent."""
    if not isfinite(value):
        return NA
    if abs(value) >= 100:
        places = 0
    return number(value * 100, places, signed) + f"{SPACE}%"


def money(units: float, signed: bool = False) -> str:
    """Return 1e-8 units of the quote currency to the cent, more places for what is smaller than a cent."""
    value = units / 1e8
    return number(value, 2 if value == 0 or abs(value) >= 0.1 else 6, signed)


def times(value: float, places: int = 2) -> str:
    """Return a multiple."""
    return number(value, places) + "\u00d7" if isfinite(value) else NA


def count(value: int) -> str:
    """Return a whole number."""
    return number(value, 0)


def duration(ms: float) -> str:
    """Return a length of time in the unit that suits it."""
    if not isfinite(ms):
        return NA
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000)):
        if ms >= size:
            places = 1 if ms < 10 * size and ms % size else 0
            return f"{number(ms / size, places)}{SPACE}{unit}"
    return f"{number(ms / 1000, 0)}{SPACE}s"


def span(ms: float) -> str:
    """Return a length of time in words."""
    for unit, size in (("day", 86_400_000), ("hour", 3_600_000)):
        if ms >= 2 * size:
            return f"{number(round(ms / size), 0)} {unit}s"
    return f"{number(ms / 60_000, 0)} minutes"


def date(ms: int) -> str:
    """Return a day in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")


def day(ms: int) -> Html:
    """Return a day that no line breaks."""
    return tag("span", date(ms), class_="nb")


def minute(ms: int) -> str:
    """Return a time to the minute in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def tone(value: float) -> str:
    """Return the class that colours a gain or a loss."""
    return "up" if value > 0 else "down" if value < 0 else "flat"


def toned(text: str, value: float) -> Html:
    """Return a figure in the colour of a gain or a loss; its sign says the same."""
    return tag("span", text, class_=tone(value))


def side(sign: int) -> Html:
    """Return a side with its triangle."""
    return tag("span", f"{UP} LONG" if sign > 0 else f"{DOWN} SHORT", class_="up" if sign > 0 else "down")
