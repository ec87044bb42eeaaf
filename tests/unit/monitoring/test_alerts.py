"""A person is told once of each trouble, again while nobody answers, and never in vain at night."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core import notices, payloads
from qt_ray.core.errors import Invalid
from qt_ray.core.events import event
from qt_ray.monitoring.alerts import ESCALATE_MS, ESCALATIONS_MAX, AlertBook, Quiet, Severity, Trouble
from qt_ray.monitoring.troubles import EMERGENCY, trouble_of
from tests.unit.monitoring.happenings import decided

pytestmark = pytest.mark.unit

FIRE = Trouble("fire", Severity.CRITICAL, "fire", "in the desk")
SMOKE = Trouble("smoke", Severity.WARNING, "smoke")
HOUR_MS = 3_600_000


@pytest.mark.requirement("S7 Alerts")
def test_the_same_trouble_is_told_once_and_counted() -> None:
    book = AlertBook()
    for at_ms in range(5):
        book.hear(SMOKE, at_ms)
    assert [(alert.key, alert.times) for alert in book.due(5)] == [("smoke", 5)]
    book.hear(SMOKE, 6)
    assert book.due(7) == ()


@pytest.mark.requirement("S7 Alerts")
def test_a_critical_trouble_is_told_again_until_a_person_takes_it_on() -> None:
    book = AlertBook()
    book.hear(FIRE, 0)
    told = [at_ms for at_ms in range(0, 4 * ESCALATE_MS, 1_000) if book.due(at_ms)]
    assert told == [0, ESCALATE_MS, 2 * ESCALATE_MS, 3 * ESCALATE_MS]
    assert book.acknowledge("fire", "ann", 4 * ESCALATE_MS).acknowledged_by == "ann"
    assert not any(book.due(at_ms) for at_ms in range(4 * ESCALATE_MS, 9 * ESCALATE_MS, 1_000))


def test_even_a_critical_trouble_is_not_told_for_ever() -> None:
    book = AlertBook()
    book.hear(FIRE, 0)
    assert sum(len(book.due(turn * ESCALATE_MS)) for turn in range(99)) == ESCALATIONS_MAX + 1


def test_a_trouble_that_gets_worse_is_told_again_whoever_has_taken_it_on() -> None:
    book = AlertBook()
    book.hear(SMOKE, 0)
    assert book.due(0)
    book.acknowledge("smoke", "ann", 1)
    book.hear(Trouble("smoke", Severity.CRITICAL, "smoke"), 2)
    assert [alert.severity for alert in book.due(3)] == [Severity.CRITICAL]


def test_what_is_over_is_not_told_and_may_come_back() -> None:
    book = AlertBook()
    book.hear(SMOKE, 0)
    book.hear(Trouble("smoke", Severity.INFO, "", is_over=True), 1)
    book.hear(Trouble("unknown", Severity.INFO, "", is_over=True), 1)
    assert book.due(2) == ()
    assert [alert.over_ms for alert in book.alerts] == [1]
    later_ms = 1 + ESCALATE_MS
    book.hear(SMOKE, later_ms)
    assert [alert.first_ms for alert in book.due(later_ms)] == [later_ms]


def test_a_trouble_that_comes_and_goes_is_told_once_until_it_gets_worse() -> None:
    book, told = AlertBook(), 0
    for at_ms in range(0, 60_000, 1_000):
        book.hear(Trouble("smoke", Severity.WARNING, "smoke", is_over=at_ms % 2_000 > 0), at_ms)
        told += len(book.due(at_ms))
    assert told == 1
    book.hear(Trouble("smoke", Severity.CRITICAL, "smoke"), 60_000)
    assert len(book.due(60_000)) == 1


def test_quiet_hours_hold_back_all_but_what_is_critical() -> None:
    quiet = Quiet(from_minute=22 * 60, until_minute=6 * 60)
    book = AlertBook(quiet)
    book.hear(SMOKE, 23 * HOUR_MS)
    book.hear(FIRE, 23 * HOUR_MS)
    assert [alert.key for alert in book.due(23 * HOUR_MS)] == ["fire"]
    assert [alert.key for alert in book.due(30 * HOUR_MS)][:1] == ["smoke"]
    with pytest.raises(Invalid, match="a minute of the day"):
        Quiet(from_minute=1_440)


@given(st.integers(0, 1_439), st.integers(0, 1_439), st.integers(0, 10**9))
def test_quiet_hours_over_midnight_are_the_rest_of_the_day(one: int, other: int, at_ms: int) -> None:
    if one != other:
        assert Quiet(one, other).holds(at_ms) is not Quiet(other, one).holds(at_ms)
    assert not Quiet(one, one).holds(at_ms)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(Severity), st.booleans()), max_size=80))
def test_a_book_is_bounded_and_a_critical_trouble_is_the_last_to_be_forgotten(
    told: list[tuple[int, Severity, bool]],
) -> None:
    book = AlertBook(kept_max=5)
    book.hear(FIRE, 0)
    for at_ms, (key, severity, is_over) in enumerate(told, start=1):
        book.hear(Trouble(f"t{key}", min(severity, Severity.WARNING), "x", is_over=is_over), at_ms)
        assert len(book.alerts) <= 5
    assert book.alerts[0].key == "fire"


def test_only_a_known_trouble_is_taken_on_and_only_by_somebody_with_a_name() -> None:
    book = AlertBook()
    book.hear(FIRE, 0)
    for key, person in (("ghost", "ann"), ("fire", "  ")):
        with pytest.raises(Invalid):
            book.acknowledge(key, person, 1)


@pytest.mark.parametrize(
    ("kind", "payload", "key", "severity", "is_over"),
    [
        ("system.emergency.tripped", notices.EmergencyTripped("manual", "r", "ann", 2), EMERGENCY, 2, False),
        (
            "system.emergency.triggered",
            payloads.EmergencyTriggered("critical", "r", 500, 1, 2, {"BTCUSDT": Decimal(1)}, 2),
            EMERGENCY,
            2,
            False,
        ),
        ("system.emergency.cause_cleared", notices.CauseCleared("manual", "ann", "r", ()), EMERGENCY, 2, False),
        (
            "system.emergency.recovered",
            payloads.EmergencyRecovered("CAUTIOUS", "PROTECTIVE", 300, "ann", "r", 3),
            EMERGENCY,
            1,
            False,
        ),
        (
            "system.emergency.recovered",
            payloads.EmergencyRecovered("NORMAL", "CAUTIOUS", 100, "ann", "r", 3),
            EMERGENCY,
            1,
            True,
        ),
        (
            "risk.drawdown.hard_breach",
            payloads.DrawdownBreach("main", "all time", 1_100, 1_000, Decimal(1), Decimal(2)),
            "drawdown all time",
            2,
            False,
        ),
        (
            "risk.drawdown.soft_breach",
            payloads.DrawdownBreach("main", "soft", 600, 500, Decimal(1), Decimal(2)),
            "drawdown soft",
            1,
            False,
        ),
        ("risk.alert", payloads.RiskAlert("bananas", "funding", "d"), "risk funding", 2, False),
        ("risk.alert", payloads.RiskAlert("INFO", "funding", "d", "BTCUSDT"), "risk funding BTCUSDT", 0, False),
        ("health.changed", payloads.HealthChanged("Desk", "HEALTHY", "UNKNOWN", "d"), "health Desk", 2, False),
        ("health.changed", payloads.HealthChanged("Desk", "UNKNOWN", "HEALTHY", ""), "health Desk", 0, True),
        (
            "security.denied",
            notices.SecurityDenied("", "trip", "ess", "a key"),
            "denied somebody unknown a key",
            1,
            False,
        ),
        ("risk.kill.changed", notices.KillChanged(True, "ann", "r"), "kill", 1, False),
        ("risk.kill.changed", notices.KillChanged(False, "ann", "r"), "kill", 1, True),
        (
            "hfos.mode.changed",
            notices.RiskModeChanged("NORMAL", "SAFE", 50.0, "r", 3_500, 3, True),
            "risk mode",
            1,
            False,
        ),
        ("model.drift_detected", payloads.ModelDrift("lgb", "v1", "psi", 0.3, 0.25), "drift lgb", 1, False),
        ("learning.retraining_due", notices.RetrainingDue("e", "v", ("old",), 1, 1, None), "retrain e", 0, False),
        ("system.redis_recovered", payloads.BusRecovered(1, 1, 9), "bus", 0, False),
    ],
)
def test_each_kind_of_event_is_told_as_loudly_as_it_deserves(
    kind: str, payload: object, key: str, severity: int, is_over: bool
) -> None:
    trouble = trouble_of(event(kind, payload, "somebody", 1))
    assert trouble is not None
    assert (trouble.key, trouble.severity, trouble.is_over) == (key, severity, is_over)


def test_nobody_is_woken_for_a_decision() -> None:
    assert trouble_of(decided()) is None
