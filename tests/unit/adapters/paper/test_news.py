"""What an account and everybody else are told, by a venue without sockets."""

import asyncio
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from qt_ray.adapters.paper.hub import Listener
from qt_ray.adapters.paper.stream_names import Road
from qt_ray.adapters.paper.venue import PaperVenue
from tests.unit.adapters.paper.client import START_MS, Client, Watch, venue
from tests.unit.adapters.paper.test_streams import Wire

pytestmark = pytest.mark.unit


def listen(house: PaperVenue, *names: str) -> Wire:
    wire = Wire()
    house.hall.hub.join(Listener(wire, Road.ANY, False), names)
    return wire


def own(house: PaperVenue, client: Client) -> Wire:
    return listen(house, client.ask("POST", "/fapi/v1/listenKey")["listenKey"])


def test_a_market_order_is_told_in_the_venues_order() -> None:
    house = venue()
    client = Client(house)
    wire = own(house, client)
    client.order()
    assert [event["e"] for event in wire.heard()] == [
        "ORDER_TRADE_UPDATE",
        "TRADE_LITE",
        "ACCOUNT_UPDATE",
        "ORDER_TRADE_UPDATE",
    ]


def test_each_fill_is_told_by_light_word_account_and_report() -> None:
    house = venue()
    client = Client(house)
    wire = own(house, client)
    book = client.ask("GET", "/fapi/v1/depth", symbol="BTCUSDT", limit=5)
    two = str(sum(Decimal(quantity) for _, quantity in book["asks"][:2]))
    client.order(quantity=two)
    events = wire.heard()
    assert [event["e"] for event in events[1:]] == ["TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"] * 2
    reports = [event["o"] for event in events if event["e"] == "ORDER_TRADE_UPDATE"]
    assert [report["X"] for report in reports] == ["NEW", "PARTIALLY_FILLED", "FILLED"]
    light = [event["t"] for event in events if event["e"] == "TRADE_LITE"]
    assert light == [report["t"] for report in reports[1:]]


def test_wallet_moves_by_exactly_what_trades_realise_and_cost() -> None:
    house = venue()
    client = Client(house)
    wire = own(house, client)
    client.order("BUY")
    client.order("SELL", reduceOnly="true")
    events = wire.heard()
    wallet = [Decimal(event["a"]["B"][0]["wb"]) for event in events if event["e"] == "ACCOUNT_UPDATE"][-1]
    reports = [event["o"] for event in events if event["e"] == "ORDER_TRADE_UPDATE"]
    moved = sum(Decimal(report["rp"]) - Decimal(report["n"]) for report in reports)
    assert wallet == Decimal(100_000) + moved


def test_times_never_go_back_even_when_the_clock_does() -> None:
    watch = Watch()
    house = venue(now_ms=watch)
    client = Client(house)
    wire = own(house, client)
    client.order()
    watch.now_ms -= 500
    client.order()
    times = [event["E"] for event in wire.heard()]
    assert all(a <= b for a, b in pairwise(times))


def test_a_trigger_is_told_to_its_end() -> None:
    house = venue()
    client = Client(house)
    client.order()
    wire = own(house, client)
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "triggerPrice": "65000"}
    client.ask("POST", "/fapi/v1/algoOrder", **stop, algoType="CONDITIONAL", quantity="0.01", reduceOnly="true")
    house.control.do("jump", {"symbol": "BTCUSDT", "factor": "0.9"})
    states = [event["o"]["X"] for event in wire.heard() if event["e"] == "ALGO_UPDATE"]
    assert states == ["NEW", "TRIGGERING", "TRIGGERED", "FINISHED"]
    assert client.ask("GET", "/fapi/v3/positionRisk") == []


def test_leverage_is_told_whoever_sets_it() -> None:
    house = venue()
    wire = own(house, Client(house))
    house.control.do("leverage", {"symbol": "BTCUSDT", "leverage": 3})
    assert wire.heard()[0]["ac"] == {"s": "BTCUSDT", "l": 3}


def moving(symbols: tuple[str, ...] = ("BTCUSDT",), **changes: Any) -> tuple[PaperVenue, Watch]:
    watch = Watch()
    return venue(symbols=symbols, bars=None, step_ms=100, now_ms=watch, **changes), watch


def live(house: PaperVenue, watch: Watch, steps: int) -> None:
    for _ in range(steps):
        watch.now_ms += 100
        house.pump.step(house.hall.market_ms())


def test_changes_of_a_book_join_on_to_a_snapshot_and_to_each_other() -> None:
    house, watch = moving()
    wire = listen(house, "btcusdt@depth@100ms")
    live(house, watch, 3)
    snapshot = Client(house).ask("GET", "/fapi/v1/depth", symbol="BTCUSDT", limit=1_000)
    book = {side: dict(snapshot[side]) for side in ("bids", "asks")}
    live(house, watch, 5)
    events = wire.heard()
    assert all(b["pu"] == a["u"] for a, b in pairwise(events))
    joined = [event for event in events if event["u"] >= snapshot["lastUpdateId"]]
    assert joined[0]["U"] <= snapshot["lastUpdateId"] <= joined[0]["u"]
    for event in joined:
        for side, changes in (("bids", event["b"]), ("asks", event["a"])):
            book[side].update(changes)
    now = Client(house).ask("GET", "/fapi/v1/depth", symbol="BTCUSDT", limit=1_000)
    for side in ("bids", "asks"):
        assert {p: q for p, q in book[side].items() if Decimal(q)} == dict(now[side])


def test_numbers_of_aggregates_have_no_gaps() -> None:
    house, watch = moving()
    wire = listen(house, "btcusdt@aggTrade")
    live(house, watch, 10)
    numbers = [event["a"] for event in wire.heard()]
    assert len(numbers) >= 10
    assert all(b == a + 1 for a, b in pairwise(numbers))


def test_a_bar_is_told_as_ended_exactly_once() -> None:
    house, watch = moving()
    wire = listen(house, "btcusdt@kline_1m")
    watch.now_ms += 59_900 - watch.now_ms % 60_000
    live(house, watch, 1_210)
    bars = [event["k"] for event in wire.heard()]
    ended = [bar["t"] for bar in bars if bar["x"]]
    assert len(ended) == 2
    assert len(set(ended)) == 2
    for bar in bars:
        assert Decimal(bar["l"]) <= min(Decimal(bar["o"]), Decimal(bar["c"]))
        assert max(Decimal(bar["o"]), Decimal(bar["c"])) <= Decimal(bar["h"])


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("btcusdt@bookTicker", "bookTicker"),
        ("!bookTicker", "bookTicker"),
        ("btcusdt@markPrice@1s", "markPriceUpdate"),
        ("btcusdt@miniTicker", "24hrMiniTicker"),
        ("btcusdt@ticker", "24hrTicker"),
        ("btcusdt@depth5@100ms", "depthUpdate"),
        ("btcusdt@trade", "trade"),
        ("btcusdt_perpetual@continuousKline_1m", "continuous_kline"),
    ],
)
def test_each_stream_tells_its_own_event(name: str, event: str) -> None:
    house, watch = moving()
    wire = listen(house, name)
    live(house, watch, 12)
    assert {told["e"] for told in wire.heard()} == {event}


def test_a_stream_of_all_tells_all_symbols_in_one_list() -> None:
    house, watch = moving(("BTCUSDT", "ETHUSDT"))
    wire = listen(house, "!markPrice@arr@1s")
    live(house, watch, 12)
    assert [[each["s"] for each in told] for told in wire.heard()] == [["BTCUSDT", "ETHUSDT"]] * 2


def test_the_same_seed_makes_the_same_market() -> None:
    def run() -> bytes:
        house, watch = moving(("BTCUSDT", "ETHUSDT"))
        wire = listen(house, "btcusdt@bookTicker", "ethusdt@aggTrade", "btcusdt@depth@100ms")
        live(house, watch, 20)
        return wire.blob

    assert run() == run()


def test_a_client_finds_a_history_to_begin_with() -> None:
    house, _ = moving()
    bars = Client(house).ask("GET", "/fapi/v1/klines", symbol="BTCUSDT", interval="1h", limit=24)
    assert len(bars) == 24
    assert all(b[0] - a[0] == 3_600_000 for a, b in pairwise(bars))
    assert Client(house).ask("GET", "/fapi/v1/ticker/24hr", symbol="BTCUSDT")["count"] > 0


def test_orders_and_trades_are_in_the_log_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "trades.jsonl"
    house = venue(trade_log=path)
    client = Client(house)
    placed = client.order(newClientOrderId="one")
    client.order(price="90000")
    client.ask("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=3)
    asyncio.run(house.stop())
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert [line["kind"] for line in lines] == ["order", "trade"]
    assert {(line["order_id"], line["client_id"]) for line in lines} == {(placed["orderId"], "one")}


def test_funding_is_paid_and_remembered() -> None:
    watch = Watch(START_MS)
    house = venue(now_ms=watch)
    client = Client(house)
    client.order()
    watch.now_ms += 28_800_000
    house.pump.step(house.hall.market_ms())
    paid = client.ask("GET", "/fapi/v1/income", incomeType="FUNDING_FEE")
    assert [row["incomeType"] for row in paid] == ["FUNDING_FEE"]
    assert len(client.ask("GET", "/fapi/v1/fundingRate", symbol="BTCUSDT")) == 1


def test_a_market_too_fast_for_the_machine_is_coarser_and_never_late() -> None:
    house, watch = moving()
    watch.now_ms += 100_000
    steps = 1
    while house.pump.catch_up(house.hall.market_ms()):
        steps += 1
    assert steps == 11
    assert house.pump.left_out == 1_000 - 10
    assert house.exchange.last_quote("BTCUSDT") == house.market.quote("BTCUSDT", watch.now_ms)


def test_of_many_symbols_each_is_told_in_its_own_turn_as_of_its_own_moment() -> None:
    house, watch = moving(invented=59, mark_ms=100)
    symbols = [symbol.lower() for symbol in house.hall.listings]
    wire = listen(house, *(f"{symbol}@{what}" for symbol in symbols for what in ("bookTicker", "markPrice@1s")))
    told: list[tuple[int, str]] = []
    for _ in range(300):
        while house.pump.catch_up(house.hall.market_ms()):
            continue
        told += [(watch.now_ms - event["E"], event["s"]) for event in wire.heard()]
        wire.blob = b""
        watch.now_ms += 1
    assert {late for late, _ in told} == {0}
    assert {symbol.lower() for _, symbol in told} == set(symbols)
    assert len(told) == len(symbols) * 2 * 3
