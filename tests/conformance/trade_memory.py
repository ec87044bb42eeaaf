"""A trade store in memory: honest, and gone with its process."""

from threading import Lock

from qt_ray.governance.trade_state import KEPT_MS, Conflict, Trade, TradeSignal, moved, written


class MemoryTrades:
    def __init__(self) -> None:
        self._rows: dict[str, Trade] = {}
        self._lock = Lock()

    def save(self, trade: Trade) -> Trade | Conflict:
        with self._lock:
            return self._put(written(self._rows.get(trade.id), trade))

    def get(self, trade_id: str) -> Trade | None:
        return self._rows.get(trade_id)

    def delete(self, trade_id: str, revision: int) -> Conflict | None:
        with self._lock:
            found = self._rows.get(trade_id)
            if found is not None and found.revision != revision:
                return Conflict(found)
            self._rows.pop(trade_id, None)
            return None

    def list_open_trades(self) -> tuple[Trade, ...]:
        with self._lock:
            return tuple(self._rows[name] for name in sorted(self._rows) if not self._rows[name].status.is_over)

    def transition(
        self, trade_id: str, signal: TradeSignal, at_ms: int, revision: int, reason: str = ""
    ) -> Trade | Conflict:
        with self._lock:
            return self._put(moved(self._rows.get(trade_id), signal, at_ms, revision, reason))

    def expire(self, now_ms: int, kept_ms: int = KEPT_MS) -> int:
        with self._lock:
            gone = [t.id for t in self._rows.values() if t.status.is_over and t.updated_ms < now_ms - kept_ms]
            for name in gone:
                del self._rows[name]
            return len(gone)

    def close(self) -> None:
        self._rows = {}

    def _put(self, trade: Trade | Conflict) -> Trade | Conflict:
        if isinstance(trade, Trade):
            self._rows[trade.id] = trade
        return trade
