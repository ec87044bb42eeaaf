"""What a sizing agent may say is one table, and whoever was made for another is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.ai.size_actions import SizeActions
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

rising = st.lists(st.integers(1, 100), min_size=1, max_size=5, unique=True).map(lambda found: tuple(sorted(found)))


@given(rising, rising)
def test_every_action_means_the_share_and_leverage_that_it_holds(
    shares: tuple[int, ...], lever: tuple[int, ...]
) -> None:
    actions = SizeActions(shares, lever)
    found = actions.fractions_bps()
    assert len(found) == len(actions)
    assert [share * leverage for share, leverage in map(actions.meaning, range(len(actions)))] == found.tolist()


@given(rising, rising, rising, rising)
def test_two_tables_share_a_hash_exactly_when_they_are_the_same(
    one: tuple[int, ...], other: tuple[int, ...], lever: tuple[int, ...], levers: tuple[int, ...]
) -> None:
    first, second = SizeActions(one, lever), SizeActions(other, levers)
    assert (first.hash == second.hash) is ((one, lever) == (other, levers))


def test_the_first_action_holds_nothing() -> None:
    assert SizeActions().meaning(0)[0] == SizeActions().fractions_bps()[0] == 0


def test_who_was_made_for_another_table_is_refused() -> None:
    actions = SizeActions()
    actions.check(actions.hash)
    for found in ("", SizeActions(leverages=(1,)).hash):
        with pytest.raises(Invalid, match="size actions: the schema is"):
            actions.check(found)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"shares_bps": ()}, "shares_bps: from 1 to 10000"),
        ({"shares_bps": (0, 5)}, "shares_bps: from 1 to 10000"),
        ({"shares_bps": (5, 5)}, "shares_bps: rise"),
        ({"leverages": (1, 126)}, "leverages: from 1 to 125"),
        ({"shares_bps": tuple(range(1, 100))}, "actions: at most 256, were 298"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(changed: dict[str, tuple[int, ...]], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        SizeActions(**changed)


@pytest.mark.parametrize("action", [-1, 16])
def test_an_action_that_there_is_not_means_nothing(action: int) -> None:
    with pytest.raises(Invalid, match="action: from 0 to 15"):
        SizeActions().meaning(action)
