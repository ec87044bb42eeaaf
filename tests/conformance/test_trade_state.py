"""The trade store's port: what every store of trades must keep to, wherever it keeps them."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.redis.server import RedisServer
from qt_ray.adapters.redis.trades import RedisTrades
from qt_ray.adapters.sqlite_trades import SqliteTrades
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Side
from qt_ray.governance.trade_state import (
    KEPT_MS,
    TRANSITIONS,
    Conflict,
    Trade,
    TradeSignal,
    TradeStateStore,
    TradeStatus,
)
from tests.conformance.trade_memory import MemoryTrades

pytestmark = [pytest.mark.integration, pytest.mark.requirement("S2 TradeStateStore")]

Open = Callable[[Path], TradeStateStore]


class ServedTrades(RedisTrades):
    """Trades in a server of their own."""

    def __init__(self, folder: Path) -> None:
        self._server = RedisServer.start(folder)
        super().__init__(self._server.socket)

    def close(self) -> None:
        super().close()
        self._server.stop()


CANDIDATES: dict[str, Open] = {
    "memory": lambda path: MemoryTrades(),
    "sqlite": lambda path: SqliteTrades(path / "trades.db"),
    "redis": lambda path: ServedTrades(path),
}
DURABLE: dict[str, tuple[Open, str]] = {
    "sqlite": (CANDIDATES["sqlite"], "qt_ray.adapters.sqlite_trades:SqliteTrades:trades.db"),
    "redis": (lambda path: RedisTrades(path / "redis.sock"), "qt_ray.adapters.redis.trades:RedisTrades:redis.sock"),
}
ROOT = Path(__file__).parents[2]
NAMES = ("a", "b", "c")


@pytest.fixture(params=CANDIDATES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TradeStateStore]:
    opened = CANDIDATES[request.param](tmp_path)
    yield opened
    opened.close()  # type: ignore[attr-defined]


@pytest.fixture(params=DURABLE)
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Open, str]]:
    server = RedisServer.start(tmp_path) if request.param == "redis" else None
    yield DURABLE[request.param]
    if server is not None:
        server.stop()


def trade(name: str = "a", at_ms: int = 0) -> Trade:
    return Trade(name, "BTCUSDT", Side.BUY, Decimal("1.50"), "d", at_ms, at_ms, stop_price=Decimal("0.10"))


def kept(answer: Trade | Conflict) -> Trade:
    assert isinstance(answer, Trade)
    return answer


def walk(store: TradeStateStore, name: str, *signals: TradeSignal, at_ms: int = 0) -> Trade:
    found = kept(store.save(trade(name)))
    for signal in signals:
        found = kept(store.transition(name, signal, at_ms, found.revision))
    return found


CLOSED = (TradeSignal.APPROVE, TradeSignal.FILLED, TradeSignal.STOPPED)


def test_what_was_saved_is_read_again(store: TradeStateStore) -> None:
    saved = kept(store.save(trade()))
    assert saved == replace(trade(), revision=1)
    assert store.get("a") == saved
    assert store.get("b") is None


def test_a_writer_who_read_an_older_revision_loses_and_sees_why(store: TradeStateStore) -> None:
    first = kept(store.save(trade()))
    second = kept(store.save(replace(first, stop_price=Decimal(2))))
    assert store.save(replace(first, stop_price=Decimal(3))) == Conflict(second)
    assert store.save(trade()) == Conflict(second)
    assert store.transition("a", TradeSignal.APPROVE, 1, first.revision) == Conflict(second)
    assert store.delete("a", first.revision) == Conflict(second)
    assert store.get("a") == second


def test_a_trade_nobody_saved_cannot_be_moved(store: TradeStateStore) -> None:
    assert store.transition("a", TradeSignal.APPROVE, 1, 1) == Conflict(None)
    assert store.save(replace(trade(), revision=4)) == Conflict(None)


def test_a_save_never_moves_a_trade(store: TradeStateStore) -> None:
    saved = kept(store.save(trade()))
    for wish in (replace(saved, status=TradeStatus.OPEN), replace(trade("b"), status=TradeStatus.OPEN)):
        with pytest.raises(Invalid, match="moved by a transition"):
            store.save(wish)
    assert store.get("a") == saved
    assert store.get("b") is None


def test_a_signal_without_a_row_changes_nothing(store: TradeStateStore) -> None:
    saved = kept(store.save(trade()))
    with pytest.raises(Invalid, match="trade: NEW takes APPROVE, REJECT, was STOPPED"):
        store.transition("a", TradeSignal.STOPPED, 1, saved.revision)
    assert store.get("a") == saved


def test_a_deleted_trade_is_gone_and_deleting_it_again_is_no_conflict(store: TradeStateStore) -> None:
    saved = kept(store.save(trade()))
    assert store.delete("a", saved.revision) is None
    assert store.delete("a", saved.revision) is None
    assert store.get("a") is None


def test_only_trades_that_are_not_over_are_listed(store: TradeStateStore) -> None:
    walk(store, "c", TradeSignal.APPROVE)
    walk(store, "b", *CLOSED)
    walk(store, "a")
    assert [found.id for found in store.list_open_trades()] == ["a", "c"]


def test_closed_trades_expire_after_thirty_days_and_open_ones_never(store: TradeStateStore) -> None:
    walk(store, "open", TradeSignal.APPROVE, TradeSignal.FILLED)
    walk(store, "old", *CLOSED, at_ms=1_000)
    walk(store, "young", *CLOSED, at_ms=2_000)
    assert store.expire(KEPT_MS + 1_001) == 1
    assert store.get("old") is None
    assert store.get("open") is not None
    assert store.get("young") is not None


STEPS = st.tuples(
    st.sampled_from(["save", "delete", "expire", *TradeSignal]),
    st.sampled_from(NAMES),
    st.integers(0, 3),
    st.booleans(),
)


@pytest.mark.parametrize("name", CANDIDATES)
@settings(max_examples=15, deadline=None)
@given(steps=st.lists(STEPS, max_size=25))
def test_any_history_leaves_what_a_dictionary_would_hold(
    tmp_path_factory: pytest.TempPathFactory, name: str, steps: list[tuple[str, str, int, bool]]
) -> None:
    store = CANDIDATES[name](tmp_path_factory.mktemp("history"))
    model: dict[str, tuple[int, TradeStatus]] = {}
    for what, who, stale, honest in steps:
        revision, status = model.get(who, (0, TradeStatus.NEW))
        offered = revision if honest else stale
        agrees = offered == revision
        if what == "save":
            store.save(replace(trade(who), revision=offered, status=status))
            if agrees:
                model[who] = (revision + 1, status)
        elif what == "delete":
            store.delete(who, offered)
            if agrees:
                model.pop(who, None)
        elif what == "expire":
            assert store.expire(0, 0) == 0
        elif agrees and who in model and not TRANSITIONS.foresees(status, TradeSignal(what)):
            with pytest.raises(Invalid):
                store.transition(who, TradeSignal(what), 0, offered)
        else:
            store.transition(who, TradeSignal(what), 0, offered)
            if agrees and who in model:
                model[who] = (revision + 1, TRANSITIONS.advance(status, TradeSignal(what)))
    found = {who: store.get(who) for who in NAMES}
    assert {who: (t.revision, t.status) for who, t in found.items() if t} == model
    assert [t.id for t in store.list_open_trades()] == sorted(w for w, (_, s) in model.items() if not s.is_over)
    store.close()  # type: ignore[attr-defined]


def add_one(store: TradeStateStore, times: int) -> int:
    """Raise a trade's filled quantity by one step `times` times, again after each conflict; return the conflicts."""
    lost = 0
    while times:
        found = store.get("a")
        assert found is not None
        answer = store.save(replace(found, filled=found.filled + Decimal("0.001")))
        lost += isinstance(answer, Conflict)
        times -= isinstance(answer, Trade)
    return lost


def test_concurrent_threads_lose_no_write(store: TradeStateStore) -> None:
    kept(store.save(trade()))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: add_one(store, 25), range(4)))
    found = store.get("a")
    assert found is not None
    assert (found.filled, found.revision) == (Decimal("0.1"), 101)


WRITER = """
import sys
from importlib import import_module
from pathlib import Path
from tests.conformance.test_trade_state import add_one
module, kind, name = sys.argv[1].split(":")
store = getattr(import_module(module), kind)(Path(sys.argv[2]) / name)
add_one(store, 40)
store.close()
"""

ENDLESS = """
import sys
from importlib import import_module
from pathlib import Path
from tests.conformance.test_trade_state import TradeSignal, kept, trade
module, kind, name = sys.argv[1].split(":")
store = getattr(import_module(module), kind)(Path(sys.argv[2]) / name)
at = 0
while True:
    saved = kept(store.save(trade(f"t{at}")))
    kept(store.transition(saved.id, TradeSignal.APPROVE, 1, saved.revision))
    sys.stdout.write(f"{saved.id}\\n")
    sys.stdout.flush()
    at += 1
"""


@pytest.mark.requirement("P0-04")
@pytest.mark.p0_patches
def test_concurrent_processes_lose_no_write(durable: tuple[Open, str], tmp_path: Path) -> None:
    opens, place = durable
    store = opens(tmp_path)
    kept(store.save(trade()))
    command = [sys.executable, "-c", WRITER, place, str(tmp_path)]
    writers = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    found = store.get("a")
    assert found is not None
    assert (found.filled, found.revision) == (Decimal("0.08"), 81)
    store.close()  # type: ignore[attr-defined]


@pytest.mark.requirement("L7", "P0-04")
@pytest.mark.p0_patches
def test_kill_minus_nine_in_the_middle_loses_nothing_acknowledged(durable: tuple[Open, str], tmp_path: Path) -> None:
    opens, place = durable
    command = [sys.executable, "-c", ENDLESS, place, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline().strip() for _ in range(30)]
        writer.kill()
        said += writer.stdout.read().split("\n")[:-1]
    store = opens(tmp_path)
    for name in said:
        found = store.get(name)
        assert found is not None
        assert (found.status, found.revision) == (TradeStatus.APPROVED, 2)
    store.close()  # type: ignore[attr-defined]


@pytest.mark.requirement("P0-04")
@pytest.mark.p0_patches
def test_a_restart_finds_what_was_saved(durable: tuple[Open, str], tmp_path: Path) -> None:
    opens, _ = durable
    store = opens(tmp_path)
    saved = walk(store, "a", TradeSignal.APPROVE)
    store.close()  # type: ignore[attr-defined]
    again = opens(tmp_path)
    assert again.list_open_trades() == (saved,)
    again.close()  # type: ignore[attr-defined]
