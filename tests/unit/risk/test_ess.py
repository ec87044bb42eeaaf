from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.codec import canonical, decode, plain
from qt_ray.core.compiled import compiled
from qt_ray.core.errors import Invalid
from qt_ray.risk.ess import (
    BY_A_PERSON,
    REFUSED,
    TRANSITIONS,
    Cause,
    Emergency,
    EssSignal,
    EssState,
    as_array,
    progress,
    recalled,
    reset,
    switch,
    trip,
    why_not_reset,
)

pytestmark = pytest.mark.unit

MACHINE = sorted(set(EssSignal) - BY_A_PERSON)
COOLDOWN = 900_000
LATCHED = [state for state in EssState if state.is_latched]


def tripped(*signals: EssSignal, cause: Cause = Cause.FLASH_CRASH) -> Emergency:
    now = trip(Emergency(), cause, "equity fell 4 %", 1_000)
    for at, signal in enumerate(signals):
        now = progress(now, signal, 2_000 + at)
    return now


WHOLE = plain(Emergency())
COOLING = tripped(EssSignal.FLATTENED, EssSignal.SETTLED)


@pytest.mark.requirement("P0-02")
@pytest.mark.p0_patches
@pytest.mark.parametrize(("state", "signal"), list(product(LATCHED, MACHINE)))
def test_nothing_but_a_person_leaves_tripped(state: EssState, signal: EssSignal) -> None:
    if TRANSITIONS.foresees(state, signal):
        assert TRANSITIONS.advance(state, signal).is_latched


@given(st.lists(st.sampled_from(MACHINE), max_size=30), st.sampled_from(LATCHED))
def test_no_sequence_of_machine_signals_opens_the_latch(signals: list[EssSignal], state: EssState) -> None:
    for signal in signals:
        if TRANSITIONS.foresees(state, signal):
            state = TRANSITIONS.advance(state, signal)
    assert state.is_latched


@pytest.mark.requirement("S3 EmergencyStop")
@pytest.mark.parametrize("state", LATCHED)
def test_only_a_reset_opens_the_latch_and_only_when_all_is_flat(state: EssState) -> None:
    openers = {s for s in EssSignal if TRANSITIONS.foresees(state, s) and not TRANSITIONS.advance(state, s).is_latched}
    assert openers == ({EssSignal.RESET} if state is EssState.COOLING_DOWN else set())


@pytest.mark.parametrize("state", EssState)
def test_every_state_hears_a_trip_and_a_restart(state: EssState) -> None:
    assert TRANSITIONS.foresees(state, EssSignal.TRIP)
    assert TRANSITIONS.foresees(state, EssSignal.RESTARTED)
    assert TRANSITIONS.advance(state, EssSignal.TRIP_BY_HAND) is EssState.FLATTENING
    if state is not EssState.DISABLED:
        assert TRANSITIONS.advance(state, EssSignal.TRIP) is EssState.FLATTENING


def test_every_state_can_be_reached_and_none_is_an_end() -> None:
    assert TRANSITIONS.reachable == set(EssState)
    assert TRANSITIONS.terminal == set()


def test_compiled_code_sees_the_same_table() -> None:
    table = as_array()
    for state, signal in product(EssState, EssSignal):
        expected = TRANSITIONS.advance(state, signal) if TRANSITIONS.foresees(state, signal) else REFUSED
        assert table[state, signal] == expected
        assert _step(table, int(state), int(signal)) == expected


@compiled
def _step(table: Any, state: int, signal: int) -> int:
    return int(table[state, signal])


@pytest.mark.requirement("S3 EmergencyStop")
def test_names_are_the_founding_ones() -> None:
    labels = [state.label for state in EssState]
    assert labels == [
        "DISABLED",
        "ARMED",
        "TRIPPED/FLATTENING",
        "TRIPPED/FLAT",
        "TRIPPED/FLATTEN_FAILED",
        "COOLING_DOWN",
    ]
    assert [int(state) for state in EssState] == list(range(6))


def test_an_emergency_is_followed_from_trip_to_reset() -> None:
    assert Emergency().allows_entries
    assert not COOLING.allows_entries
    assert (COOLING.state, COOLING.cooling_since_ms, COOLING.trips) == (EssState.COOLING_DOWN, 2_001, 1)
    done = reset(COOLING, Cause.FLASH_CRASH, "alice", "venue glitch", 2_001 + COOLDOWN, COOLDOWN, reconciled=True)
    assert (done.state, done.resets, done.causes, done.cooling_since_ms) == (EssState.ARMED, 1, (), None)
    assert (done.changed_by, done.changed_because, done.allows_entries) == ("alice", "venue glitch", True)


@pytest.mark.parametrize(
    ("now", "cause", "person", "reason", "at", "reconciled", "rule"),
    [
        (COOLING, Cause.FLASH_CRASH, "", "x", 10**9, True, "a person and a reason"),
        (COOLING, Cause.FLASH_CRASH, "alice", " ", 10**9, True, "a person and a reason"),
        (COOLING, Cause.FEED, "alice", "x", 10**9, True, "names a cause"),
        (
            COOLING,
            Cause.FLASH_CRASH,
            "alice",
            "x",
            2_000 + COOLDOWN,
            True,
            "900000 ms, 1 ms are left",
        ),
        (COOLING, Cause.FLASH_CRASH, "alice", "x", 10**9, False, "books agree"),
        (tripped(), Cause.FLASH_CRASH, "alice", "x", 10**9, True, "TRIPPED/FLATTENING"),
        (tripped(EssSignal.FLATTENED), Cause.FLASH_CRASH, "alice", "x", 10**9, True, "TRIPPED/FLAT"),
        (tripped(EssSignal.FAILED), Cause.FLASH_CRASH, "alice", "x", 10**9, True, "FLATTEN_FAILED"),
        (Emergency(), Cause.FLASH_CRASH, "alice", "x", 10**9, True, "names a cause"),
    ],
)
def test_a_reset_has_a_person_a_reason_a_cause_a_flat_book_and_patience(
    now: Emergency, cause: Cause, person: str, reason: str, at: int, reconciled: bool, rule: str
) -> None:
    assert rule in (why_not_reset(now, cause, person, reason, at, COOLDOWN, reconciled) or "")
    with pytest.raises(Invalid):
        reset(now, cause, person, reason, at, COOLDOWN, reconciled)


def test_a_cause_is_cleared_only_for_that_cause() -> None:
    two = trip(tripped(), Cause.FEED, "stale", 1_500)
    for signal in (EssSignal.FLATTENED, EssSignal.SETTLED):
        two = progress(two, signal, 2_000)
    one = reset(two, Cause.FEED, "alice", "feed is back", 10**9, COOLDOWN, reconciled=True)
    assert (one.state, one.causes, one.resets) == (EssState.COOLING_DOWN, (Cause.FLASH_CRASH,), 0)
    both = reset(one, Cause.FLASH_CRASH, "alice", "reviewed", 10**9, COOLDOWN, reconciled=True)
    assert both.state is EssState.ARMED


def test_a_new_trip_while_cooling_flattens_again_and_cools_anew() -> None:
    again = trip(COOLING, Cause.FEED, "stale", 5_000)
    assert (again.state, again.cooling_since_ms, again.trips) == (EssState.FLATTENING, None, 1)
    cooled = progress(progress(again, EssSignal.FLATTENED, 6_000), EssSignal.SETTLED, 7_000)
    assert cooled.cooling_since_ms == 7_000


def test_what_reopens_is_flattened_again() -> None:
    for now in (tripped(EssSignal.FLATTENED), COOLING, tripped(EssSignal.FAILED)):
        assert progress(now, EssSignal.REOPENED, 9_000).state is EssState.FLATTENING


# The three tests below are mistakes 2, 3 and 5 of earlier systems; the fifth is in test_triggers.
def test_a_second_activation_after_a_failed_close_tries_again() -> None:
    failed = tripped(EssSignal.FAILED)
    again = trip(failed, Cause.MANUAL, "close it", 5_000)
    assert again.state is EssState.FLATTENING
    assert (again.tripped_at_ms, again.reason) == (1_000, "equity fell 4 %")
    assert trip(tripped(), Cause.FEED, "stale", 5_000).state is EssState.FLATTENING


@pytest.mark.parametrize(
    ("now", "after"),
    [
        (tripped(), EssState.FLATTENING),
        (tripped(EssSignal.FLATTENED), EssState.FLATTENING),
        (tripped(EssSignal.FAILED), EssState.FLATTENING),
        (COOLING, EssState.COOLING_DOWN),
        (Emergency(), EssState.ARMED),
        (Emergency(EssState.DISABLED), EssState.DISABLED),
    ],
)
def test_a_restart_re_enters_an_emergency_half_done(now: Emergency, after: EssState) -> None:
    found = recalled(decode(canonical(now)), 9_000)
    assert found.state is after
    assert (found.causes, found.tripped_at_ms) == (now.causes, now.tripped_at_ms)


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        [],
        "ARMED",
        {"state": 1},
        {**WHOLE, "state": 9},
        {**WHOLE, "state": []},
        {**WHOLE, "state": 5, "causes": ["feed"], "tripped_at_ms": 1},
        {**WHOLE, "state": 2},
        {**WHOLE, "sate": 1},
        {**WHOLE, "trips": "1"},
    ],
)
def test_a_state_that_cannot_be_read_is_an_emergency(data: object) -> None:
    found = recalled(data, 9_000)
    assert found.state is EssState.FLATTENING
    assert found.causes == (Cause.STATE_UNREADABLE,)
    assert found.reason


def test_a_disabled_stop_ignores_machines_and_obeys_people() -> None:
    off = switch(Emergency(), False, "alice", "maintenance", 1)
    assert trip(off, Cause.FEED, "stale", 2) == off
    assert trip(off, Cause.MANUAL, "now", 2).state is EssState.FLATTENING
    assert switch(off, True, "alice", "done", 3).state is EssState.ARMED
    for person, reason in (("", "x"), ("alice", "")):
        with pytest.raises(Invalid):
            switch(off, True, person, reason, 3)


@pytest.mark.parametrize("now", [tripped(), tripped(EssSignal.FLATTENED), tripped(EssSignal.FAILED), COOLING])
def test_a_latch_cannot_be_switched_off(now: Emergency) -> None:
    for enabled in (True, False):
        with pytest.raises(Invalid):
            switch(now, enabled, "alice", "in my way", 9_000)


@pytest.mark.parametrize("signal", [*sorted(BY_A_PERSON), EssSignal.TRIP])
def test_the_machinery_cannot_speak_for_a_person(signal: EssSignal) -> None:
    with pytest.raises(Invalid):
        progress(COOLING, signal, 9_000)


def test_an_emergency_is_plain_data() -> None:
    assert plain(COOLING)["causes"] == ["flash_crash"]
    assert plain(COOLING)["state"] == 5
    assert as_array().dtype == np.int8
