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


def test_a_later_grant_takes_the_place_of_an_earlier_one_of_the_same_owner() -> None:
    grants = Reservations()
    grants.reserve("d1", "desk", [LONG], 0)
    grants.reserve("d2", "desk", [SHORT], 1)
    assert committed(grants.claims("person", 2)).gross == 40
    assert len(grants) == 1


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
def test_what_all_others_hold_is_the_sum_of_their_newest_grants(story: list[tuple[str, int]]) -> None:
    grants, newest = Reservations(), dict[str, int]()
    for number, (owner, net) in enumerate(story):
        grants.reserve(f"d{number}", owner, [Claim(0, abs(net), net, 0, opens=False)], number)
        newest[owner] = net
    for owner in OWNERS:
        others = [net for who, net in newest.items() if who != owner]
        assert committed(grants.claims(owner, len(story))).net.net == sum(others)
