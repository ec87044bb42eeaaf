from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.execution.gateway.budget import weight_of
from qt_ray.execution.looks import CALLS, GLANCE_SYMBOLS_MAX, WEIGHTS, Glance, Look, look_of
from qt_ray.execution.venue.calls import AskOpenOrders
from tests.unit.execution.venue_shown import name, order_view

pytestmark = pytest.mark.unit

SYMBOLS = [f"S{number:02}USDT" for number in range(60)]


@pytest.mark.parametrize("look", Look)
def test_a_look_weighs_what_its_call_weighs(look: Look) -> None:
    assert WEIGHTS[look] == weight_of(CALLS[look])


@given(st.sets(st.sampled_from(SYMBOLS)), st.sampled_from([Look.ORDERS, Look.ALGOS]))
def test_a_glance_is_cheaper_than_a_look_or_there_is_none(symbols: set[str], look: Look) -> None:
    glance = Glance.at(symbols, look)
    assert (glance is None) == (not symbols or len(symbols) > GLANCE_SYMBOLS_MAX)
    if glance is not None:
        assert sum(map(weight_of, glance.calls)) < WEIGHTS[look]
        assert {call.symbol for call in glance.calls} == symbols
        assert {look_of(call) for call in glance.calls} == {look}


@given(st.permutations(SYMBOLS[:4]), st.lists(st.integers(0, 99), min_size=4, max_size=4))
def test_a_glance_shows_what_its_parts_show_as_of_the_first_question(order: list[str], asked: list[int]) -> None:
    glance = Glance(frozenset(order), conditional=False)
    for number, symbol in enumerate(order):
        view = replace(order_view(name(number)), symbol=symbol)
        is_last = glance.take(AskOpenOrders(symbol), (view,), asked[number])
        assert is_last is (number == len(order) - 1)
    assert [view.symbol for view in glance.views] == sorted(order)
    assert glance.asked_ms == min(asked)


def test_what_a_glance_did_not_ask_for_or_has_already_is_no_part_of_it() -> None:
    glance = Glance(frozenset({"BTCUSDT", "ETHUSDT"}), conditional=True)
    call = AskOpenOrders("BTCUSDT", conditional=True)
    assert not glance.take(AskOpenOrders("SOLUSDT", conditional=True), (), 0)
    assert not glance.take(call, (), 5)
    assert not glance.take(call, (order_view(name(0)),), 1)
    assert (glance.views, glance.asked_ms) == ((), 5)
