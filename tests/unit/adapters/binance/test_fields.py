from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.binance.fields import Fields, each
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Side

pytestmark = pytest.mark.unit


def value(raw: Any) -> Fields:
    return Fields({"x": raw}, "here")


WRONG_NUMBERS = [
    "１",
    "1_0",
    " 1",
    "1 ",
    "NaN",
    "1e400",
    "Infinity",
    "",
    "+1",
    ".5",
    "5.",
    "0x1",
    None,
    1,
    1.5,
    True,
    [],
]


@pytest.mark.parametrize("raw", WRONG_NUMBERS)
def test_a_number_is_a_string_of_plain_digits(raw: Any) -> None:
    for read in (Fields.number, Fields.amount, Fields.positive):
        with pytest.raises(Invalid, match=r"here\.x: "):
            read(value(raw), "x")


@pytest.mark.requirement("L5")
@settings(max_examples=100, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=8))
def test_every_digit_of_a_number_is_kept(number: Decimal) -> None:
    assert value(format(number, "f")).number("x") == number


def test_signs_are_kept_where_they_mean_something() -> None:
    assert value("-1").number("x") == -1
    assert value("0").amount("x") == 0
    for read, raw, rule in (
        (Fields.amount, "-1", "zero or above, was -1"),
        (Fields.positive, "0", "above zero, was 0"),
    ):
        with pytest.raises(Invalid, match=rule):
            read(value(raw), "x")


@pytest.mark.parametrize(("raw", "price"), [("1.5", Decimal("1.5")), ("0.00", None), ("", None), (None, None)])
def test_no_price_is_no_number(raw: Any, price: Decimal | None) -> None:
    assert value(raw).price("x") == price
    assert Fields({}, "here").price("x") is None


def test_a_negative_price_is_no_price() -> None:
    with pytest.raises(Invalid, match="zero or above"):
        value("-0.01").price("x")


@pytest.mark.parametrize(("raw", "moment"), [(5, 5), ("1736996475556", 1736996475556)])
def test_a_moment_may_be_written_either_way(raw: Any, moment: int) -> None:
    assert value(raw).moment("x") == moment


@pytest.mark.parametrize("raw", ["１２", "-1", "", -1, 1.0, True, None, "9" * 30])
def test_anything_else_is_no_moment(raw: Any) -> None:
    with pytest.raises(Invalid, match=r"here\.x: a whole number from 0"):
        value(raw).moment("x")


@pytest.mark.parametrize(("raw", "ratio"), [(0.0065, "0.0065"), (11450, "11450"), ("0.5", "0.5"), (0.0, "0")])
def test_a_ratio_is_read_as_it_is_written(raw: Any, ratio: str) -> None:
    assert value(raw).ratio("x") == Decimal(ratio)


def test_kinds_are_not_mixed_up() -> None:
    for read, raw in (
        (Fields.text, 5),
        (Fields.flag, 1),
        (Fields.flag, "true"),
        (Fields.whole, True),
        (Fields.whole, -1),
    ):
        with pytest.raises(Invalid, match=r"here\.x: "):
            read(value(raw), "x")
    with pytest.raises(Invalid, match=r"here\.x: one of BUY, SELL, was 'HOLD'"):
        value("HOLD").member("x", Side)
    with pytest.raises(Invalid, match=r"here\.x: one of A, B, was \['A'\]"):
        value(["A"]).word("x", frozenset("BA"))


def test_places_are_named_down_to_the_element() -> None:
    assert value([{"y": 1}]).parts("x")[0].where == "here.x[0]"
    assert value({"y": 1}).part("x").whole("y") == 1
    for read, rule in (
        (lambda: value(5).part("x"), r"here\.x: an object"),
        (lambda: value([5]).parts("x"), r"here\.x\[0\]: an object"),
        (lambda: value([]).parts("x", 2), r"here\.x: 2 of them, were 0"),
        (lambda: value({}).items("x"), r"here\.x: a list"),
        (lambda: Fields({}, "here").text("x"), r"here\.x: present, was missing"),
        (lambda: each({}, "list", Fields.whole), "list: a list"),
    ):
        with pytest.raises(Invalid, match=rule):
            read()


def test_a_bad_element_hides_no_good_one() -> None:
    found, broken = each([{"x": 1}, {"x": "2"}, 5, {"x": 3}], "list", lambda one: one.whole("x"))
    assert found == (1, 3)
    assert broken == ("list[1].x: a whole number from 0, was '2'", "list[2]: an object, was 5")
