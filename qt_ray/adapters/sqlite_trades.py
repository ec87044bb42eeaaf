"""Trades in SQLite: one row a trade, with the digest of its body, because SQLite checks pages and not bytes.

Reading a revision and writing the next one is one transaction, so of two writers from one revision one loses.
"""

from pathlib import Path
from sqlite3 import Connection
from typing import Final

from qt_ray.adapters.sqlite_file import BUSY_MS_MAX, SqliteFile
from qt_ray.core.codec import canonical, decode, digest
from qt_ray.core.errors import Invalid
from qt_ray.core.restore import restore
from qt_ray.governance.trade_state import KEPT_MS, Conflict, Trade, TradeSignal, moved, written

SCHEMA: Final = 1
APPLICATION: Final = 0x51545241

_TABLE: Final = """
CREATE TABLE trades (
    id TEXT PRIMARY KEY, over INTEGER NOT NULL, updated_ms INTEGER NOT NULL, digest TEXT NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID
"""
_INDEX: Final = "CREATE INDEX over_at ON trades (over, updated_ms)"


class SqliteTrades:
    """A TradeStateStore in one file, for any number of threads and processes."""

    def __init__(self, path: Path, busy_ms_max: int = BUSY_MS_MAX) -> None:
        """Open the store at `path`, or make it; a file that is damaged or of another program is refused."""
        self._file = SqliteFile(path, "a trade store", APPLICATION, SCHEMA, (_TABLE, _INDEX), busy_ms_max)

    def save(self, trade: Trade) -> Trade | Conflict:
        """Keep a new trade, or what else became known of one, and return it with its new revision."""
        with self._file.writing() as link:
            return _put(link, written(self._row(link, trade.id), trade))

    def get(self, trade_id: str) -> Trade | None:
        """Return a trade, or nothing if there never was one or it has expired."""
        with self._file.reading() as link:
            return self._row(link, trade_id)

    def delete(self, trade_id: str, revision: int) -> Conflict | None:
        """Forget a trade that is still of `revision`; one that is unknown already is no conflict."""
        with self._file.writing() as link:
            found = self._row(link, trade_id)
            if found is not None and found.revision != revision:
                return Conflict(found)
            link.execute("DELETE FROM trades WHERE id = ?", (trade_id,))
            return None

    def list_open_trades(self) -> tuple[Trade, ...]:
        """Return every trade that is not over, by id."""
        with self._file.reading() as link:
            rows = link.execute("SELECT id, digest, body FROM trades WHERE over = 0 ORDER BY id").fetchall()
            return tuple(self._trade(*row) for row in rows)

    def transition(
        self, trade_id: str, signal: TradeSignal, at_ms: int, revision: int, reason: str = ""
    ) -> Trade | Conflict:
        """Move a trade along the table and return it; Invalid if the table has no such row."""
        with self._file.writing() as link:
            return _put(link, moved(self._row(link, trade_id), signal, at_ms, revision, reason))

    def expire(self, now_ms: int, kept_ms: int = KEPT_MS) -> int:
        """Forget trades that have been over for longer than `kept_ms` and return how many there were."""
        with self._file.writing() as link:
            gone = link.execute("DELETE FROM trades WHERE over = 1 AND updated_ms < ?", (now_ms - kept_ms,))
            return gone.rowcount

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def _row(self, link: Connection, trade_id: str) -> Trade | None:
        row = link.execute("SELECT id, digest, body FROM trades WHERE id = ?", (trade_id,)).fetchone()
        return None if row is None else self._trade(*row)

    def _trade(self, trade_id: str, kept: str, body: bytes) -> Trade:
        data = decode(body)
        if digest(data) != kept:
            raise Invalid(f"{self._file.name}: a trade agrees with its digest, {trade_id} does not")
        return restore(Trade, data)


def _put(link: Connection, trade: Trade | Conflict) -> Trade | Conflict:
    if isinstance(trade, Trade):
        row = (trade.id, trade.status.is_over, trade.updated_ms, digest(trade), canonical(trade))
        link.execute("INSERT OR REPLACE INTO trades VALUES (?, ?, ?, ?, ?)", row)
    return trade
