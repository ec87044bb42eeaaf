"""Account start: what its age costs an account: reading its memory until its books answer every question.

Two accounts with the snapshots that they would have taken, one ten times as old as the other. Both read what of the
journal the last three snapshots have not left behind; what age itself may add is bounded for each entry.
"""

import tempfile
import time
from decimal import Decimal
from pathlib import Path

from benchmarks.form import Row, Sample, at_most, main, timed
from qt_ray.adapters.trading.memory import Memory
from qt_ray.core.orders import Execution, PositionSide, Side
from qt_ray.execution.entries import Opening, Traded
from qt_ray.execution.gateway.book import Book
from qt_ray.execution.standing import Proven

YOUNG, OLD, QUICK = 10_000, 100_000, 1_000
BATCH = 500
START_S_MAX = 2.0
AGE_US_MAX = 10.0
KEEP_MS_MAX = 1_000.0
QUOTES = dict.fromkeys(("BTCUSDT", "ETHUSDT", "SOLUSDT"), "USDT")


def traded(number: int) -> Traded:
    """Return a trade as the venue tells it."""
    symbol = tuple(QUOTES)[number % len(QUOTES)]
    side = Side.BUY if number // len(QUOTES) % 2 else Side.SELL
    price, quantity = Decimal(600_000 + number % 997) / 10, Decimal(number % 7 + 1) / 1_000
    execution = Execution(number, quantity, price, Decimal("0.0412"), "USDT", False, 1_700_000_000_000 + number)
    return Traded(symbol, PositionSide.BOTH, side, str(8_000_000_000 + number), execution, Decimal("0.1234"))


def lived(folder: Path, many: int) -> float:
    """Let an account post so many entries, and return how many milliseconds its last snapshot took."""
    memory = Memory(folder, Book())
    memory.post([Opening(1, {"USDT": Decimal(10_000)})])
    books, taken = memory.books(QUOTES), 0.0
    for first in range(0, many, BATCH):
        entries = [traded(number) for number in range(first, min(first + BATCH, many))]
        memory.post(entries)
        for entry in entries:
            books.post(entry)
        if memory.is_due or first + BATCH >= many:
            began = time.perf_counter()
            memory.keep(books, Proven())
            taken = (time.perf_counter() - began) * 1_000
    memory.close()
    return taken


def begun(folder: Path, many: int) -> None:
    """Start an account that has lived, up to books that know its last trade."""
    memory = Memory(folder, Book())
    last = traded(many - 1)
    if not memory.books(QUOTES).has_trade(last.symbol, last.execution.trade_id, last.side):
        raise RuntimeError(f"books know what was posted, {last.key} is missing")
    memory.close()


def measure(quick: bool) -> list[Row]:
    """Start a young account and an old one."""
    young, old = (QUICK, 2 * QUICK) if quick else (YOUNG, OLD)
    with tempfile.TemporaryDirectory() as name:
        folders = {many: Path(name) / str(many) for many in (young, old)}
        kept = {many: lived(folder, many) for many, folder in folders.items()}
        runs = 1 if quick else 5
        took = {many: timed(lambda m=many, f=folder: begun(f, m), runs) for many, folder in folders.items()}  # type: ignore[misc]
    aged = (took[old].value - took[young].value) / (old - young) * 1e6
    return [
        at_most(f"start with {young:,} entries", "s", took[young], START_S_MAX),
        at_most(f"start with {old:,} entries", "s", took[old], START_S_MAX),
        at_most("what an entry adds to a start", "us", Sample(aged, runs, (aged, aged)), AGE_US_MAX),
        at_most(f"a snapshot of {old:,} entries", "ms", Sample(kept[old], 1, (kept[old], kept[old])), KEEP_MS_MAX),
    ]


if __name__ == "__main__":
    main(measure)
