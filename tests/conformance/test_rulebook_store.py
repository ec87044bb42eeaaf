"""The rulebook store's port: what every place that keeps the policy must hold to (SPEC law 1, law 7)."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.sqlite_rulebook import SqliteRulebook
from qt_ray.core.errors import Invalid
from qt_ray.core.policy import Policy
from qt_ray.governance.rulebook import Denied, Rulebook, seeded
from qt_ray.governance.rulebook_entries import Author, Dismissed, RulebookEntry
from qt_ray.governance.rulebook_store import Kept, Overtaken, RulebookStore
from qt_ray.governance.wishes import Approve, Change, Dismiss, Emergency, Pause, Propose, Recover, Start, Wish
from tests.conformance.rulebook_memory import MemoryRulebook

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
ANN, BOB = Author("ann", is_person=True), Author("bob", is_person=True)


class Store(RulebookStore, Protocol):
    def close(self) -> None: ...


CANDIDATES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda path: MemoryRulebook(),
    "sqlite": lambda path: SqliteRulebook(path / "policy.db"),
}
DURABLE = {"sqlite": "qt_ray.adapters.sqlite_rulebook:SqliteRulebook:policy.db"}


@pytest.fixture(params=CANDIDATES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = CANDIDATES[request.param](tmp_path)
    yield opened
    opened.close()


def kept(found: Kept | Overtaken) -> Kept:
    assert isinstance(found, Kept)
    return found


def wished(store: RulebookStore, wish: Wish, author: Author = ANN) -> None:
    book, last = store.load()
    assert book is not None
    entry = book.decided(wish, author, 1_000)
    if entry is not None and not isinstance(entry, Denied):
        kept(store.append(entry, last))


def test_an_empty_store_holds_no_book(store: Store) -> None:
    assert store.load() == (None, 0)
    assert store.last() == 0
    assert store.history(10) == ()
    assert store.verify() == 0


def test_the_first_entry_is_a_revision(store: Store) -> None:
    with pytest.raises(Invalid, match="begins with a revision"):
        store.append(Dismissed("p", "ann", "no", 0), 0)
    assert kept(store.append(seeded(Policy()), 0)).sequence == 1
    assert store.load() == (Rulebook(Policy()), 1)


def test_who_writes_behind_an_entry_that_is_not_the_last_is_told_and_adds_nothing(store: Store) -> None:
    store.append(seeded(Policy()), 0)
    wished(store, Pause("lunch"))
    assert store.append(seeded(Policy()), 1) == Overtaken(2)
    assert store.append(seeded(Policy()), 3) == Overtaken(2)
    assert store.last() == 2
    assert store.verify() == 2


WISHES: st.SearchStrategy[Wish] = st.sampled_from(
    [
        Change({"limits.order_value_max": "1000"}, 2, "calmer"),
        Propose({"limits.order_value_max": "90000"}, 1, "bolder"),
        Propose({"limits.order_value_max": "90000"}, 2, "bolder"),
        Propose({"limits.gross_exposure_max_bps": 31_000}, 1, "bolder"),
        Emergency("fire"),
        Recover(2, "out"),
        Start(),
    ]
)


@pytest.mark.parametrize("name", CANDIDATES)
@settings(max_examples=20, deadline=None)
@given(story=st.lists(st.tuples(WISHES, st.sampled_from([ANN, BOB]), st.booleans()), max_size=10))
def test_a_load_is_what_all_entries_lead_to(
    tmp_path_factory: pytest.TempPathFactory, name: str, story: list[tuple[Wish, Author, bool]]
) -> None:
    store, entries = CANDIDATES[name](tmp_path_factory.mktemp("book")), list[RulebookEntry]([seeded(Policy())])
    store.append(entries[0], 0)
    for wish, author, answered in story:
        wished(store, wish, author)
        book, _ = store.load()
        assert book is not None
        for open_one in book.proposals if answered else ():
            wished(store, Approve(open_one), BOB)
            wished(store, Dismiss(open_one, "no"), ANN)
    told = store.history(1_000)[::-1]
    assert store.load() == (Rulebook.of(row.entry for row in told), len(told))
    assert [row.sequence for row in told] == list(range(1, store.verify() + 1))
    store.close()


def test_history_is_told_in_pages_from_the_newest_on(store: Store) -> None:
    store.append(seeded(Policy()), 0)
    for _ in range(4):
        wished(store, Start())
    assert [row.sequence for row in store.history(2)] == [5, 4]
    assert [row.sequence for row in store.history(2, before=4)] == [3, 2]
    assert [row.sequence for row in store.history(9, before=2)] == [1]


def starts(store: RulebookStore, times: int) -> int:
    """Write `times` starts, again after each that was overtaken; return how many were."""
    lost = 0
    while times:
        book, last = store.load()
        assert book is not None
        entry = book.decided(Start(), ANN, 0)
        assert entry is not None
        assert not isinstance(entry, Denied)
        found = store.append(entry, last)
        lost += isinstance(found, Overtaken)
        times -= isinstance(found, Kept)
    return lost


@pytest.mark.requirement("P0-01")
@pytest.mark.p0_patches
@pytest.mark.parametrize("name", DURABLE)
def test_of_many_writers_none_loses_an_acknowledged_write(tmp_path: Path, name: str) -> None:
    store = CANDIDATES[name](tmp_path)
    store.append(seeded(Policy()), 0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: starts(store, 10), range(4)))
    book, last = store.load()
    assert book is not None
    assert (book.policy.version, book.policy.epoch, last, store.verify()) == (41, 41, 41, 41)
    store.close()


WRITER = """
import sys
from importlib import import_module
from pathlib import Path
from qt_ray.core.policy import Policy
from qt_ray.governance.rulebook import seeded
from qt_ray.governance.rulebook_entries import Author
from qt_ray.governance.wishes import Start

module, name, place = sys.argv[1].split(":")
store = getattr(import_module(module), name)(Path(sys.argv[2]) / place)
book, last = store.load()
if book is None:
    store.append(seeded(Policy()), 0)
while True:
    book, last = store.load()
    store.append(book.decided(Start(), Author("w"), 0), last)
    print(last + 1, flush=True)
"""


@pytest.mark.requirement("L7", "P0-01")
@pytest.mark.p0_patches
@pytest.mark.parametrize("name", DURABLE)
def test_what_was_acknowledged_outlives_a_killed_writer(tmp_path: Path, name: str) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, DURABLE[name], str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert writer.stdout is not None
    said = [int(writer.stdout.readline()) for _ in range(20)]
    writer.kill()
    said += [int(line) for line in writer.stdout.read().split()]
    writer.wait()
    writer.stdout.close()
    store = CANDIDATES[name](tmp_path)
    book, last = store.load()
    assert book is not None
    assert last >= said[-1]
    assert (book.policy.epoch, store.verify()) == (last, last)
    store.close()
