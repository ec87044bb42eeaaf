"""Signing: HMAC-SHA256 over exactly the bytes that are sent, encoded once and never again.

A secret is held by one object, which shows nothing of it whichever way it is printed.
"""

import hmac
import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Final
from urllib.parse import quote

Pairs = tuple[tuple[str, str], ...]

# What quoting leaves as it is, which is nearly everything that an order says.
PLAIN: Final = re.compile(r"[A-Za-z0-9_.~-]*")


class Signer:
    """A key's two halves; only signatures come out."""

    __slots__ = ("_keyed", "api_key")

    def __init__(self, api_key: str, api_secret: str) -> None:
        self.api_key = api_key
        self._keyed = hmac.new(api_secret.encode(), digestmod=sha256)

    def __repr__(self) -> str:
        return "Signer(***)"

    def __reduce__(self) -> str:
        raise TypeError("a signer stays in its process")

    @property
    def headers(self) -> dict[str, str]:
        """Return what names the key to the venue."""
        return {"X-MBX-APIKEY": self.api_key}

    def sign(self, query: str) -> str:
        """Return a query with the signature of its bytes behind it."""
        keyed = self._keyed.copy()
        keyed.update(query.encode())
        return f"{query}&signature={keyed.hexdigest()}"


def encoded(pairs: Iterable[tuple[str, str]]) -> str:
    """Return parameters as a query, in their order."""
    return "&".join([f"{name}={value if PLAIN.fullmatch(value) else quote(value, safe='')}" for name, value in pairs])
