"""The commands of an account, against a paper venue in a process of its own, as a person uses them."""

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.processes import mark_of
from qt_ray.adapters.session_file import Session, write_session
from qt_ray.adapters.trading.places import Places
from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.execution.venue.calls import Done, Place
from tests.integration.shell import columns, parquet, qt, refused
from tests.integration.venue_process import ROOT, SYMBOLS, Opened, opened

pytestmark = pytest.mark.integration

BALANCE = Decimal(10_000)


@pytest.fixture(scope="module")
def venue() -> Iterator[Opened]:
    with opened("--symbols", SYMBOLS, "--balance", BALANCE, "--unlimited") as found:
        yield found


async def protected(venue: Opened, price: Decimal) -> None:
    """Place a stop as our own program does."""
    name = str(ClientOrderId("test", intent_id("stop", str(now_ms()))))
    stop = Intent(
        name, "BTCUSDT", Side.SELL, OrderType.STOP_MARKET, Decimal("0.02"), "d", 1, 1, reduce_only=True,
        trigger_price=price,
    )  # fmt: skip
    endpoints = Endpoints(venue.said["rest"], venue.said["streams"], venue.said["rest"])
    session = await BinanceSession.open(endpoints, Signer(PAPER_KEY, PAPER_SECRET))
    try:
        assert isinstance(await session.ask(Place(stop)), Done)
    finally:
        await session.close()


@pytest.fixture
def held(venue: Opened, tmp_path: Path) -> Iterator[Opened]:
    """An account with a position and an order that its client never sent, and a stop of ours; flat again afterwards."""
    mark = Decimal(venue.get("/fapi/v1/premiumIndex?symbol=BTCUSDT")["markPrice"])
    near = str(mark * Decimal("0.9") // 1)
    common = {"symbol": "BTCUSDT", "quantity": "0.02"}
    venue.control("/do/order", side="BUY", type="MARKET", newClientOrderId="by-hand", **common)
    venue.control("/do/order", side="BUY", type="LIMIT", price=near, timeInForce="GTC", **common)
    asyncio.run(protected(venue, Decimal(near)))
    yield venue
    venue.control("/faults", "DELETE")
    left = [venue.qt(command, tmp_path, "--json").data[command] for command in ("positions", "orders")]
    assert not any(left) or venue.qt("flatten", tmp_path / "afterwards").code == 0


def test_a_paper_venue_says_where_it_is_and_ends_cleanly_when_interrupted() -> None:
    with opened("--symbols", "BTCUSDT", "--seed", 3) as found:
        assert set(found.said) == {"schema", "rest", "streams", "control", "symbols", "seed"}
        assert (found.said["schema"], found.said["symbols"], found.said["seed"]) == ("qt.paper-venue/1", 1, 3)
        found.process.send_signal(signal.SIGINT)
        _, errors = found.process.communicate(timeout=20)
        assert found.process.returncode == 0
        assert "Traceback" not in errors


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(qt("paper-venue", "--symbols", "BTCUSDT", "--port", port), 3, f"port {port} on 127.0.0.1", "in use")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--symbols", "NOPEUSDT"), 6, ("NOPEUSDT", "has filters", "the venue lists BTCUSDT")),
        (("--balance", "-5"), 3, ("fund.initial_balance", "-5")),
        (("--balance", "lots"), 3, ("fund.initial_balance", "lots")),
        (("--port", "70000"), 2, ("--port", "65535")),
        (("--recorded", "--set", "data.root=/nowhere"), 6, ("bars of 1m",)),
    ],
)
def test_what_a_venue_cannot_be_is_told_in_one_line(words: tuple[str, ...], code: int, told: tuple[str, ...]) -> None:
    refused(qt("paper-venue", *words), code, *told)


def test_a_recorded_market_begins_where_the_catalogue_does(tmp_path: Path) -> None:
    cells = columns(600)
    assert qt("data", "import", parquet(tmp_path, cells), "--root", tmp_path / "data").code == 0
    settings = ("-s", f"data.root={tmp_path / 'data'}", "-s", "market.interval=1h")
    with opened("--recorded", "--symbols", "BTCUSDT", *settings) as found:
        bars = found.get("/fapi/v1/klines?symbol=BTCUSDT&interval=1h&limit=3")
        known = {f"{price:.1f}" for price in cells["open"]}
        assert {f"{float(bar[1]):.1f}" for bar in bars[:-1]} <= known


@pytest.mark.requirement("S4 PositionsAndPnL")
def test_an_account_is_what_the_exchange_says_and_its_money_ties_to_the_wallet(held: Opened, tmp_path: Path) -> None:
    shown = held.qt("positions", tmp_path, "--json").data
    assert shown["schema"] == "qt.positions/1"
    assert [(one["symbol"], one["quantity"]) for one in shown["positions"]] == [("BTCUSDT", "0.02")]
    assert "BTCUSDT" in held.qt("positions", tmp_path).out
    orders = held.qt("orders", tmp_path, "--json").data
    assert orders["schema"] == "qt.orders/1"
    assert [(one["type"], one["conditional"]) for one in orders["orders"]] == [("LIMIT", False), ("STOP_MARKET", True)]
    rows = held.qt("orders", tmp_path).out.splitlines()[1:]
    assert ["(not ours)" in row for row in rows] == [True, False]
    assert "no order is open" in held.qt("orders", tmp_path, "--symbol", "ethusdt").err

    fills = held.qt("fills", tmp_path, "--json").data
    assert fills["schema"] == "qt.fills/1"
    assert {fill["symbol"] for fill in fills["fills"]} == {"BTCUSDT"}
    pnl = held.qt("pnl", tmp_path, "--json").data
    assert pnl["schema"] == "qt.pnl/1"
    moved = {row["cause"]: Decimal(row["amount"]) for row in pnl["moved"] if row["asset"] == "USDT"}
    assert moved["fees"] == -sum(Decimal(fill["execution"]["fee"]) for fill in fills["fills"])
    assert moved.get("realised", 0) == sum(Decimal(fill["realised"]) for fill in fills["fills"])
    assert BALANCE + sum(amount for cause, amount in moved.items()) == Decimal(pnl["wallets"]["USDT"])
    assert "unrealised" in held.qt("pnl", tmp_path).out


@pytest.mark.requirement("S7 SystemHealth")
def test_a_doctor_finds_nothing_against_a_venue_in_order(venue: Opened, tmp_path: Path) -> None:
    found = venue.qt("doctor", tmp_path, "--json")
    assert found.code == 0
    assert found.data["schema"] == "qt.doctor/1"
    checks = {row["check"]: row["health"] for row in found.data["findings"]}
    ours, theirs = (
        {"redis", "ray", "priority", "latch", "state", "journal"},
        {"reachable", "clock", "keys", "account", "mode"},
    )
    assert set(checks) == ours | theirs | {"filters"}
    assert set(checks.values()) == {"OK"}
    assert "CRITICAL" not in venue.qt("doctor", tmp_path).out


def test_a_doctor_looks_at_what_a_running_fund_stands_on(venue: Opened, tmp_path: Path) -> None:
    mark = mark_of(os.getpid())
    assert mark is not None
    ray, life = "127.0.0.1:1", "20260101T000000.000Z"
    fund = Session(os.getpid(), mark, 0, "paper", "main", life, "qt-paper-main", ray, venue=venue.said["rest"])
    write_session(Places(tmp_path / "paper" / "main").session, fund)
    found = qt("doctor", "--set", f"fund.state={tmp_path}", "--set", f"market.symbols={SYMBOLS}", "--json")
    assert found.code == 1
    checks = {row["check"]: row for row in found.data["findings"]}
    assert checks["reachable"]["health"] == checks["account"]["health"] == "OK"
    assert checks["ray"]["health"] == "CRITICAL"  # a Ray that is not there any more
    assert ray in checks["ray"]["detail"]


def test_a_doctor_sees_filters_that_have_changed_and_a_symbol_that_no_longer_trades(
    venue: Opened, tmp_path: Path
) -> None:
    venue.control("/do/relist", symbol="ETHUSDT", tick="0.02")
    told = venue.qt("doctor", tmp_path)
    assert told.code == 0
    assert "ETHUSDT: backtests use others, tick 0.02 not 0.01" in told.out
    venue.control("/do/relist", symbol="ETHUSDT", tick="0.01", status="SETTLING")
    told = venue.qt("doctor", tmp_path)
    assert told.code == 1
    assert "ETHUSDT trades, was SETTLING" in told.out
    venue.control("/do/relist", symbol="ETHUSDT", status="TRADING")


def test_a_doctor_sees_a_clock_that_is_off(venue: Opened, tmp_path: Path) -> None:
    venue.control("/do/skew", ms=4_000)
    told = venue.qt("doctor", tmp_path)
    venue.control("/do/skew", ms=0)
    assert told.code == 1
    assert "CRITICAL  clock      ours is -" in told.out


@pytest.mark.requirement("S7 SystemHealth")
def test_a_doctor_sees_a_key_that_may_not_trade(venue: Opened, tmp_path: Path) -> None:
    venue.control("/do/key", may_trade="false")
    told = venue.qt("doctor", tmp_path)
    venue.control("/do/key", may_trade="true", revoked="false")
    assert told.code == 1
    assert "keys" in told.out


def test_an_exchange_that_is_not_there_is_no_good_news(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    words = ("-s", f"exchange.rest_url=http://127.0.0.1:{port}", "-s", f"exchange.ws_url=ws://127.0.0.1:{port}")
    state = ("-s", f"fund.state={tmp_path}")
    told = qt("doctor", *words, *state)
    assert told.code == 1
    assert "CRITICAL  reachable" in told.out
    refused(qt("positions", *words, *state), 7, f"the exchange at http://127.0.0.1:{port} answers, was: not reached")


@pytest.mark.requirement("S3 EmergencyStop")
def test_flatten_ends_flat_and_only_a_person_opens_the_latch_it_closed(
    held: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = held.qt("flatten", tmp_path, "--reason", "a test", "--json")
    assert ended.code == 0
    assert ended.data["schema"] == "qt.flatten/1"
    assert ended.data["report"]["residual"] == []
    assert "nothing is held" in held.qt("positions", tmp_path).err
    assert "no order is open" in held.qt("orders", tmp_path).err
    shown = held.qt("latch show", tmp_path, "--json").data
    assert (shown["schema"], shown["closed"], shown["epoch"], shown["reason"]) == ("qt.latch/1", True, 1, "a test")
    doctor = held.qt("doctor", tmp_path)
    assert doctor.code == 1
    assert "CRITICAL  latch" in doctor.out
    person = ("--by", "ann", "--reason", "looked at", "--epoch")
    monkeypatch.setattr(sys, "stdin", io.StringIO("another\n"))
    wrong = held.qt("latch open", tmp_path, *person, 1)
    assert wrong.code == 6
    assert "confirmed by typing main" in wrong.err
    refused(held.qt("latch open", tmp_path, *person, 2, "--yes", "main"), 6, "epoch that closed it, 1, was 2")
    monkeypatch.setattr(sys, "stdin", io.StringIO("main\n"))
    opening = held.qt("latch open", tmp_path, *person, 1)
    assert opening.code == 0
    assert "may open positions again" in opening.err
    assert held.qt("latch show", tmp_path, "--json").data["closed"] is False
    refused(held.qt("latch open", tmp_path, *person, 1, "--yes", "main"), 6, "this one is open")


def test_flatten_that_gets_no_answer_ends_by_its_time_with_the_latch_closed(held: Opened, tmp_path: Path) -> None:
    held.control("/faults", deed="answer_before", answer="unavailable", path="/fapi/*")
    ended = held.qt("flatten", tmp_path, "--timeout", 1)
    assert ended.code == 7
    assert "positions and orders may be open; the latch is closed" in ended.err
    assert held.qt("latch show", tmp_path, "--json").data["closed"] is True


def test_flatten_closes_the_latch_even_where_no_exchange_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    words = ("-s", f"exchange.rest_url=http://127.0.0.1:{port}", "-s", f"exchange.ws_url=ws://127.0.0.1:{port}")
    state = ("-s", f"fund.state={tmp_path}")
    assert qt("flatten", *words, *state, "--timeout", 1).code == 7
    assert qt("latch", "show", *state, "--json").data["epoch"] == 1


def test_a_drill_says_what_an_emergency_takes_here() -> None:
    told = qt("drill", "--runs", 1, "--positions", 2, "--orders", 2, "--json")
    assert told.code == 0
    assert told.data["schema"] == "qt.drill/3"
    assert 0 < told.data["after_trip"]["first_cancel_us"]["max"] < told.data["after_trip"]["flat_us"]["max"]


def test_a_flattening_that_was_killed_left_the_latch_closed_and_the_next_one_ends_it(
    held: Opened, tmp_path: Path
) -> None:
    held.control("/faults", deed="delay_before", method="POST", path="/fapi/v1/order", delay_ms=5_000, count=1)
    command = [sys.executable, "-m", "qt_ray.cli.main", "flatten", *held.words(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT) as first:
        while not held.control("/faults", "GET")["injected"].get("delay_before"):
            assert first.poll() is None
        first.kill()
    assert "BTCUSDT" in held.qt("positions", tmp_path).out
    assert held.qt("latch show", tmp_path, "--json").data["epoch"] == 1
    assert held.qt("flatten", tmp_path).code == 0
    assert held.qt("latch show", tmp_path, "--json").data["epoch"] == 2
    assert "nothing is held" in held.qt("positions", tmp_path).err
