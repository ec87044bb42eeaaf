"""A model that is quarantined has no weight, and without ENFORCED nothing has another weight than before."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.authority import TRANSITIONS, AuthorityMode, Charter, ModelStanding, Record, Trust, TrustSignal, judge
from qt_ray.ai.ensemble.spec import BASE_WEIGHTS
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

BASE = {name: BASE_WEIGHTS[name] for name in ("xgboost", "lightgbm", "patchtst", "nhits")}
ENFORCED = Charter(AuthorityMode.ENFORCED)
DAY_MS = ENFORCED.quarantine_ms
shares = st.floats(0, 1) | st.none()


def record(model: str, judged: int = 1_000, brier: float = 0.24) -> Record:
    return Record(model, min(judged, 1_000), judged, brier, 0.5, 0.5)


@st.composite
def cards(draw: st.DrawFn) -> list[Record]:
    found = []
    for name in BASE:
        for regime in ("all", "HIGH"):
            count = draw(st.sampled_from([0, 199, 200, 900]))
            found.append(Record(name, count, count, draw(shares), draw(shares), draw(shares), regime))
    return found


standings = st.fixed_dictionaries(
    {
        name: st.builds(
            ModelStanding,
            st.sampled_from(Trust),
            st.just(0),
            st.sampled_from([0, 500]),
            st.sampled_from([0.0, 0.1, 0.4]),
        )
        for name in BASE
    }
)
moments = st.sampled_from([1, DAY_MS])


@settings(max_examples=200, deadline=None)
@given(cards(), standings, moments)
def test_enforced_gives_no_weight_to_what_is_quarantined_or_blocked(
    found: list[Record], before: dict[str, ModelStanding], at_ms: int
) -> None:
    told = judge(BASE, found, before, at_ms, ENFORCED, "HIGH")
    for name, standing in told.standings.items():
        if standing.trust is Trust.QUARANTINED or name in told.blocked:
            assert told.weights[name] == 0.0
    free = [name for name in BASE if name not in told.blocked]
    assert bool(told.shortage) is (len(free) < ENFORCED.members_min)
    if told.shortage:
        assert set(told.weights.values()) == {0.0}
    else:
        assert sum(told.weights.values()) == pytest.approx(1.0, abs=1e-9)
        assert all(ENFORCED.share_min <= told.weights[name] <= ENFORCED.share_max for name in free)


@settings(max_examples=100, deadline=None)
@given(cards(), standings, moments, st.sampled_from(sorted(set(AuthorityMode) - {AuthorityMode.ENFORCED})))
def test_without_enforcement_the_base_weights_are_the_weights(
    found: list[Record], before: dict[str, ModelStanding], at_ms: int, mode: AuthorityMode
) -> None:
    told = judge(BASE, found, before, at_ms, replace(ENFORCED, mode=mode), "HIGH")
    assert told.weights == BASE
    if mode is AuthorityMode.OFF:
        assert (told.standings, told.blocked, told.proposed) == (before, {}, BASE)
    else:
        assert told.proposed == judge(BASE, found, before, at_ms, ENFORCED, "HIGH").weights


@settings(max_examples=100, deadline=None)
@given(cards(), standings, moments)
def test_the_order_of_models_cannot_matter(found: list[Record], before: dict[str, ModelStanding], at_ms: int) -> None:
    turned = dict(reversed(BASE.items())), found[::-1], dict(reversed(before.items()))
    assert judge(*turned, at_ms, ENFORCED, "HIGH") == judge(BASE, found, before, at_ms, ENFORCED, "HIGH")


def test_every_state_can_be_reached_and_none_is_an_end() -> None:
    assert TRANSITIONS.reachable == set(Trust)
    assert TRANSITIONS.terminal == frozenset()


def test_quarantine_is_left_by_release_into_probation_only() -> None:
    ways = {(signal, after) for (at, signal), after in TRANSITIONS.rows.items() if at is Trust.QUARANTINED}
    assert ways == {(TrustSignal.RELEASE, Trust.PROBATION)}


def test_a_faulty_model_goes_and_comes_back_after_a_time_with_fresh_evidence() -> None:
    story = [
        (1, 1_000, 0.30, Trust.SUSPECT),
        (2, 1_199, 0.30, Trust.SUSPECT),
        (3, 1_200, 0.30, Trust.QUARANTINED),
        (4 + DAY_MS, 1_399, 0.20, Trust.QUARANTINED),
        (2 + DAY_MS, 1_400, 0.20, Trust.QUARANTINED),
        (3 + DAY_MS, 1_400, 0.30, Trust.QUARANTINED),
        (3 + DAY_MS, 1_400, 0.20, Trust.PROBATION),
        (4 + DAY_MS, 1_599, 0.20, Trust.PROBATION),
        (5 + DAY_MS, 1_600, 0.20, Trust.TRUSTED),
    ]
    standings: dict[str, ModelStanding] = {}
    for at_ms, judged, brier, trust in story:
        found = [record(name) for name in BASE if name != "nhits"] + [record("nhits", judged, brier)]
        told = judge(BASE, found, standings, at_ms, ENFORCED)
        standings = dict(told.standings)
        assert standings["nhits"].trust is trust
        assert (told.weights["nhits"] == 0.0) is (trust is Trust.QUARANTINED)
        if trust is Trust.PROBATION:
            assert told.weights["nhits"] == pytest.approx(ENFORCED.share_min, abs=1e-9)


@pytest.mark.parametrize(
    ("said_up", "went_up", "is_blocked"),
    [
        (0.97, 0.5, True),
        (0.03, 0.5, True),
        (0.97, 0.8, False),
        (0.03, 0.2, False),
        (0.9, 0.5, False),
        (1.0, None, False),
    ],
)
def test_a_model_that_says_one_side_while_the_market_does_not_is_blocked(
    said_up: float, went_up: float | None, is_blocked: bool
) -> None:
    found = [Record("nhits", 900, 900, 0.24, said_up, went_up)]
    told = judge(BASE, found, {}, 1, ENFORCED)
    assert ("nhits" in told.blocked) is is_blocked
    assert (told.weights["nhits"] == 0.0) is is_blocked


def test_weights_move_by_a_step_at_most_towards_the_better_model() -> None:
    found = [record(name, brier=0.20 if name == "patchtst" else 0.25) for name in BASE]
    standings: dict[str, ModelStanding] = {}
    before, path = dict(BASE), []
    for at_ms in range(1, 12):
        told = judge(BASE, found, standings, at_ms, ENFORCED)
        moved = max(abs(told.weights[name] - before[name]) for name in BASE)
        assert moved <= ENFORCED.share_step_max + 1e-9
        before, standings = dict(told.weights), dict(told.standings)
        path.append(told.weights["patchtst"])
    assert path == sorted(path)
    assert path[-1] == pytest.approx(ENFORCED.share_max, abs=0.1)
    assert path[-1] > 0.4


def test_a_regime_has_a_skill_of_its_own() -> None:
    found = [record(name) for name in BASE] + [replace(record("nhits", brier=0.15), regime="HIGH")]
    here, there = (judge(BASE, found, {}, 1, ENFORCED, regime).weights["nhits"] for regime in ("HIGH", "all"))
    assert here > there


def test_too_few_models_are_said_to_be_too_few() -> None:
    gone = {name: ModelStanding(Trust.QUARANTINED, 0, 1_000) for name in ("nhits", "xgboost")}
    told = judge(BASE, [], gone, 1, ENFORCED)
    assert told.shortage == "a consensus has 3 members, 2 of 4 are left"
    assert set(told.weights.values()) == {0.0}


@pytest.mark.parametrize(
    "wrong", [{"outcomes_min": 0}, {"members_min": 17}, {"share_min": 0.1}, {"share_max": 0.3}, {"share_step_max": 0.0}]
)
def test_a_charter_that_cannot_be_kept_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(Invalid):
        replace(ENFORCED, **wrong)


def test_records_and_bases_that_are_none_are_refused() -> None:
    with pytest.raises(Invalid, match="among 1 that were judged"):
        Record("x", 2, 1, None, None, None)
    with pytest.raises(Invalid, match="from 0 to 1"):
        Record("x", 1, 1, 1.5, None, None)
    with pytest.raises(Invalid, match="weights above 0"):
        judge({"x": 0.0}, [], {}, 1, ENFORCED)
