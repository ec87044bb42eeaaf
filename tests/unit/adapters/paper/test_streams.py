from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.paper.faults import Deed, Faults, Rule
from qt_ray.adapters.paper.frames import PING, closing, frame
from qt_ray.adapters.paper.hub import STREAMS_MAX, UNSENT_MAX, Hub, Listener, Message
from qt_ray.adapters.paper.listen_keys import ListenKeys
from qt_ray.adapters.paper.sockets import INBOUND_MAX, Guest, Manners, address_of
from qt_ray.adapters.paper.spelling import eight, like, text
from qt_ray.adapters.paper.stream_commands import obey
from qt_ray.adapters.paper.stream_faults import HOLD_MS_MAX, FaultyOutlet
from qt_ray.adapters.paper.stream_names import Kind, Road, flows, stream_of

pytestmark = pytest.mark.unit


class Wire:
    """A line that keeps what is written."""

    def __init__(self, unsent: int = 0) -> None:
        self.blob, self.unsent, self.is_cut = b"", unsent, False

    def write(self, data: bytes) -> None:
        self.blob += data

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.is_cut = True

    def close(self) -> None:
        self.is_cut = True

    def heard(self) -> list[Any]:
        """Return the JSON of the frames that were written."""
        found, rest = [], self.blob
        while rest:
            size, start = rest[1], 2
            if size == 126:
                size, start = int.from_bytes(rest[2:4], "big"), 4
            found.append(orjson.loads(rest[start : start + size]))
            rest = rest[start + size :]
        return found


def listener(road: Road = Road.ANY, is_wrapped: bool = False, events: frozenset[str] | None = None) -> Listener:
    return Listener(Wire(), road, is_wrapped, events)


def heard(one: Listener) -> list[Any]:
    assert isinstance(one.line, Wire)
    return one.line.heard()


def said(name: str, number: int, kind: Kind = Kind.TRADE, event: str = "trade") -> Message:
    return Message(name, event, orjson.dumps({"n": number}), kind)


@given(st.binary(max_size=70_000))
@settings(max_examples=30, deadline=None)
def test_a_frame_says_its_own_length(payload: bytes) -> None:
    made = frame(payload)
    size, start = made[1], 2
    if size == 126:
        size, start = int.from_bytes(made[2:4], "big"), 4
    elif size == 127:
        size, start = int.from_bytes(made[2:10], "big"), 10
    assert made[0] == 0x81
    assert (size, made[start:]) == (len(payload), payload)


@pytest.mark.parametrize(
    ("name", "kind", "symbol", "every_ms", "argument"),
    [
        ("btcusdt@depth", Kind.DEPTH, "BTCUSDT", 250, ""),
        ("btcusdt@depth@0ms", Kind.DEPTH, "BTCUSDT", 0, ""),
        ("btcusdt@depth20@100ms", Kind.LEVELS, "BTCUSDT", 100, "20"),
        ("btcusdt@markPrice@1s", Kind.MARK, "BTCUSDT", 1_000, ""),
        ("!markPrice@arr", Kind.MARK, None, 3_000, ""),
        ("btcusdt@kline_1m", Kind.KLINE, "BTCUSDT", 250, "1m"),
        ("btcusdt_perpetual@continuousKline_1h", Kind.KLINE, "BTCUSDT", 250, "1h"),
        ("!miniTicker@arr", Kind.MINI, None, 1_000, ""),
        ("btcusdt@bookTicker", Kind.BOOK_TICKER, "BTCUSDT", 0, ""),
    ],
)
def test_a_stream_is_known_by_its_name(name: str, kind: Kind, symbol: str | None, every_ms: int, argument: str) -> None:
    found = stream_of(name)
    assert found is not None
    assert (found.kind, found.symbol, found.every_ms, found.argument) == (kind, symbol, every_ms, argument)


@pytest.mark.parametrize("name", ["BTCUSDT@trade", "btcusdt@kline_1s", "0", "btcusdt", "btcusdt@depth7", "!trade@arr"])
def test_a_name_that_is_none_is_no_stream(name: str) -> None:
    assert stream_of(name) is None


def test_a_stream_flows_on_its_own_road_and_where_there_is_none() -> None:
    table = {kind: [road for road in Road if flows(kind, road)] for kind in (Kind.DEPTH, Kind.MARK, Kind.USER)}
    assert table == {
        Kind.DEPTH: [Road.PUBLIC, Road.ANY],
        Kind.MARK: [Road.MARKET, Road.ANY],
        Kind.USER: [Road.PRIVATE, Road.ANY],
    }


def test_everybody_hears_in_order_what_was_wished_for_and_nothing_else() -> None:
    hub, both, one, wrapped = Hub(), listener(), listener(), listener(is_wrapped=True)
    hub.join(both, ["a@trade", "b@trade"])
    hub.join(one, ["b@trade"])
    hub.join(wrapped, ["b@trade"])
    for number, name in enumerate(["b@trade", "a@trade", "c@trade", "b@trade"]):
        hub.publish(said(name, number))
    hub.flush()
    assert heard(both) == [{"n": 0}, {"n": 1}, {"n": 3}]
    assert heard(one) == [{"n": 0}, {"n": 3}]
    assert heard(wrapped)[0] == {"stream": "b@trade", "data": {"n": 0}}


def test_only_wanted_events_of_an_account_are_heard() -> None:
    hub, some, every = Hub(), listener(events=frozenset({"ORDER_TRADE_UPDATE", "UNHEARD_OF"})), listener()
    hub.join(some, ["key"])
    hub.join(every, ["key"])
    hub.publish(said("key", 1, Kind.USER, "ORDER_TRADE_UPDATE"))
    hub.publish(said("key", 2, Kind.USER, "ACCOUNT_UPDATE"))
    hub.flush()
    assert (heard(some), heard(every)) == ([{"n": 1}], [{"n": 1}, {"n": 2}])


def test_whoever_does_not_read_is_cut_off() -> None:
    hub, slow = Hub(), listener()
    assert isinstance(slow.line, Wire)
    slow.line.unsent = UNSENT_MAX + 1
    hub.join(slow, ["a@trade"])
    hub.publish(said("a@trade", 1))
    hub.flush()
    assert slow.line.is_cut
    assert slow.line.blob == b""


def test_nothing_is_kept_that_nobody_listens_to() -> None:
    hub, one = Hub(), listener()
    hub.join(one, ["a@trade"])
    hub.leave(one)
    hub.publish(said("a@trade", 1))
    hub.flush()
    assert heard(one) == []
    assert not hub.wants("a@trade")


@pytest.mark.parametrize("number", [1, 1_795_692_787_543, "5fad982e-df0e", None])
def test_an_answer_bears_the_id_as_it_came(number: Any) -> None:
    hub, one = Hub(), listener()
    hub.join(one)
    wish = {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": number}
    assert orjson.loads(obey(hub, one, orjson.dumps(wish))) == {"result": None, "id": number}
    listed = orjson.loads(obey(hub, one, b'{"method":"LIST_SUBSCRIPTIONS","id":3}'))
    assert listed == {"result": ["btcusdt@trade"], "id": 3}
    obey(hub, one, orjson.dumps({**wish, "method": "UNSUBSCRIBE"}))
    assert list(one.names) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [(b"{", 3), (b"[]", 2), (b'{"method":"SING","id":1}', 2), (b'{"method":"SUBSCRIBE","params":[1],"id":1}', 2)],
)
def test_what_is_no_command_is_answered_with_its_number(text: bytes, code: int) -> None:
    assert orjson.loads(obey(Hub(), listener(), text))["error"]["code"] == code


def test_a_socket_hears_a_bounded_number_of_streams() -> None:
    hub, one = Hub(), listener()
    hub.join(one)
    assert hub.subscribe(one, [f"s{number}@trade" for number in range(STREAMS_MAX)])
    assert not hub.subscribe(one, ["more@trade"])


@pytest.mark.parametrize(
    ("path", "query", "road", "is_wrapped", "names", "key"),
    [
        ("/ws", "", Road.ANY, False, (), None),
        ("/public/ws/0", "", Road.PUBLIC, False, ("0",), None),
        ("/stream", "streams=a@trade/b@trade", Road.ANY, True, ("a@trade", "b@trade"), None),
        ("/private/ws", "listenKey=K&events=A/B", Road.PRIVATE, False, (), "K"),
        ("/market/stream", "streams=!markPrice@arr@1s", Road.MARKET, True, ("!markPrice@arr@1s",), None),
    ],
)
def test_the_path_of_a_socket_says_what_it_hears(
    path: str, query: str, road: Road, is_wrapped: bool, names: tuple[str, ...], key: str | None
) -> None:
    found = address_of(path, query)
    assert found is not None
    assert (found.road, found.is_wrapped, found.names, found.listen_key) == (road, is_wrapped, names, key)
    assert address_of("/fapi/v1/time", "") is None


def test_a_guest_is_pinged_and_shown_out_at_its_times() -> None:
    manners = Manners(ping_ms=100, pong_ms=250, life_ms=1_000)
    guest = Guest(listener(), 0, 0, 0)
    assert guest.due(manners, 99) is None
    assert guest.due(manners, 100) == frame(b"100", PING)
    assert guest.due(manners, 250) == closing(1008, "Pong timeout")
    guest.ponged_ms = 900
    assert guest.due(manners, 1_000) == closing(1001, "24 hours are over")


def test_a_guest_may_say_so_much_a_second() -> None:
    guest = Guest(listener(), 0, 0, 0)
    assert all(guest.says(1) for _ in range(INBOUND_MAX))
    assert not guest.says(2)
    assert guest.says(1_002)


def test_a_listen_key_ends_when_its_hour_is_over() -> None:
    keys = ListenKeys(1, life_ms=100)
    name = keys.open("a", 0)
    assert keys.keep("a", 50) == name
    assert keys.expire(149) == []
    assert [key.name for key in keys.expire(150)] == [name]
    assert keys.account_of(name, 150) is None


def outlet(*rules: Rule, closed: list[str] | None = None) -> tuple[FaultyOutlet, list[Message]]:
    faults, out = Faults(1), list[Message]()
    for rule in rules:
        faults.add(rule)
    return FaultyOutlet(faults, out.append, (closed if closed is not None else []).append), out


def numbers(out: list[Message]) -> list[int]:
    return [orjson.loads(message.payload)["n"] for message in out]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(Deed.EVENT_LOSE, nth=2), [0, 2, 3]),
        (Rule(Deed.EVENT_DUPLICATE, nth=2), [0, 1, 1, 2, 3]),
        (Rule(Deed.EVENT_HOLD, nth=2, hold=1), [0, 2, 1, 3]),
        (Rule(Deed.EVENT_HOLD, nth=2, hold=2), [0, 2, 3, 1]),
        (Rule(Deed.EVENT_LOSE, event="other"), [0, 1, 2, 3]),
        (Rule(Deed.EVENT_LOSE, count=2), [2, 3]),
    ],
)
def test_a_rule_does_to_events_what_it_says(rule: Rule, expected: list[int]) -> None:
    found, out = outlet(rule)
    for number in range(4):
        found.tell(said("key", number), 0)
    assert numbers(out) == expected


def test_a_held_or_late_event_comes_in_the_end() -> None:
    found, out = outlet(Rule(Deed.EVENT_HOLD, nth=1, hold=9), Rule(Deed.EVENT_DELAY, nth=2, delay_ms=50))
    found.tell(said("key", 0), 0)
    found.tell(said("key", 1), 0)
    found.release(49)
    assert out == []
    found.release(50)
    found.release(HOLD_MS_MAX)
    assert sorted(numbers(out)) == [0, 1]


def test_an_event_may_be_cut_spoilt_or_grown() -> None:
    text = b'{"e":"trade","p":"100.5","q":1}'
    for rule, check in (
        (Rule(Deed.EVENT_TRUNCATE), text[: len(text) // 2]),
        (Rule(Deed.EVENT_SPOIL, field="p", value='"NaN"'), b'{"e":"trade","p":"NaN","q":1}'),
        (Rule(Deed.EVENT_EXTRA), text[:-1] + b',"someNewField":{"a":[1,"b"]}}'),
    ):
        found, out = outlet(rule)
        found.tell(Message("key", "trade", text, Kind.TRADE), 0)
        assert [message.payload for message in out] == [check]


def test_a_stranger_or_a_giant_may_follow_and_the_socket_may_close() -> None:
    closed: list[str] = []
    found, out = outlet(Rule(Deed.EVENT_UNKNOWN), Rule(Deed.EVENT_HUGE, nth=1), Rule(Deed.EVENT_CLOSE), closed=closed)
    found.tell(said("key", 1), 0)
    assert max(len(message.payload) for message in out) > 5_000_000
    assert any(message.event == "SOMETHING_NEW" for message in out)
    assert closed == ["key"]


@given(st.integers(0, 9), st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_the_same_seed_does_the_same_to_the_same_traffic(seed: int, probability: float) -> None:
    def run() -> list[bool]:
        faults = Faults(seed)
        faults.add(Rule(Deed.DROP_AFTER, probability=probability))
        return [bool(faults.on_request("POST", "/fapi/v1/order")) for _ in range(50)]

    assert run() == run()


def test_money_has_no_exponent_on_a_stream() -> None:
    assert text(Decimal("1E+3")) == "1000"
    assert text(Decimal("-0.0")) == "0"
    assert eight(Decimal(1) / 3) == "0.33333333"
    assert like(Decimal("5"), Decimal("0.10")) == "5.00"
