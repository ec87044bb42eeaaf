"""At the emergency stop's own door: a stop with any reason or none, how it stands, and nothing else."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.actors.emergency_door import NO_REASON, EmergencyDoor, reason_in
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.policy import TEXT_MAX
from tests.unit.serve.consoles import House

pytestmark = pytest.mark.unit

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def ask(house: House, **asked: Any) -> Any:
    return asyncio.run(EmergencyDoor(house.stop, house.latch).answer(asked, "ann"))


def test_a_trip_is_answered_as_the_console_answers_it(house: House) -> None:
    at_door = ask(house, do="trip", reason="odd prices")
    at_console = house.ask("POST", "/api/emergency/trigger", {"reason": "odd prices"}).data
    assert at_door.keys() == at_console.keys()
    assert (at_door["acted"], at_door["is_flattening"]) == ("emergency_stop", True)
    assert at_door["latch"]["closed"]
    assert at_door["emergency"]["reason"] == "odd prices"
    assert house.stop.past[0].by == "ann"


def test_how_it_stands_is_said_as_the_console_says_it(house: House) -> None:
    ask(house, do="trip")
    told, shown = ask(house, do="status"), house.ask("GET", "/api/emergency/status").data
    assert told == {name: shown[name] for name in ("ess", "latch")}


@given(plain)
def test_any_reason_or_none_is_good_enough_to_stop(reason: Any) -> None:
    found = reason_in({"reason": reason})
    assert 0 < len(found) <= TEXT_MAX
    assert reason_in(reason) == NO_REASON or isinstance(reason, dict)


@pytest.mark.parametrize("deed", [None, "reset", 7, ["trip"]])
def test_nothing_else_is_done_at_this_door(house: House, deed: Any) -> None:
    with pytest.raises(Invalid, match="to do one of trip, status"):
        ask(house, do=deed)
    assert not house.stop.past


def test_what_the_stop_itself_cannot_say_is_not_made_up(house: House) -> None:
    house.stop.fault = Retryable("away")
    with pytest.raises(Retryable, match="away"):
        ask(house, do="status")
