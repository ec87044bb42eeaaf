from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.execution.gateway.fence import SHUT, Fence, why_not
from tests.unit.execution.gateway.stories import entry, exit_

pytestmark = pytest.mark.unit

fences = st.builds(Fence, st.integers(0, 9), st.integers(0, 1_000), st.booleans(), st.integers(0, 9))
OPEN = Fence(epoch=7, lease_until_ms=100)


@pytest.mark.requirement("L2")
@given(fences, st.integers(0, 2_000))
def test_an_exit_passes_every_fence(fence: Fence, at_ms: int) -> None:
    assert why_not(fence, exit_(), at_ms) is None


@pytest.mark.requirement("L2")
@given(fences, st.integers(0, 2_000))
def test_an_entry_passes_only_a_fence_that_has_nothing_against_it(fence: Fence, at_ms: int) -> None:
    agrees = fence.epoch == 7 and at_ms < fence.lease_until_ms and fence.policy_version_min <= 3
    assert (why_not(fence, entry(), at_ms) is None) is (agrees and not fence.emergency)


@pytest.mark.parametrize(
    ("fence", "reason"),
    [
        (replace(OPEN, emergency=True), "no entry in an emergency"),
        (replace(OPEN, lease_until_ms=50), "an entry needs a living lease, this one ended at 50, now 50"),
        (replace(OPEN, epoch=8), "an entry is of the epoch in force, 8, was 7"),
        (replace(OPEN, epoch=6), "an entry is of the epoch in force, 6, was 7"),
        (replace(OPEN, policy_version_min=4), "an entry is of policy 4 or newer, was 3"),
        (replace(OPEN, lapsed=lambda: "the lease has lapsed"), "the lease has lapsed"),
        (SHUT, "no entry in an emergency"),
    ],
)
def test_a_refusal_names_its_rule(fence: Fence, reason: str) -> None:
    assert why_not(fence, entry(), 50) == reason
