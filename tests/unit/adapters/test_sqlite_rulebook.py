import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from qt_ray.adapters.sqlite_rulebook import SqliteRulebook
from qt_ray.core.errors import Invalid
from qt_ray.core.policy import Policy
from qt_ray.governance.rulebook import seeded
from qt_ray.governance.rulebook_entries import Author
from qt_ray.governance.wishes import Pause, Resume

pytestmark = pytest.mark.unit

ANN = Author("ann", is_person=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a book of three entries."""
    found = tmp_path / "policy.db"
    with closing(SqliteRulebook(found)) as store:
        store.append(seeded(Policy()), 0)
        for wish in (Pause("lunch"), Resume(2, "back")):
            book, last = store.load()
            assert book is not None
            store.append(book.decided(wish, ANN, 1_000), last)  # type: ignore[arg-type]
        assert store.verify() == 3
    return found


def altered(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as link:
        link.execute(statement)
        link.commit()


def test_a_policy_in_force_that_was_edited_is_refused(path: Path) -> None:
    altered(path, "UPDATE entries SET body = CAST(replace(body, '\"50000\"', '\"90000\"') AS BLOB) WHERE sequence = 3")
    with closing(SqliteRulebook(path)) as store, pytest.raises(Invalid, match="the policy in force follows from"):
        store.load()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET body = CAST(replace(body, 'lunch', 'munch') AS BLOB) WHERE sequence = 2",
        "DELETE FROM entries WHERE sequence = 2",
        "DELETE FROM entries WHERE sequence = 1",
        "UPDATE entries SET sequence = -sequence WHERE sequence < 3",
    ],
)
def test_a_past_that_was_edited_is_found(path: Path, statement: str) -> None:
    altered(path, statement)
    with closing(SqliteRulebook(path)) as store, pytest.raises(Invalid, match=r"entry [12] of a rulebook follows from"):
        store.verify()


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    altered(tmp_path / "policy.db", "CREATE TABLE theirs (x)")
    with pytest.raises(Invalid, match="a rulebook has schema 1 of ours"):
        SqliteRulebook(tmp_path / "policy.db")
