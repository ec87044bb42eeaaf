"""SQLite file: one file of ours, every write whole and on disk before it is acknowledged.

The write-ahead log with synchronous=FULL survives kill -9 and a power cut; an immediate transaction makes reading a
state and writing the next one step. What is damaged, of another program or of another schema is refused in one line,
and a file that others keep busy may be asked again.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from qt_ray.core.errors import Invalid, Retryable

BUSY_MS_MAX: Final = 5_000


class SqliteFile:
    """A database for any number of threads and processes."""

    def __init__(
        self,
        path: Path,
        what: str,
        application: int,
        schema: int,
        statements: Sequence[str],
        busy_ms_max: int = BUSY_MS_MAX,
    ) -> None:
        """Open `what` at `path`, or make it with `statements`."""
        self.name, self._what, self._lock = path.name, what, Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._named():
            self._link = sqlite3.connect(
                path, timeout=busy_ms_max / 1_000, isolation_level=None, check_same_thread=False
            )
        try:
            self._prepare(application, schema, statements)
        except (Invalid, Retryable):
            self._link.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for questions."""
        with self._lock, self._named():
            yield self._link

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction: all of it is on disk when this ends well, or nothing of it."""
        with self._lock, self._named():
            self._link.execute("BEGIN IMMEDIATE")
            try:
                yield self._link
                self._link.execute("COMMIT")
            finally:
                if self._link.in_transaction:
                    self._link.execute("ROLLBACK")

    def close(self) -> None:
        """Give the file back."""
        self._link.close()

    def _prepare(self, application: int, schema: int, statements: Sequence[str]) -> None:
        with self._named():
            self._link.execute("PRAGMA journal_mode = WAL")
            self._link.execute("PRAGMA synchronous = FULL")
            said = self._link.execute("PRAGMA quick_check").fetchone()[0]
        if said != "ok":
            raise Invalid(f"{self.name}: {self._what} passes SQLite's own check, {said}")
        with self.writing() as link:
            kind, found = (link.execute(f"PRAGMA {of}").fetchone()[0] for of in ("application_id", "user_version"))
            if kind == found == 0 and not link.execute("SELECT 1 FROM sqlite_master").fetchone():
                stamps = (f"PRAGMA application_id = {application}", f"PRAGMA user_version = {schema}")
                for statement in (*statements, *stamps):
                    link.execute(statement)
            elif (kind, found) != (application, schema):
                raise Invalid(f"{self.name}: {self._what} has schema {schema} of ours, was {found} of {kind:#x}")

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise Retryable(f"{self.name}: {self._what} answers, {error}") from error
        except sqlite3.DatabaseError as error:
            raise Invalid(f"{self.name}: {self._what} is a whole SQLite database, {error}") from error
