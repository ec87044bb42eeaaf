from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters.layers import Layer, Pile, leaves, nested, word
from qt_ray.core.errors import InvalidConfig

pytestmark = pytest.mark.unit

NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.one_of(st.integers(0, 9), st.lists(st.integers(0, 9), min_size=1, max_size=2))
SECTIONS = st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, min_size=1, max_size=3), max_size=3)


def piled(*tables: dict[str, Any]) -> Pile:
    pile = Pile()
    for number, table in enumerate(tables):
        pile.add(Layer(f"layer {number}", table))
    return pile


@given(st.lists(SECTIONS, min_size=1, max_size=4))
def test_each_value_is_the_last_layers_that_names_it_and_so_is_its_source(
    tables: list[dict[str, Any]],
) -> None:
    pile = piled(*tables)
    found = dict(leaves(pile.values))
    for number, table in enumerate(tables):
        for key, value in leaves(table):
            later = [key in dict(leaves(other)) for other in tables[number + 1 :]]
            if not any(later):
                assert found[key] == value
                assert pile.source(key) == f"layer {number}"
    assert set(found) == {key for table in tables for key, _ in leaves(table)}


@given(SECTIONS, SECTIONS)
def test_a_layer_is_never_changed_by_what_lies_on_it(below: dict[str, Any], above: dict[str, Any]) -> None:
    before = repr(below)
    piled(below, above)
    assert repr(below) == before


@given(SECTIONS)
def test_dotted_keys_and_nested_tables_say_the_same(table: dict[str, Any]) -> None:
    dotted = dict(leaves(table))
    assert nested(dotted, dict.fromkeys(dotted, "here")) == table


def test_another_kind_starts_its_section_from_that_kinds_defaults() -> None:
    pile = Pile({"rule.fast": {"kind": "fast", "bars": 3, "deep": {"x": 1}}})
    pile.add(Layer("file", {"rule": {"kind": "slow", "hours": 9}}))
    pile.add(Layer("flag", {"rule": {"kind": "fast", "deep": {"x": 2}}}))
    assert pile.values == {"rule": {"kind": "fast", "bars": 3, "deep": {"x": 2}}}
    assert {key: pile.source(key) for key in ("rule.kind", "rule.bars", "rule.deep.x")} == {
        "rule.kind": "flag",
        "rule.bars": "defaults",
        "rule.deep.x": "flag",
    }
    assert pile.kinds["rule.fast"] == {"kind": "fast", "bars": 3, "deep": {"x": 1}}


def test_the_same_kind_again_keeps_what_was_set() -> None:
    pile = piled({"rule": {"kind": "slow", "hours": 9}}, {"rule": {"kind": "slow"}})
    assert pile.values["rule"]["hours"] == 9


def test_an_empty_heading_clears_nothing() -> None:
    assert piled({"a": {"b": 1}}, {"a": None}).values == {"a": {"b": 1}}


@pytest.mark.parametrize("keys", [["a", "a.b"], ["a.b", "a.b.c"], ["a..b"], [""], ["."], ["a."], ["a." * 9 + "b"]])
def test_keys_that_make_no_table_are_refused(keys: list[str]) -> None:
    with pytest.raises(InvalidConfig, match=r"^here: "):
        nested(dict.fromkeys(keys, 1), dict.fromkeys(keys, "here"))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("null", None),
        (' ["A", "B"]', ["A", "B"]),
        ('{"A": "0.1"}', {"A": "0.1"}),
        ("[A, B]", "[A, B]"),
        ("0.10", "0.10"),
        ("true", "true"),
        ("", ""),
    ],
)
def test_a_word_is_null_a_json_collection_or_itself(text: str, meant: object) -> None:
    assert word(text) == meant
