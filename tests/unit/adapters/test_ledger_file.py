import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.journal_file import JournalFile
from qt_ray.adapters.ledger_file import LedgerFile
from qt_ray.core.codec import canonical
from qt_ray.core.errors import Invalid, Invariant, Retryable
from qt_ray.core.orders import Execution, PositionSide, Side
from qt_ray.execution.books import Books
from qt_ray.execution.entries import Moved, Opening, Traded
from tests.unit.adapters.failing_disk import FailingDisk
from tests.unit.execution.test_books import OPENING, QUOTES, histories

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]


def trade(number: int, quantity: str = "1", foreign: bool = False) -> Traded:
    execution = Execution(number, Decimal(quantity), Decimal(100), Decimal("0.04"), "USDT", False, number)
    return Traded("BTCUSDT", PositionSide.BOTH, Side.BUY, "1", execution, Decimal(0), foreign)


@settings(max_examples=20, deadline=None)
@given(histories(), st.integers(1, 4))
def test_a_restart_folds_the_same_books(
    tmp_path_factory: pytest.TempPathFactory, story: list[Traded | Moved], size: int
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    for first in range(0, len(story), size):
        ledger = LedgerFile(folder, QUOTES, OPENING)
        batch = story[first : first + size]
        assert ledger.take([*batch, *batch]) == tuple(batch)
        assert ledger.take(story[: first + size]) == ()
        ledger.close()
    ledger = LedgerFile(folder, QUOTES, OPENING)
    assert ledger.books.digest() == Books.of(OPENING, QUOTES, story).digest()
    ledger.close()


def test_a_disk_that_refuses_leaves_the_books_as_they_were(tmp_path: Path) -> None:
    ledger = LedgerFile(tmp_path, QUOTES, OPENING, FailingDisk("sync", 3))
    before = ledger.books.digest()
    with pytest.raises(Retryable):
        ledger.take([trade(1)])
    assert ledger.books.digest() == before
    assert ledger.take([trade(1)]) == (trade(1),)
    ledger.close()


@pytest.mark.parametrize("wrong", [[trade(1, "2")], [trade(2), trade(2, "3")]])
def test_what_contradicts_is_refused_before_it_is_written(tmp_path: Path, wrong: list[Traded]) -> None:
    ledger = LedgerFile(tmp_path, QUOTES, OPENING)
    ledger.take([trade(1)])
    with pytest.raises(Invariant, match="means one thing"):
        ledger.take(wrong)
    ledger.close()
    again = LedgerFile(tmp_path, QUOTES)
    assert again.books.entries == (trade(1),)
    again.close()


def test_a_symbol_without_a_quote_is_refused_before_it_is_written(tmp_path: Path) -> None:
    ledger = LedgerFile(tmp_path, {}, OPENING)
    with pytest.raises(Invalid, match="known quote asset"):
        ledger.take([trade(1)])
    ledger.close()
    again = LedgerFile(tmp_path, QUOTES)
    assert again.books.entries == ()
    again.close()


def test_that_a_trade_is_ours_after_all_survives_a_restart(tmp_path: Path) -> None:
    ledger = LedgerFile(tmp_path, QUOTES, OPENING)
    ledger.take([trade(1, foreign=True)])
    ledger.take([trade(1)])
    ledger.close()
    again = LedgerFile(tmp_path, QUOTES)
    assert again.books.foreign == ()
    assert again.books.position("BTCUSDT").quantity == 1
    again.close()


def test_new_books_need_an_opening_and_old_ones_keep_theirs(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="new books begin with an opening"):
        LedgerFile(tmp_path / "a", QUOTES)
    LedgerFile(tmp_path / "b", QUOTES, OPENING).close()
    again = LedgerFile(tmp_path / "b", QUOTES, Opening(99, {}))
    assert again.books.opening == OPENING
    again.close()


@pytest.mark.parametrize("first", [trade(1), OPENING])
def test_a_journal_of_something_else_is_refused(tmp_path: Path, first: Traded | Opening) -> None:
    journal = JournalFile(tmp_path)
    journal.append_many([canonical(first), canonical(OPENING)])
    journal.close()
    with pytest.raises(Invalid, match="books are opened by their first entry and no other"):
        LedgerFile(tmp_path, QUOTES)


ENDLESS = """
import sys
from pathlib import Path
from tests.unit.adapters.test_ledger_file import OPENING, QUOTES, LedgerFile, trade
ledger = LedgerFile(Path(sys.argv[1]), QUOTES, OPENING)
number = 0
while True:
    number += 1
    ledger.take([trade(number)])
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def test_kill_minus_nine_loses_no_entry_that_was_acknowledged(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ENDLESS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline() for _ in range(100)]
        writer.kill()
        said += writer.stdout.read().split("\n")[:-1]
    ledger = LedgerFile(tmp_path, QUOTES)
    assert ledger.books.position("BTCUSDT").quantity >= int(said[-1])
    ledger.books.check()
    ledger.close()
