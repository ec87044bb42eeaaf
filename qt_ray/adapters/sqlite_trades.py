"""Trades in SQLite: one file, one row a trade, every write whole and on disk before it is acknowledged.

The write-ahead log with synchronous=FULL survives kill -9 and a power cut; an immediate transaction makes reading a
revision and writing the next one step. A row carries the digest of its body, because SQLite checks pages, not bytes.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from qt_ray.core.codec import canonical, decode, digest
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.restore import restore
from qt_ray.governance.trade_state import KEPT_MS, Conflict, Trade, TradeSignal, moved, written

SCHEMA: Final = 1
APPLICATION: Final = 0x51545241
BUSY_MS_MAX: Final = 5_000

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
        self._name, self._lock = path.name, Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._named():
            self._link = sqlite3.connect(
                path, timeout=busy_ms_max / 1_000, isolation_level=None, check_same_thread=False
            )
        try:
            self._prepare()
        except (Invalid, Retryable):
            self._link.close()
            raise

    def save(self, trade: Trade) -> Trade | Conflict:
        """Keep a new trade, or what else became known of one, and return it with its new revision."""
        with self._writing():
            return self._put(written(self._row(trade.id), trade))

    def get(self, trade_id: str) -> Trade | None:
        """Return a trade, or nothing if there never was one or it has expired."""
        with self._lock, self._named():
            return self._row(trade_id)

    def delete(self, trade_id: str, revision: int) -> Conflict | None:
        """Forget a trade that is still of `revision`; one that is unknown already is no conflict."""
        with self._writing():
            found = self._row(trade_id)
            if found is not None and found.revision != revision:
                return Conflict(found)
            self._link.execute("DELETE FROM trades WHERE id = ?", (trade_id,))
            return None

    def list_open_trades(self) -> tuple[Trade, ...]:
        """Return every trade that is not over, by id."""
        with self._lock, self._named():
            rows = self._link.execute("SELECT id, digest, body FROM trades WHERE over = 0 ORDER BY id").fetchall()
            return tuple(self._trade(*row) for row in rows)

    def transition(
        self, trade_id: str, signal: TradeSignal, at_ms: int, revision: int, reason: str = ""
    ) -> Trade | Conflict:
        """Move a trade along the table and return it; Invalid if the table has no such row."""
        with self._writing():
            return self._put(moved(self._row(trade_id), signal, at_ms, revision, reason))

    def expire(self, now_ms: int, kept_ms: int = KEPT_MS) -> int:
        """Forget trades that have been over for longer than `kept_ms` and return how many there were."""
        with self._writing():
            gone = self._link.execute("DELETE FROM trades WHERE over = 1 AND updated_ms < ?", (now_ms - kept_ms,))
            return gone.rowcount

    def close(self) -> None:
        """Give the file back."""
        self._link.close()

    def _prepare(self) -> None:
        with self._named():
            self._link.execute("PRAGMA journal_mode = WAL")
            self._link.execute("PRAGMA synchronous = FULL")
            said = self._link.execute("PRAGMA quick_check").fetchone()[0]
        if said != "ok":
            raise Invalid(f"{self._name}: a trade store passes SQLite's own check, {said}")
        with self._writing():
            kind, schema = (
                self._link.execute(f"PRAGMA {of}").fetchone()[0] for of in ("application_id", "user_version")
            )
            if kind == schema == 0 and not self._link.execute("SELECT 1 FROM sqlite_master").fetchone():
                for statement in (
                    _TABLE,
                    _INDEX,
                    f"PRAGMA application_id = {APPLICATION}",
                    f"PRAGMA user_version = {SCHEMA}",
                ):
                    self._link.execute(statement)
            elif (kind, schema) != (APPLICATION, SCHEMA):
                raise Invalid(f"{self._name}: a trade store has schema {SCHEMA} of ours, was {schema} of {kind:#x}")

    def _row(self, trade_id: str) -> Trade | None:
        row = self._link.execute("SELECT id, digest, body FROM trades WHERE id = ?", (trade_id,)).fetchone()
        return None if row is None else self._trade(*row)

    def _trade(self, trade_id: str, kept: str, body: bytes) -> Trade:
        data = decode(body)
        if digest(data) != kept:
            raise Invalid(f"{self._name}: a trade agrees with its digest, {trade_id} does not")
        return restore(Trade, data)

    def _put(self, trade: Trade | Conflict) -> Trade | Conflict:
        if isinstance(trade, Trade):
            row = (trade.id, trade.status.is_over, trade.updated_ms, digest(trade), canonical(trade))
            self._link.execute("INSERT OR REPLACE INTO trades VALUES (?, ?, ?, ?, ?)", row)
        return trade

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock, self._named():
            self._link.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._link.execute("COMMIT")
            finally:
                if self._link.in_transaction:
                    self._link.execute("ROLLBACK")

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise Retryable(f"{self._name}: a trade store answers, {error}") from error
        except sqlite3.DatabaseError as error:
            raise Invalid(f"{self._name}: a trade store is a whole SQLite database, {error}") from error
