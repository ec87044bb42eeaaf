"""Endpoints: where a venue stands, and nothing else about it, so that paper, testnet and live run the same code."""

from dataclasses import dataclass

from yarl import URL


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The doors of one venue: REST, web sockets, and where it tells what a key may do, if it does."""

    rest: str
    streams: str
    keys: str | None = None

    def request(self, path: str, query: str) -> URL:
        """Return the exact address of a request; its bytes are the ones that were signed."""
        return _exact(f"{self.rest}{path}?{query}" if query else f"{self.rest}{path}")

    def keys_request(self, path: str, query: str) -> URL:
        """Return the exact address of a question about the key itself."""
        return _exact(f"{self.keys or self.rest}{path}?{query}")

    def private(self, listen_key: str) -> URL:
        """Return the address of an account's own stream."""
        return _exact(f"{self.streams}/private/ws?listenKey={listen_key}")

    def public(self) -> URL:
        """Return the address of books and best prices."""
        return _exact(f"{self.streams}/public/stream")

    def market(self) -> URL:
        """Return the address of trades, marks and candles."""
        return _exact(f"{self.streams}/market/stream")


PAPER = Endpoints("http://127.0.0.1:18080", "ws://127.0.0.1:18080", "http://127.0.0.1:18080")
TESTNET = Endpoints("https://testnet.binancefuture.com", "wss://fstream.binancefuture.com")
LIVE = Endpoints("https://fapi.binance.com", "wss://fstream.binance.com", "https://api.binance.com")

KINDS = {"paper": PAPER, "testnet": TESTNET, "live": LIVE}


def _exact(text: str) -> URL:
    # Anything that re-quotes an address breaks its signature.
    return URL(text, encoded=True)
