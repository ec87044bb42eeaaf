"""Market streams: what is wanted of the market, spread over sockets that the venue does not find too much.

Books and best prices come through one door, everything else through another. A socket carries far fewer streams than
the venue allows, so that the loss of one is a small loss, and asks for them in few messages.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import orjson

STREAMS_MAX: Final = 200
NAMES_MAX: Final = 50


class Stream(StrEnum):
    """A kind of market data."""

    BEST = "bookTicker"
    DEPTH = "depth@100ms"
    TRADES = "aggTrade"
    MARK = "markPrice@1s"
    CANDLES = "kline"

    @property
    def is_public(self) -> bool:
        """Return whether it comes through the door of the books."""
        return self in (Stream.BEST, Stream.DEPTH)

    @property
    def is_lively(self) -> bool:
        """Return whether a socket that carries it is never silent for seconds, but where something is wrong."""
        return self in (Stream.BEST, Stream.DEPTH, Stream.MARK)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The symbols and kinds of market data to hear; `interval` is that of the candles."""

    symbols: tuple[str, ...]
    kinds: frozenset[Stream]
    interval: str = "1m"

    def names(self, public: bool) -> list[str]:
        """Return the names of the streams behind one of the doors."""
        kinds = [kind for kind in Stream if kind in self.kinds and kind.is_public is public]
        return [f"{symbol.lower()}@{self._suffix(kind)}" for kind in kinds for symbol in self.symbols]

    def _suffix(self, kind: Stream) -> str:
        return f"{kind}_{self.interval}" if kind is Stream.CANDLES else kind.value


@dataclass(frozen=True, slots=True)
class Shard:
    """What one socket carries."""

    public: bool
    names: tuple[str, ...]

    @property
    def is_lively(self) -> bool:
        """Return whether silence on its socket means that something is wrong."""
        endings = tuple(f"@{kind.value}" for kind in Stream if kind.is_lively)
        return any(name.endswith(endings) for name in self.names)

    def subscriptions(self) -> Iterator[str]:
        """Yield the messages that ask for it."""
        for at, names in enumerate(_cut(self.names, NAMES_MAX)):
            yield orjson.dumps({"method": "SUBSCRIBE", "params": names, "id": at + 1}).decode()


def shards(wanted: Wanted) -> list[Shard]:
    """Return what is wanted, by socket."""
    return [
        Shard(public, tuple(names)) for public in (True, False) for names in _cut(wanted.names(public), STREAMS_MAX)
    ]


def _cut(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))
