import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from qt_ray.adapters.sqlite_trades import SqliteTrades
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.orders import Side
from qt_ray.governance.trade_state import Trade

pytestmark = pytest.mark.unit


def full(path: Path, count: int = 200) -> Path:
    with closing(SqliteTrades(path / "trades.db")) as store:
        for at in range(count):
            store.save(Trade(f"t{at}", "BTCUSDT", Side.BUY, Decimal(1), "d", 0, 0))
    return path / "trades.db"


def altered(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as link:
        link.execute(statement)
        link.commit()


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "trades.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(Invalid, match=r"^trades.db: a trade store is a whole SQLite database, "):
        SqliteTrades(tmp_path / "trades.db")


def test_a_damaged_page_is_refused_at_the_door(tmp_path: Path) -> None:
    path = full(tmp_path)
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    path.write_bytes(data)
    with pytest.raises(Invalid, match=r"^trades.db: a trade store [^\n]*"):
        SqliteTrades(path)


def test_a_body_that_was_edited_is_an_error_and_not_a_missing_trade(tmp_path: Path) -> None:
    path = full(tmp_path, 1)
    altered(path, "UPDATE trades SET body = replace(body, 'BTCUSDT', 'ETHUSDT')")
    with closing(SqliteTrades(path)) as store:
        with pytest.raises(Invalid, match="agrees with its digest, t0 does not"):
            store.get("t0")
        with pytest.raises(Invalid, match="agrees with its digest"):
            store.list_open_trades()


@pytest.mark.parametrize("change", ["PRAGMA user_version = 2", "PRAGMA application_id = 7"])
def test_another_schema_is_refused(tmp_path: Path, change: str) -> None:
    path = full(tmp_path, 1)
    altered(path, change)
    with pytest.raises(Invalid, match="a trade store has schema 1 of ours"):
        SqliteTrades(path)


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "trades.db"
    altered(path, "CREATE TABLE theirs (x)")
    with pytest.raises(Invalid, match="of 0x0"):
        SqliteTrades(path)


def test_a_store_that_is_busy_too_long_may_be_asked_again(tmp_path: Path) -> None:
    path = full(tmp_path, 1)
    with closing(SqliteTrades(path, busy_ms_max=20)) as store, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Retryable, match="database is locked"):
            store.save(Trade("x", "BTCUSDT", Side.BUY, Decimal(1), "d", 0, 0))
        other.rollback()
        assert isinstance(store.save(Trade("x", "BTCUSDT", Side.BUY, Decimal(1), "d", 0, 0)), Trade)


def test_a_store_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "trades.db").mkdir()
    with pytest.raises(Retryable, match="unable to open"):
        SqliteTrades(tmp_path / "trades.db")
