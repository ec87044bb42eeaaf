"""A client without sockets: it signs like any other and speaks to the door itself."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import numpy as np
import orjson

from qt_ray.adapters.paper.door import Reply, http_request
from qt_ray.adapters.paper.keys import sign
from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue
from qt_ray.market.bars import Bars

START_MS = 1_790_000_000_000
PRICE = 70_000.0
KEY, SECRET = "paper", "paper"


class Watch:
    """A clock that goes when it is told to."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


def still_bars(*symbols: str, price: float = PRICE) -> Bars:
    """Return bars in which nothing moves."""
    names = symbols or ("BTCUSDT",)
    column = np.full((2, len(names)), price)
    ts = START_MS - START_MS % 60_000 + np.arange(2, dtype=np.int64) * 60_000
    return Bars(names, 60_000, ts, column, column, column, column, np.full_like(column, 10.0))


def venue(**changes: Any) -> PaperVenue:
    """Return a venue that has not been started, with one symbol that stands still."""
    wanted: dict[str, Any] = {
        "symbols": ("BTCUSDT",),
        "balance": Decimal(100_000),
        "key": KEY,
        "secret": SECRET,
        "step_ms": 0,
        "bars": still_bars(),
        "now_ms": Watch(),
    }
    return PaperVenue(PaperSettings(**{**wanted, **changes}))


def signed(secret: str, now_ms: int, fields: dict[str, Any]) -> bytes:
    """Return fields as a signed query."""
    query = urlencode({**fields, "timestamp": now_ms}).encode()
    return query + b"&signature=" + sign(secret.encode(), query).encode()


class Client:
    """Someone with a key."""

    def __init__(self, venue: PaperVenue, key: str = KEY, secret: str = SECRET) -> None:
        self.venue, self.key, self.secret = venue, key, secret

    def reply(self, method: str, path: str, **fields: Any) -> Reply:
        query = signed(self.secret, self.venue.hall.now(), fields)
        return self.venue.door.ask(http_request(method, path, query, b"", self.key))

    def ask(self, method: str, path: str, **fields: Any) -> Any:
        return orjson.loads(self.reply(method, path, **fields).body)

    def order(self, side: str = "BUY", quantity: str = "0.01", price: str | None = None, **more: Any) -> Any:
        fields = {"symbol": "BTCUSDT", "side": side, "type": "MARKET", "quantity": quantity, **more}
        if price is not None:
            fields |= {"type": "LIMIT", "price": price, "timeInForce": more.get("timeInForce", "GTC")}
        return self.ask("POST", "/fapi/v1/order", **fields)
