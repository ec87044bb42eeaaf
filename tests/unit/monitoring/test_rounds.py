"""Nobody answers for another, silence is worse than bad news, and worse never leads to less."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.ai.hedge_fund_os import Health
from qt_ray.monitoring.healing import BEATS_MISSED_MS, RESTARTS_MAX, TABLE, WINDOW_MS, Deed, Patient, Ward
from qt_ray.monitoring.health import Condition, unheard
from qt_ray.monitoring.rounds import SILENT_MS, Change, Rounds
from qt_ray.monitoring.status import SCHEMA, Identity, health_page, status_of
from qt_ray.monitoring.views import Views
from tests.unit.monitoring.happenings import decided, worth

pytestmark = pytest.mark.unit

WELL = Condition("Desk", Health.HEALTHY, 0, since_ms=1, is_ready=True, pid=7, facts={"state": "ARMED"})
SILENT = replace(unheard("Desk", 0, "late"), since_ms=1)
healths = st.sampled_from(Health)


@pytest.mark.requirement("Sprint5-10")
@pytest.mark.sprint5
def test_a_part_is_unknown_until_it_was_heard() -> None:
    rounds = Rounds(["Desk"], 0)
    assert rounds.worst is Health.UNKNOWN
    assert rounds.why_not_ready == ("Desk: was not heard of yet",)
    change = rounds.heard(WELL, 1)
    assert change == Change(Health.UNKNOWN, WELL, is_new_life=True)
    assert change.is_other_health
    assert (rounds.worst, rounds.why_not_ready) == (Health.HEALTHY, ())
    assert rounds.heard(replace(WELL, at_ms=2), 2) is None


def test_a_late_answer_is_forgiven_and_silence_is_not() -> None:
    rounds = Rounds(["Desk"], 0)
    rounds.heard(WELL, 0)
    assert rounds.missed("Desk", "late", SILENT_MS - 1) is None
    assert rounds.facts("Desk") == {"state": "ARMED"}
    change = rounds.missed("Desk", "late", SILENT_MS)
    assert change is not None
    assert (change.after.health, change.after.reasons) == (Health.UNKNOWN, ("late",))
    assert rounds.facts("Desk") == {}
    assert rounds.missed("Desk", "late", SILENT_MS + 1) is None


def test_a_part_in_another_process_lives_anew() -> None:
    rounds = Rounds(["Desk"], 0)
    rounds.heard(WELL, 0)
    change = rounds.heard(replace(WELL, pid=8, since_ms=5, was_reconstructed=True), 6)
    assert change is not None
    assert change.is_new_life
    assert not change.is_other_health


def test_two_editions_of_the_code_are_named_with_their_parts_and_the_silent_run_none() -> None:
    rounds = Rounds(["Desk", "Feed", "Gateway"], 0)
    rounds.heard(replace(WELL, edition="1+a"), 0)
    assert rounds.why_mixed is None
    rounds.heard(replace(WELL, part="Feed", edition="1+b"), 0)
    rounds.heard(replace(WELL, part="Gateway", edition="1+a"), 0)
    assert rounds.why_mixed == "all parts run the same code, 1+a in Desk, Gateway; 1+b in Feed"
    rounds.missed("Feed", "late", SILENT_MS)
    assert rounds.why_mixed is None


@pytest.mark.requirement("S7 SelfHealing")
@given(healths, healths, st.integers(0, 2 * BEATS_MISSED_MS))
def test_worse_never_leads_to_less(one: Health, other: Health, lasted_ms: int) -> None:
    better, worse = sorted((one, other))
    deeds = [Patient(health).deed(lasted_ms) for health in (better, worse)]
    assert deeds == sorted(deeds)
    assert set(TABLE) == set(Health)


@pytest.mark.requirement("S7 SelfHealing")
@given(healths, st.integers(0, BEATS_MISSED_MS), st.integers(0, BEATS_MISSED_MS), st.integers(0, 5))
def test_what_lasts_longer_or_happened_oftener_never_leads_to_less(
    health: Health, shorter: int, more: int, restarts: int
) -> None:
    rare, often = Patient(health), Patient(health, restarts_ms=(0,) * restarts)
    assert rare.deed(shorter) <= rare.deed(shorter + more)
    assert rare.deed(shorter) <= often.deed(shorter)


def test_a_silent_part_is_begun_anew_three_times_and_then_left_for_a_person() -> None:
    ward = Ward()
    deeds = [ward.look(SILENT, at_ms) for at_ms in range(0, 5 * BEATS_MISSED_MS, 1_000)]
    assert deeds.count(Deed.RESTART) == RESTARTS_MAX
    assert deeds[-1] is Deed.SHUT_ENTRIES
    assert ward.why_shut(5 * BEATS_MISSED_MS) == "no entry while Desk does not stay up, 3 times in 10 minutes"


def test_a_part_that_was_never_heard_is_being_born_and_left_alone() -> None:
    ward = Ward()
    assert {ward.look(unheard("Desk", 0, "late"), at_ms) for at_ms in range(0, 10**7, 10**5)} == {Deed.WARN}
    assert ward.why_shut(10**7) is None


def test_a_part_that_is_well_again_is_given_its_tries_back() -> None:
    ward = Ward()
    for at_ms in range(0, 5 * BEATS_MISSED_MS, 1_000):
        ward.look(SILENT, at_ms)
    ward.look(WELL, 6 * BEATS_MISSED_MS)
    assert ward.why_shut(6 * BEATS_MISSED_MS) is None
    ward.look(WELL, WINDOW_MS * 2)
    assert ward.patients["Desk"].restarts_ms == ()


WHO = Identity("paper", "main", "life", "1", 1_000)


def test_the_status_says_what_is_known_and_null_for_the_rest() -> None:
    rounds, views = Rounds(["Desk", "PolicyStore", "EmergencyStop"], 0), Views()
    page = status_of(WHO, views, rounds, "no entry", 61_000)
    assert (page["schema"], page["uptime_s"], page["no_new_entries"]) == (SCHEMA, 60, "no entry")
    assert all(page[name] is None for name in ("equity", "ess", "policy_version", "epoch", "positions", "risk_mode"))
    rounds.heard(replace(WELL, part="EmergencyStop"), 1)
    rounds.heard(replace(WELL, part="PolicyStore", facts={"version": 4, "epoch": 2}), 1)
    for happened in (decided(), worth(2, 10_000)):
        views.apply(happened)
    page = status_of(WHO, views, rounds, None, 62_000)
    assert (page["ess"], page["policy_version"], page["epoch"]) == ("ARMED", 4, 2)
    assert (page["decisions"], page["equity"], page["health"]) == (1, "10000", "UNKNOWN")
    assert page["actors"]["PolicyStore"]["pid"] == 7


def test_one_part_that_says_what_cannot_be_shown_blanks_nothing() -> None:
    rounds = Rounds(["Desk", "Feed"], 0)
    rounds.heard(replace(WELL, facts={"age": float("nan")}), 1)
    rounds.heard(replace(WELL, part="Feed"), 1)
    page = health_page(rounds, {"cpus": 2}, 2)
    assert page["parts"]["Desk"]["facts"] == {"unreadable": "a float is finite, was nan"}
    assert page["parts"]["Feed"]["facts"] == {"state": "ARMED"}
    assert (page["health"], page["machine"]) == ("HEALTHY", {"cpus": 2})
