from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.paper.order_reading import read_algo, read_order
from qt_ray.adapters.paper.params import Params, params_of, signed_bytes
from qt_ray.execution.exchange.values import Refusal

pytestmark = pytest.mark.unit


def refusal(fields: dict[str, object], algo: bool = False) -> Refusal:
    with pytest.raises(Refusal) as found:
        (read_algo if algo else read_order)(params_of(fields))
    return found.value


LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "2"}
STOP = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "triggerPrice": "9"}


@pytest.mark.parametrize("text", ["１", "1_0", " 1", "NaN", "1e400", "Infinity", "-1", "+1", "1.", ".5", "0x1", "1e3"])
def test_only_plain_ascii_digits_are_a_number(text: str) -> None:
    assert refusal({**LIMIT, "quantity": text}).code == -1100


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"side": "LONG"}, -1117),
        ({"type": "LIMITED"}, -1116),
        ({"timeInForce": "DAY"}, -1115),
        ({"timeInForce": None}, -1102),
        ({"quantity": None}, -1102),
        ({"price": None}, -1102),
        ({"symbol": ""}, -1102),
        ({"type": "STOP_MARKET"}, -4120),
        ({"type": "TRAILING_STOP_MARKET"}, -4120),
        ({"closePosition": "true"}, -4136),
        ({"newClientOrderId": "with space"}, -1100),
        ({"newClientOrderId": "x" * 37}, -1100),
        ({"type": "MARKET"}, -1106),
        ({"reduceOnly": "yes"}, -1100),
        ({"timeInForce": "GTD"}, -1102),
    ],
)
def test_an_order_that_is_wrong_on_the_wire_is_refused_by_number(change: dict[str, object], code: int) -> None:
    assert refusal({**LIMIT, **change}).code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"algoType": "VP"}, -1130),
        ({"type": "LIMIT"}, -1116),
        ({}, -1102),
        ({"closePosition": True, "quantity": "1"}, -1106),
        ({"closePosition": True, "reduceOnly": True}, -1106),
        ({"closePosition": True, "type": "STOP"}, -4136),
        ({"type": "TRAILING_STOP_MARKET", "quantity": "1"}, -1102),
    ],
)
def test_a_conditional_order_that_is_wrong_on_the_wire_is_refused_by_number(
    change: dict[str, object], code: int
) -> None:
    assert refusal({**STOP, **change}, algo=True).code == code


def test_a_stop_may_close_whatever_there_is() -> None:
    found = read_algo(params_of({**STOP, "closePosition": "TRUE", "workingType": "MARK_PRICE"}))
    assert (found.quantity, found.closes_position, found.working) == (None, True, "MARK_PRICE")


def test_a_price_match_stands_in_the_place_of_a_price() -> None:
    assert read_order(params_of({**LIMIT, "price": None, "priceMatch": "OPPONENT"})).price is None


def test_the_query_wins_where_a_name_is_in_both() -> None:
    params = Params.read(b"symbol=A&side=BUY", b"symbol=B&type=LIMIT")
    assert (params.text("symbol"), params.text("type")) == ("A", "LIMIT")


def test_the_signature_is_over_raw_bytes_wherever_it_stands() -> None:
    assert signed_bytes(b"a=%2C1&signature=ff&b=+", b"c=3&signature=ff") == b"a=%2C1&b=+c=3"


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(max_size=12), max_size=6))
@settings(max_examples=40, deadline=None)
def test_json_fields_mean_what_a_query_with_them_means(fields: dict[str, str]) -> None:
    read, made = Params.read(urlencode(fields).encode("utf-8"), b""), params_of(fields)
    for name in fields:
        assert read.maybe(name) == made.maybe(name)


def test_a_list_is_understood_in_either_spelling() -> None:
    for name in ("orderIdList", "orderidlist"):
        assert params_of({name: [1, 2]}).array("orderIdList", "orderidlist") == [1, 2]
    with pytest.raises(Refusal):
        params_of({"orderIdList": "1,2"}).array("orderIdList")


def test_too_many_parameters_are_refused() -> None:
    with pytest.raises(Refusal):
        Params.read(b"&".join(b"a%d=1" % number for number in range(201)), b"")
