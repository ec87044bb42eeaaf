from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.codec import NUMBER, canonical, decimal_text, decode, digest, parse_decimal
from qt_ray.core.errors import Invalid
from qt_ray.core.restore import restore, restore_as

pytestmark = pytest.mark.unit

decimals = st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**15), max_value=10**15)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
plains = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcä_", max_size=4), inner, max_size=4),
    max_leaves=12,
)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Leaf:
    amount: Decimal
    colour: Colour
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Cat:
    kind: ClassVar[str] = "cat"
    lives: int


@dataclass(frozen=True, slots=True)
class Dog:
    kind: ClassVar[str] = "dog"
    lives: int


@dataclass(frozen=True, slots=True)
class Tree:
    leaves: tuple[Leaf, ...]
    pair: tuple[int, str]
    table: Mapping[str, Decimal]
    animal: Cat | Dog
    weight: float = 0.5


leaves = st.builds(Leaf, decimals, st.sampled_from(Colour), st.none() | st.text("ab"))
trees = st.builds(
    Tree,
    st.lists(leaves, max_size=3).map(tuple),
    st.tuples(st.integers(0, 9), st.text("xy")),
    st.dictionaries(st.text("kl", max_size=3), decimals, max_size=3),
    st.builds(Cat, st.integers(1, 9)) | st.builds(Dog, st.integers(1, 9)),
    st.floats(-1, 1),
)


@given(plains)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    assert decode(canonical(value)) == value
    assert canonical(decode(canonical(value))) == canonical(value)


@given(trees)
def test_typed_values_come_back_as_they_were(tree: Tree) -> None:
    assert restore(Tree, decode(canonical(tree))) == tree


@given(st.dictionaries(st.text("abc"), st.integers(0, 9)))
def test_the_order_of_keys_cannot_matter(table: dict[str, int]) -> None:
    assert canonical(table) == canonical(dict(reversed(table.items())))


@given(decimals)
def test_equal_decimals_have_one_spelling(value: Decimal) -> None:
    assert decimal_text(value) == decimal_text(value * Decimal("1.0000"))
    assert parse_decimal(decimal_text(value)) == value
    assert "E" not in decimal_text(value)


def test_zero_has_no_sign_and_no_places() -> None:
    assert [decimal_text(Decimal(text)) for text in ("-0", "0.000", "0E+5")] == ["0", "0", "0"]
    assert canonical(-0.0) == canonical(0.0) == b"0.0"


def test_spelling_is_what_disk_and_digests_already_hold() -> None:
    value = {"b": (1, 2.5, Decimal("10.500")), "a": Colour.RED, "n": None, "t": True, "x": 1e16}
    assert canonical(value) == b'{"a":"red","b":[1,2.5,"10.5"],"n":null,"t":true,"x":1e+16}'
    assert digest(value) == digest(dict(value))
    assert len(digest(value)) == 64


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        Decimal("1e400"),
        2**63,
        datetime(2026, 1, 1, tzinfo=UTC),
        {1: 2},
        {"x": b"bytes"},
        {"x", "y"},
        np.int64(1),
        "\ud800",
        Leaf,
    ],
)
def test_what_has_no_single_spelling_is_refused(value: object) -> None:
    with pytest.raises(Invalid):
        canonical(value)


def test_endless_nesting_is_refused() -> None:
    value: list[Any] = []
    for _ in range(100):
        value = [value]
    with pytest.raises(Invalid, match="deep"):
        canonical(value)


def test_numpy_floats_are_spelled_like_floats() -> None:
    assert canonical(np.float64(0.1)) == b"0.1"


@pytest.mark.parametrize(
    "text",
    [
        "１",
        "1_0",
        " 1",
        "1 ",
        "1\n",
        "NaN",
        "Infinity",
        "1e400",
        "1e-400",
        "",
        "-",
        ".5",
        "5.",
        "01",
        "0x1",
        "+1",
        "1,0",
    ],
)
def test_numbers_no_venue_ever_meant_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_decimal(text)


def test_numbers_have_a_bounded_length() -> None:
    with pytest.raises(Invalid):
        parse_decimal("1" * 41)
    with pytest.raises(Invalid):
        parse_decimal("1" * 1_000_000)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", "0"), ("-0.10", "-0.1"), ("1e3", "1000"), ("0.00000001", "1e-8"), ("1.5E-2", "0.015")],
)
def test_numbers_venues_do_send_are_read(text: str, value: str) -> None:
    assert parse_decimal(text) == Decimal(value)


GOOD = {
    "leaves": [{"amount": "1.5", "colour": "red", "note": None}],
    "pair": [1, "x"],
    "table": {"k": "2"},
    "animal": {"kind": "dog", "lives": 3},
    "weight": 1,
}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"leaves": [{"amount": "abc", "colour": "red"}]}, r"tree\.leaves\[0\]\.amount"),
        ({"leaves": [{"amount": 1.5, "colour": "red"}]}, r"tree\.leaves\[0\]\.amount: a decimal in quotes"),
        ({"leaves": [{"amount": "1", "colour": "green"}]}, r"tree\.leaves\[0\]\.colour: one of red, blue"),
        ({"leaves": [{"colour": "red"}]}, r"tree\.leaves\[0\]\.amount: required"),
        ({"leaves": {}}, r"tree\.leaves: a list"),
        ({"leaves": [7]}, r"tree\.leaves\[0\]: a table"),
        ({"pair": [1]}, r"tree\.pair: 2 items"),
        ({"pair": [True, "x"]}, r"tree\.pair\[0\]: a whole number"),
        ({"table": 3}, r"tree\.table: a table"),
        ({"animal": {"kind": "fish", "lives": 1}}, r"tree\.animal: a kind of cat, dog"),
        ({"animal": 5}, r"tree\.animal: a kind of"),
        ({"weigth": 1}, r"tree\.weigth: unknown, nearest is weight"),
        ({"weight": "1"}, r"tree\.weight: a number"),
    ],
)
def test_every_mistake_is_named_by_its_place(change: dict[str, Any], place: str) -> None:
    with pytest.raises(Invalid, match=place):
        restore(Tree, {**GOOD, **change})


def test_whole_numbers_pass_for_floats_and_decimals_for_themselves() -> None:
    assert restore(Tree, GOOD).weight == 1.0
    assert isinstance(restore(Tree, GOOD).weight, float)
    assert restore(Leaf, {"amount": Decimal("0.1"), "colour": "red"}).amount == Decimal("0.1")
    with pytest.raises(Invalid, match="a decimal in quotes"):
        restore(Leaf, {"amount": Decimal("NaN"), "colour": "red"})


def test_keys_may_be_enums_and_zeros_may_have_places() -> None:
    assert canonical({Colour.RED: Decimal("0E-40")}) == b'{"red":"0"}'
    assert decimal_text(Decimal("1." + "0" * 60)) == "1"


def test_what_may_be_anything_stays_as_it_is() -> None:
    anything = {"deep": [1, 0.5, None, {"a": "b"}]}
    assert restore_as(Any, anything, "plan") is anything
    assert restore_as(Mapping[str, Any], anything, "plan") == anything


def test_what_is_left_out_has_its_default() -> None:
    assert restore(Tree, {k: v for k, v in GOOD.items() if k != "weight"}).weight == 0.5
    assert restore(Leaf, {"amount": 3, "colour": "red"}) == Leaf(Decimal(3), Colour.RED)


def test_bytes_that_are_not_json_are_refused() -> None:
    for data in (b"", b"{", b"NaN", b"\xff", b'{"a":1} x'):
        with pytest.raises(Invalid):
            decode(data)


@given(st.from_regex(NUMBER, fullmatch=True).filter(lambda text: len(text) < 60))
def test_a_number_is_read_if_and_only_if_it_is_in_range(text: str) -> None:
    value = Decimal(text)
    digits = value.normalize(Context(prec=100)).as_tuple()
    exponent = digits.exponent
    assert isinstance(exponent, int)
    fits = exponent >= -28 and exponent + len(digits.digits) <= 28 and len(digits.digits) <= 40
    if fits and value:
        assert parse_decimal(text) == value
    elif value:
        with pytest.raises(Invalid, match="at most"):
            parse_decimal(text)
