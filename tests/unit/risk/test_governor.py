from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.risk.governor import (
    UNHEARD,
    VOTE_AGE_MAX_MS,
    Action,
    Layer,
    Level,
    Request,
    SafetyGovernor,
    Vote,
    fuse,
    rule,
)

pytestmark = pytest.mark.unit

NOW = 1_000_000
FREE = [Vote(layer, Level.NORMAL, NOW) for layer in Layer]
votes = st.builds(
    Vote,
    st.sampled_from(Layer),
    st.sampled_from(Level),
    st.integers(NOW - 2 * VOTE_AGE_MAX_MS, NOW + 10),
    st.integers(0, 10_000),
    st.integers(1, 125),
    st.sampled_from(["", "drift", "losses"]),
)
ballots = st.lists(votes, max_size=6)
requests = st.builds(Request, st.integers(0, 10**6), st.integers(1, 125))


@pytest.mark.requirement("P1-03")
@pytest.mark.p1_patches
@given(ballots, st.randoms(use_true_random=False))
def test_the_order_of_votes_cannot_matter(ballot: list[Vote], dice: Random) -> None:
    shuffled = list(ballot)
    dice.shuffle(shuffled)
    assert fuse(shuffled, NOW) == fuse(ballot, NOW)


@pytest.mark.requirement("P1-03")
@pytest.mark.p1_patches
@given(ballots, votes, requests)
def test_one_more_vote_never_loosens(ballot: list[Vote], more: Vote, request: Request) -> None:
    before, after = fuse(FREE + ballot, NOW), fuse([*FREE, *ballot, more], NOW)
    assert after.level >= before.level
    assert after.size_bps <= before.size_bps
    assert after.leverage_max <= before.leverage_max
    assert rule(after, request).size <= rule(before, request).size


@pytest.mark.requirement("S3 SafetyGovernor")
@given(ballots, requests)
def test_risk_only_shrinks_and_a_bound_names_its_layer(ballot: list[Vote], request: Request) -> None:
    ruling = rule(fuse(ballot, NOW), request)
    assert ruling.size <= request.size
    assert ruling.leverage <= request.leverage
    assert (ruling.action is Action.ALLOW) is (ruling.layer == "")
    assert (ruling.action is Action.BLOCK) is (ruling.size == 0)


@given(ballots, requests)
def test_lessening_risk_is_always_allowed(ballot: list[Vote], request: Request) -> None:
    ruling = rule(fuse(ballot, NOW), replace(request, reduces=True))
    assert (ruling.action, ruling.size, ruling.leverage) == (Action.ALLOW, request.size, request.leverage)


@pytest.mark.requirement("S3 SafetyGovernor")
def test_nothing_computed_yet_blocks() -> None:
    assert fuse([], NOW) == UNHEARD
    assert SafetyGovernor().review(Request(10, 1), NOW).action is Action.BLOCK
    assert SafetyGovernor().review(Request(10, 1, reduces=True), NOW).action is Action.ALLOW


@pytest.mark.parametrize("silent", Layer)
def test_a_layer_that_has_not_spoken_blocks_and_is_named(silent: Layer) -> None:
    ruling = rule(fuse([vote for vote in FREE if vote.layer is not silent], NOW), Request(10, 1))
    assert (ruling.action, ruling.layer) == (Action.BLOCK, silent)


@pytest.mark.parametrize("at_ms", [NOW - VOTE_AGE_MAX_MS - 1, NOW + 1])
@pytest.mark.parametrize("stale", Layer)
def test_a_stale_vote_or_one_from_the_future_blocks(stale: Layer, at_ms: int) -> None:
    ballot = [replace(vote, at_ms=at_ms) if vote.layer is stale else vote for vote in FREE]
    ruling = rule(fuse(ballot, NOW), Request(10, 1))
    assert (ruling.action, ruling.layer) == (Action.BLOCK, stale)
    assert "ms old" in ruling.reason


@pytest.mark.parametrize(
    ("level", "action", "size", "leverage"),
    [
        (Level.NORMAL, Action.ALLOW, 1_000, 4),
        (Level.CAUTIOUS, Action.MODIFY, 750, 4),
        (Level.DEFENSIVE, Action.DOWNGRADE, 500, 2),
        (Level.EMERGENCY, Action.BLOCK, 0, 1),
    ],
)
def test_a_level_is_enforced_whoever_voted_for_it(level: Level, action: Action, size: int, leverage: int) -> None:
    governor = SafetyGovernor()
    for layer in Layer:
        governor.hear(Vote(layer, level if layer is Layer.HFOS else Level.NORMAL, NOW))
    ruling = governor.review(Request(1_000, 4), NOW)
    assert (ruling.action, ruling.size, ruling.leverage) == (action, size, leverage)
    assert ruling.layer == ("" if action is Action.ALLOW else Layer.HFOS)


def test_a_newer_vote_replaces_an_older_one_and_of_equals_the_stricter_stays() -> None:
    governor = SafetyGovernor(required=frozenset({Layer.RISK}))
    governor.hear(Vote(Layer.RISK, Level.DEFENSIVE, NOW - 2))
    governor.hear(Vote(Layer.RISK, Level.NORMAL, NOW - 3))
    assert governor.directive(NOW).level is Level.DEFENSIVE
    governor.hear(Vote(Layer.RISK, Level.NORMAL, NOW - 1))
    assert governor.directive(NOW).level is Level.NORMAL
    governor.hear(Vote(Layer.RISK, Level.CAUTIOUS, NOW - 1))
    governor.hear(Vote(Layer.RISK, Level.NORMAL, NOW - 1))
    assert governor.directive(NOW).level is Level.CAUTIOUS
    assert governor.directive(NOW).allows_entries


def test_a_vote_in_pieces_is_the_least_of_each_piece() -> None:
    ballot = [*FREE, replace(FREE[0], size_bps=3_000), replace(FREE[1], leverage_max=2)]
    directive = fuse(ballot, NOW)
    assert (directive.size_bps, directive.size_by) == (3_000, Layer.SELF_HEALING)
    assert (directive.leverage_max, directive.leverage_by) == (2, Layer.RISK)
    assert rule(directive, Request(1, 3)).action is Action.BLOCK


@pytest.mark.parametrize(
    "changes", [{"size_bps": -1}, {"size_bps": 10_001}, {"leverage_max": 0}, {"leverage_max": 126}]
)
def test_an_impossible_vote_cannot_be_cast(changes: dict[str, int]) -> None:
    with pytest.raises(Invalid):
        replace(FREE[0], **changes)


@pytest.mark.parametrize(("size", "leverage"), [(-1, 1), (1, 0)])
def test_an_impossible_request_cannot_be_made(size: int, leverage: int) -> None:
    with pytest.raises(Invalid):
        Request(size, leverage)
