from enum import Enum

import pytest

from qt_ray.core.errors import Invalid
from qt_ray.core.tables import Table

pytestmark = pytest.mark.unit


class Door(Enum):
    OPEN = 1
    SHUT = 2
    GONE = 3


class Hand(Enum):
    PUSH = 1
    PULL = 2
    BURN = 3


DOOR = Table(
    name="door",
    initial=Door.SHUT,
    rows={
        (Door.SHUT, Hand.PUSH): Door.OPEN,
        (Door.OPEN, Hand.PULL): Door.SHUT,
        (Door.OPEN, Hand.BURN): Door.GONE,
        (Door.GONE, Hand.PUSH): Door.GONE,
    },
)


def test_a_signal_leads_where_the_table_says() -> None:
    assert DOOR.advance(Door.SHUT, Hand.PUSH) is Door.OPEN
    assert DOOR.foresees(Door.SHUT, Hand.PUSH)
    assert not DOOR.foresees(Door.SHUT, Hand.PULL)


def test_what_is_not_in_the_table_cannot_happen() -> None:
    with pytest.raises(Invalid, match="door: SHUT takes PUSH, was BURN"):
        DOOR.advance(Door.SHUT, Hand.BURN)


def test_an_end_is_a_state_that_nothing_leaves() -> None:
    assert DOOR.terminal == {Door.GONE}
    assert DOOR.reachable == set(Door)


def test_the_diagram_has_one_arrow_per_pair_of_states() -> None:
    assert DOOR.mermaid() == (
        "stateDiagram-v2\n"
        "    [*] --> SHUT\n"
        "    SHUT --> OPEN: push\n"
        "    OPEN --> SHUT: pull\n"
        "    OPEN --> GONE: burn\n"
        "    GONE --> [*]\n"
    )
