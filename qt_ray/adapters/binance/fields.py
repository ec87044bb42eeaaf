"""Fields: the strict reading of one object from the wire; what breaks a rule is named by its place.

Fields nobody asked for are ignored, for the venue adds some every month. A field that is needed is there, is of its
JSON kind, and is a number only if the regular expression of `parse_decimal` says so.
"""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from qt_ray.core.codec import parse_decimal
from qt_ray.core.errors import Invalid

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")
ZERO = Decimal(0)


class Fields:
    """An object from the wire and the place it was found at."""

    __slots__ = ("_data", "where")

    def __init__(self, data: object, where: str) -> None:
        if not isinstance(data, dict):
            raise Invalid(f"{where}: an object, was {data!r:.60}")
        self._data = data
        self.where = where

    def has(self, name: str) -> bool:
        """Return whether a field is there and says something."""
        return self._data.get(name) not in (None, "")

    def raw(self, name: str) -> Any:
        """Return a field as it came."""
        try:
            return self._data[name]
        except KeyError:
            raise Invalid(f"{self.where}.{name}: present, was missing") from None

    def text(self, name: str, default: str | None = None) -> str:
        """Return a string."""
        value = self.raw(name) if default is None else self._data.get(name, default)
        if type(value) is not str:
            raise Invalid(f"{self.where}.{name}: a string, was {value!r:.60}")
        return value

    def flag(self, name: str, default: bool | None = None) -> bool:
        """Return a boolean."""
        value = self.raw(name) if default is None else self._data.get(name, default)
        if type(value) is not bool:
            raise Invalid(f"{self.where}.{name}: true or false, was {value!r:.60}")
        return value

    def whole(self, name: str) -> int:
        """Return a whole number, zero or above."""
        value = self.raw(name)
        if type(value) is not int or value < 0:
            raise Invalid(f"{self.where}.{name}: a whole number from 0, was {value!r:.60}")
        return value

    def moment(self, name: str) -> int:
        """Return milliseconds; in some events they are a string."""
        value = self.raw(name)
        if type(value) is str and value.isascii() and value.isdigit() and len(value) < 20:
            return int(value)
        return self.whole(name)

    def number(self, name: str) -> Decimal:
        """Return an exact number, which the wire carries as a string."""
        value = self.raw(name)
        try:
            return parse_decimal(value)
        except Invalid as error:
            raise Invalid(f"{self.where}.{name}: {error}") from None

    def amount(self, name: str) -> Decimal:
        """Return an exact number, zero or above."""
        value = self.number(name)
        if value < 0:
            raise Invalid(f"{self.where}.{name}: zero or above, was {value}")
        return value

    def positive(self, name: str) -> Decimal:
        """Return an exact number above zero."""
        value = self.number(name)
        if value <= 0:
            raise Invalid(f"{self.where}.{name}: above zero, was {value}")
        return value

    def price(self, name: str) -> Decimal | None:
        """Return a price, or nothing where the wire says zero or nothing, which means that there is none."""
        if not self.has(name):
            return None
        return self.amount(name) or None

    def ratio(self, name: str) -> Decimal:
        """Return a ratio, zero or above, which leverage brackets carry as a JSON number."""
        value = self.raw(name)
        found = parse_decimal(repr(value)) if type(value) in (int, float) else self.number(name)
        if found < 0:
            raise Invalid(f"{self.where}.{name}: zero or above, was {found}")
        return found

    def member(self, name: str, kind: type[E]) -> E:
        """Return a word of a closed set that we have a type for."""
        value = self.raw(name)
        try:
            return kind(value)
        except ValueError:
            raise Invalid(f"{self.where}.{name}: one of {', '.join(kind)}, was {value!r:.60}") from None

    def word(self, name: str, known: frozenset[str]) -> str:
        """Return a word of a closed set that stays the venue's own."""
        value = self.raw(name)
        if type(value) is not str or value not in known:
            raise Invalid(f"{self.where}.{name}: one of {', '.join(sorted(known))}, was {value!r:.60}")
        return value

    def part(self, name: str) -> "Fields":
        """Return an object inside this one."""
        return Fields(self.raw(name), f"{self.where}.{name}")

    def parts(self, name: str, count: int | None = None) -> list["Fields"]:
        """Return the objects of a list inside this one, of which there are `count` if that is known."""
        items = self.items(name)
        if count not in (None, len(items)):
            raise Invalid(f"{self.where}.{name}: {count} of them, were {len(items)}")
        return [Fields(item, f"{self.where}.{name}[{at}]") for at, item in enumerate(items)]

    def items(self, name: str) -> list[Any]:
        """Return a list inside this object."""
        value = self.raw(name)
        if not isinstance(value, list):
            raise Invalid(f"{self.where}.{name}: a list, was {value!r:.60}")
        return value


def each(data: object, where: str, read: Callable[[Fields], T]) -> tuple[tuple[T, ...], tuple[str, ...]]:
    """Return what could be read of a list, and the rules that the rest of it broke."""
    if not isinstance(data, list):
        raise Invalid(f"{where}: a list, was {data!r:.60}")
    found, broken = [], []
    for at, item in enumerate(data):
        try:
            found.append(read(Fields(item, f"{where}[{at}]")))
        except Invalid as error:
            broken.append(str(error))
    return tuple(found), tuple(broken)
