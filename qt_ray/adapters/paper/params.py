"""Params: what a client sent, read from raw bytes, because a signature is over bytes and not over meanings.

Query and form body are one set of names in which the query wins. Each reader names the parameter it refuses.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import unquote_plus

import orjson

from qt_ray.adapters.paper.refusals import denied
from qt_ray.core.codec import parse_decimal
from qt_ray.core.errors import Invalid

PARAMETERS_MAX = 200
AMOUNT = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
WHOLE = re.compile(r"[0-9]{1,19}")
CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
LEGAL_AMOUNT = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
LEGAL_WHOLE = r"^[0-9]{1,20}$"
LEGAL_CLIENT_ID = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"

Choice = TypeVar("Choice", bound=StrEnum)


def split_pairs(raw: bytes) -> Iterator[tuple[str, str]]:
    """Yield name and value of a raw query or form, decoded."""
    text = raw.decode("utf-8", "replace")
    is_plain = "%" not in text and "+" not in text
    for piece in text.split("&"):
        name, _, value = piece.partition("=")
        if name:
            yield (name, value) if is_plain else (unquote_plus(name), unquote_plus(value))


def signed_bytes(query: bytes, body: bytes) -> bytes:
    """Return the bytes a signature is over: the raw query and then the raw body, without the signature."""
    return _unsigned(query) + _unsigned(body)


def _unsigned(raw: bytes) -> bytes:
    if b"signature=" not in raw:
        return raw
    return b"&".join(piece for piece in raw.split(b"&") if not piece.startswith(b"signature="))


class Params:
    """The parameters of one call; an empty value is as good as none."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    @classmethod
    def read(cls, query: bytes, body: bytes) -> "Params":
        """Return the parameters of a raw query and a raw form body."""
        values = dict(split_pairs(body)) if body else {}
        values.update(split_pairs(query))
        if len(values) > PARAMETERS_MAX:
            raise denied(-1103)
        return cls(values)

    def maybe(self, name: str) -> str | None:
        """Return a parameter's text, or None when it was not sent."""
        return self._values.get(name) or None

    def text(self, name: str) -> str:
        """Return a parameter that must be sent."""
        found = self.maybe(name)
        if found is None:
            raise denied(-1102, name=name)
        return found

    def maybe_amount(self, name: str) -> Decimal | None:
        """Return an exact number, or None when it was not sent; signs, exponents and odd digits are refused."""
        text = self.maybe(name)
        if text is None:
            return None
        if not AMOUNT.fullmatch(text):
            raise denied(-1100, name=name, legal=LEGAL_AMOUNT)
        try:
            return parse_decimal(text)
        except Invalid:
            raise denied(-1100, name=name, legal=LEGAL_AMOUNT) from None

    def amount(self, name: str) -> Decimal:
        """Return an exact number that must be sent."""
        found = self.maybe_amount(name)
        if found is None:
            raise denied(-1102, name=name)
        return found

    def maybe_whole(self, name: str) -> int | None:
        """Return a whole number, or None when it was not sent."""
        text = self.maybe(name)
        if text is None:
            return None
        if not WHOLE.fullmatch(text):
            raise denied(-1100, name=name, legal=LEGAL_WHOLE)
        return int(text)

    def whole(self, name: str) -> int:
        """Return a whole number that must be sent."""
        found = self.maybe_whole(name)
        if found is None:
            raise denied(-1102, name=name)
        return found

    def limit(self, default: int, most: int) -> int:
        """Return how many rows are wanted, from 1 to `most`."""
        found = self.maybe_whole("limit")
        if found is not None and not 1 <= found <= most:
            raise denied(-1130, name="limit")
        return default if found is None else found

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a yes or no; any case of the letters is understood."""
        text = self.maybe(name)
        if text is None:
            return default
        if text.lower() not in ("true", "false"):
            raise denied(-1100, name=name, legal="^(true|false)$")
        return text.lower() == "true"

    def choice(self, name: str, kind: type[Choice], default: Choice | None = None, code: int = -1130) -> Choice:
        """Return one of a closed set of words; another is refused with `code`."""
        text = self.maybe(name)
        if text is None:
            if default is None:
                raise denied(-1102, name=name)
            return default
        try:
            return kind(text)
        except ValueError:
            raise denied(code, name=name) from None

    def client_id(self, name: str) -> str | None:
        """Return a client's own name for an order, or None; its alphabet and length are the venue's."""
        text = self.maybe(name)
        if text is not None and not CLIENT_ID.fullmatch(text):
            raise denied(-1100, name=name, legal=LEGAL_CLIENT_ID)
        return text

    def array(self, *names: str) -> list[Any]:
        """Return a JSON list under the first of `names` that was sent; clients differ in its spelling."""
        sent = next((text for name in names if (text := self.maybe(name))), None)
        if sent is None:
            raise denied(-1102, name=names[0])
        try:
            found = orjson.loads(sent)
        except orjson.JSONDecodeError:
            raise denied(-1130, name=names[0]) from None
        if not isinstance(found, list):
            raise denied(-1130, name=names[0])
        return found


def params_of(fields: Mapping[str, Any]) -> Params:
    """Return JSON fields, as a batch or a WebSocket carries them, as the parameters they stand for."""
    return Params({str(name): spelled(value) for name, value in fields.items() if value is not None})


def spelled(value: object) -> str:
    """Return a JSON value as a query would spell it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else orjson.dumps(value).decode()
