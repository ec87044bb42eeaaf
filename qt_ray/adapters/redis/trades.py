"""Trades in Redis: one hash a trade, with the digest of its body, moved only in a transaction that watched it.

Which trades are open, and since when the others are over, is kept beside them in the same transaction. A client that
cannot tell whether a write was done says so: the next read shows, and a write of the same revision again is a conflict.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError

from qt_ray.adapters.redis.link import answering, linked_blocking
from qt_ray.core.codec import canonical, decode, digest
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.restore import restore
from qt_ray.governance.trade_state import KEPT_MS, Conflict, Trade, TradeSignal, moved, written

R = TypeVar("R")
Change = Callable[[Pipeline], None]

TRIES_MAX: Final = 100


class RedisTrades:
    """A TradeStateStore of one fund, for any number of threads and processes."""

    def __init__(self, address: Path | str, fund: str = "fund") -> None:
        self._redis: Redis = linked_blocking(address)
        self._name = f"qt:{fund}:trade:"
        self._open, self._over = f"qt:{fund}:trades:open", f"qt:{fund}:trades:over"

    def save(self, trade: Trade) -> Trade | Conflict:
        """Keep a new trade, or what else became known of one, and return it with its new revision."""
        return self._changed(trade.id, lambda found: written(found, trade))

    def get(self, trade_id: str) -> Trade | None:
        """Return a trade, or nothing if there never was one or it has expired."""
        with answering("a trade"):
            return self._trade(trade_id, self._redis.hgetall(self._key(trade_id)))

    def delete(self, trade_id: str, revision: int) -> Conflict | None:
        """Forget a trade that is still of `revision`; one that is unknown already is no conflict."""

        def decide(found: Trade | None) -> tuple[Conflict | None, Change | None]:
            if found is None or found.revision != revision:
                return (Conflict(found) if found else None), None
            return None, partial(self._forget, trade_id)

        return self._alone(trade_id, decide)

    def list_open_trades(self) -> tuple[Trade, ...]:
        """Return every trade that is not over, by id."""
        with answering("open trades"):
            members: Any = self._redis.smembers(self._open)
        names = sorted(name.decode() for name in members)
        found = [self.get(name) for name in names]
        return tuple(trade for trade in found if trade is not None and not trade.status.is_over)

    def transition(
        self, trade_id: str, signal: TradeSignal, at_ms: int, revision: int, reason: str = ""
    ) -> Trade | Conflict:
        """Move a trade along the table and return it; Invalid if the table has no such row."""
        return self._changed(trade_id, lambda found: moved(found, signal, at_ms, revision, reason))

    def expire(self, now_ms: int, kept_ms: int = KEPT_MS) -> int:
        """Forget trades that have been over for longer than `kept_ms` and return how many there were."""
        with answering("trades that are over"):
            old: Any = self._redis.zrangebyscore(self._over, "-inf", f"({now_ms - kept_ms}")
            with self._redis.pipeline(transaction=True) as both:
                for name in old:
                    self._forget(name.decode(), both)
                both.execute()
        return len(old)

    def close(self) -> None:
        """Give the connections back."""
        self._redis.close()

    def _changed(self, trade_id: str, change: Callable[[Trade | None], Trade | Conflict]) -> Trade | Conflict:
        def decide(found: Trade | None) -> tuple[Trade | Conflict, Change | None]:
            wanted = change(found)
            return wanted, (partial(self._put, wanted) if isinstance(wanted, Trade) else None)

        return self._alone(trade_id, decide)

    def _alone(self, trade_id: str, decide: Callable[[Trade | None], tuple[R, Change | None]]) -> R:
        """Return what is decided about a trade, once what follows from it was done before anybody else wrote."""
        key = self._key(trade_id)
        with answering("a trade"), self._redis.pipeline(transaction=True) as together:
            for _ in range(TRIES_MAX):
                together.watch(key)  # type: ignore[no-untyped-call]
                answer, change = decide(self._trade(trade_id, together.hgetall(key)))
                if change is None or _done(together, change):
                    return answer
        raise Retryable(f"redis: a trade is written alone, {trade_id} was not {TRIES_MAX} times")

    def _put(self, trade: Trade, both: Pipeline) -> None:
        both.hset(self._key(trade.id), mapping={"digest": digest(trade), "body": canonical(trade)})
        if trade.status.is_over:
            both.srem(self._open, trade.id)
            both.zadd(self._over, {trade.id: trade.updated_ms})
        else:
            both.sadd(self._open, trade.id)

    def _forget(self, trade_id: str, both: Pipeline) -> None:
        both.delete(self._key(trade_id))
        both.srem(self._open, trade_id)
        both.zrem(self._over, trade_id)

    def _trade(self, trade_id: str, row: Any) -> Trade | None:
        if not row:
            return None
        data = decode(row[b"body"])
        if digest(data) != row[b"digest"].decode():
            raise Invalid(f"redis: a trade agrees with its digest, {trade_id} does not")
        return restore(Trade, data)

    def _key(self, trade_id: str) -> str:
        return f"{self._name}{trade_id}"


def _done(together: Pipeline, change: Change) -> bool:
    """Return whether a change was made before anybody else wrote."""
    together.multi()
    change(together)
    try:
        together.execute()
    except WatchError:
        return False
    return True
