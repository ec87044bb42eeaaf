"""SPEC 3: concurrent approvals never over-commit, and nobody waits for who has forgotten a grant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.risk.hindrance import NOTHING, Committed, Sides
from qt_ray.risk.reservations import GRANTS_MAX, LEASE_MS, Claim, Reservations, committed

pytestmark = pytest.mark.unit

LONG = Claim(cluster=1, gross=100, net=100, maintenance=5, opens=True)
SHORT = Claim(cluster=1, gross=40, net=-40, maintenance=2, opens=False)


@pytest.mark.requirement("S3 RiskGuard")
def test_what_one_was_granted_counts_for_everybody_else_and_not_for_himself() -> None:
    grants = Reservations()
    grants.reserve("d1", "desk", [LONG, SHORT], 0)
    assert committed(grants.claims("desk", 1)) == NOTHING
    assert committed(grants.claims("person", 1)) == Committed(140, Sides(100, -40), 7, 1, {"1": Sides(100, -40)})


def test_a_later_grant_of_the_same_owner_stands_beside_an_earlier_one_and_takes_the_place_of_itself() -> None:
    grants = Reservations()
    grants.reserve("d1", "desk", [LONG], 0)
    grants.reserve("d2", "desk", [SHORT], 1)
    assert committed(grants.claims("person", 2)).gross == 140
    grants.reserve("d1", "desk", [SHORT], 2)
    assert committed(grants.claims("person", 2)).gross == 80
    grants.reserve("d1", "person", [LONG], 3)
    assert committed(grants.claims("person", 3)).gross == 80


def test_a_grant_ends_by_itself() -> None:
    grants = Reservations()
    grants.reserve("d1", "desk", [LONG], 0)
    assert grants.claims("person", LEASE_MS - 1) == (LONG,)
    assert grants.claims("person", LEASE_MS) == ()


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(Invalid, match="a claim adds"):
        Claim(0, -1, 0, 0, opens=False)
    with pytest.raises(Invalid, match="lasts for some time"):
        Reservations(0)
    grants = Reservations()
    for owner in range(GRANTS_MAX):
        grants.reserve(f"d{owner}", f"owner{owner}", [LONG], 0)
    with pytest.raises(Invalid, match="at most 1000 grants"):
        grants.reserve("more", "another", [LONG], 0)


OWNERS = ("desk", "person", "other")


@given(st.lists(st.tuples(st.sampled_from(OWNERS), st.integers(-9, 9)), max_size=12))
def test_what_all_others_hold_is_the_sum_of_their_grants_of_late(story: list[tuple[str, int]]) -> None:
    grants = Reservations()
    for number, (owner, net) in enumerate(story):
        grants.reserve(f"d{number}", owner, [Claim(0, abs(net), net, 0, opens=False)], number)
    for owner in OWNERS:
        others = [net for who, net in story if who != owner]
        assert committed(grants.claims(owner, len(story))).net.net == sum(others)
