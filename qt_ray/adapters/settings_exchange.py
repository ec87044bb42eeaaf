"""Settings of the exchange: where orders go and how long anything there may take.

Paper, testnet and live differ here and by their keys, and nowhere else in the program.
"""

from typing import Literal, Self

from pydantic import model_validator

from qt_ray.adapters.settings_values import Count, Section, Text
from qt_ray.core.limits import RECEIVE_WINDOW_MS

# An emergency is acknowledged, and a dead gateway replaced, once nothing can arrive that was signed before; whoever
# waits for that counts with the default.
RECV_WINDOW_MS_MAX = RECEIVE_WINDOW_MS
SCHEMES = {"rest_url": ("http://", "https://"), "ws_url": ("ws://", "wss://")}


class Exchange(Section):
    """The exchange that orders go to; a backtest simulates its own."""

    kind: Literal["paper", "testnet", "live"] = "paper"
    """The paper venue on this machine, the venue's test network, or real money."""
    rest_url: Text | None = None
    """Another address for requests; null takes that of `kind`."""
    ws_url: Text | None = None
    """Another address for streams; given exactly when `rest_url` is."""
    recv_window_ms: Count = RECEIVE_WINDOW_MS
    """How late a request may reach the exchange and still be carried out; at most 2000."""
    connect_timeout_ms: Count = 2_000
    """How long connecting may take; what has not connected by then was never sent."""
    answer_timeout_ms: Count = 5_000
    """How long a whole call may take; what is not answered by then is uncertain, and is asked about."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.rest_url is None) is not (self.ws_url is None):
            raise ValueError("rest_url and ws_url come together")
        for name, schemes in SCHEMES.items():
            url: str | None = getattr(self, name)
            if url is not None and (not url.startswith(schemes) or url.endswith("/")):
                raise ValueError(f"{name} begins with {' or '.join(schemes)} and ends without a slash")
        if self.recv_window_ms > RECV_WINDOW_MS_MAX:
            raise ValueError(f"recv_window_ms is at most {RECV_WINDOW_MS_MAX}")
        return self
