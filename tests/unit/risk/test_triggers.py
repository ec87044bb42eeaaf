from dataclasses import fields, replace
from decimal import Decimal
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.events import event
from qt_ray.core.limits import EssLimits, Mode, Modes
from qt_ray.risk.ess import Cause
from qt_ray.risk.triggers import (
    TRIGGERS,
    Readings,
    RecoveryMode,
    Watch,
    evaluate,
    healed,
    ramped,
    recovered,
    recovery_mode,
)

pytestmark = pytest.mark.unit

LIMITS = EssLimits()
CALM = Readings(0, 0, 0, 0, 0, 0, 0, 0, 0)
NAMES = [field.name for field in fields(Readings)]


def test_a_calm_fund_trips_nothing_and_may_enter() -> None:
    verdict = evaluate(CALM, LIMITS)
    assert (verdict.causes, verdict.unknown, verdict.allows_entries) == ((), (), True)


@pytest.mark.requirement("S3 EmergencyStop")
@pytest.mark.parametrize(
    ("reading", "below", "at", "cause"),
    [
        ("daily_drawdown_bps", 499, 500, Cause.DAILY_DRAWDOWN),
        ("open_loss_bps", 999, 1_000, Cause.OPEN_LOSS),
        ("equity_drawdown_bps", 999, 1_000, Cause.EQUITY_DRAWDOWN),
        ("flash_crash_bps", 299, 300, Cause.FLASH_CRASH),
        ("execution_errors", 4, 5, Cause.EXECUTION_ERRORS),
        ("stop_hits", 9, 10, Cause.STOP_LOSS_FLOOD),
        ("feed_age_ms", 29_999, 30_000, Cause.FEED),
        ("heartbeat_age_ms", 9_999, 10_000, Cause.HEARTBEAT_LOST),
        ("health_critical", 0, 1, Cause.SYSTEM_HEALTH),
    ],
)
def test_each_trigger_trips_at_its_default(reading: str, below: float, at: float, cause: Cause) -> None:
    assert evaluate(replace(CALM, **{reading: below}), LIMITS).causes == ()
    assert evaluate(replace(CALM, **{reading: at}), LIMITS).causes == (cause,)


# Mistake 5 of earlier systems: an evaluator that could not tell said "not triggered".
@pytest.mark.requirement("L3")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, nan, inf, -inf, -1.0])
def test_what_nobody_knows_lets_nothing_in(name: str, value: float | None) -> None:
    verdict = evaluate(replace(CALM, **{name: value}), LIMITS)
    assert verdict.unknown == (name,)
    assert not verdict.allows_entries


@given(st.lists(st.none() | st.floats(), min_size=9, max_size=9), st.sampled_from(NAMES))
def test_one_more_unknown_reading_never_allows_more(values: list[float | None], name: str) -> None:
    readings = Readings(*values)
    before, after = evaluate(readings, LIMITS), evaluate(replace(readings, **{name: nan}), LIMITS)
    assert not after.allows_entries
    assert len(after.unknown) >= len(before.unknown)


def test_blindness_that_lasts_trips() -> None:
    blind = evaluate(replace(CALM, daily_drawdown_bps=None), LIMITS)
    watch, causes = Watch().look(blind, LIMITS, 1_000)
    assert causes == ()
    watch, causes = watch.look(blind, LIMITS, 10_999)
    assert causes == ()
    assert watch.look(blind, LIMITS, 11_000)[1] == (Cause.BLIND,)
    assert watch.look(evaluate(CALM, LIMITS), LIMITS, 11_000) == (Watch(), ())


def test_what_is_known_trips_at_once_while_the_rest_is_blind() -> None:
    half = replace(CALM, daily_drawdown_bps=None, flash_crash_bps=400)
    assert Watch().look(evaluate(half, LIMITS), LIMITS, 1)[1] == (Cause.FLASH_CRASH,)


@pytest.mark.requirement("Sprint5-7")
@pytest.mark.sprint5
def test_after_a_reset_the_same_reading_does_not_trip_again_but_a_worse_one_does() -> None:
    accepted = {Cause.EQUITY_DRAWDOWN: 1_200.0}
    down = replace(CALM, equity_drawdown_bps=1_250)
    assert evaluate(down, LIMITS).causes == (Cause.EQUITY_DRAWDOWN,)
    assert evaluate(down, LIMITS, accepted).causes == ()
    assert evaluate(replace(CALM, equity_drawdown_bps=1_300), LIMITS, accepted).causes == (Cause.EQUITY_DRAWDOWN,)
    assert healed(down, LIMITS, accepted) == accepted
    assert healed(replace(CALM, equity_drawdown_bps=None), LIMITS, accepted) == accepted
    assert healed(CALM, LIMITS, accepted) == {}


def test_a_person_can_accept_losses_but_not_silence() -> None:
    accepted = {Cause.FEED: 10.0**9, Cause.EXECUTION_ERRORS: 10.0**9}
    causes = evaluate(replace(CALM, feed_age_ms=40_000, execution_errors=7), LIMITS, accepted).causes
    assert set(causes) == {Cause.FEED, Cause.EXECUTION_ERRORS}


def test_every_trigger_has_a_reading_and_a_limit() -> None:
    for trigger in TRIGGERS:
        assert trigger.reading in NAMES
        assert hasattr(LIMITS, trigger.limit)
    assert {trigger.reading for trigger in TRIGGERS} | {"health_critical"} == set(NAMES)


@pytest.mark.requirement("P1-05")
@pytest.mark.p1_patches
def test_recovery_walks_through_its_four_modes_with_three_events() -> None:
    modes, events = [recovery_mode(1_200, LIMITS)], []
    for at, drawdown in enumerate((1_200, 800, 300, 100)):
        said = recovered(modes[-1], drawdown, LIMITS, "ramp", "equity recovered", 3)
        if said is not None:
            events.append(event("system.emergency.recovered", said, "ess", at))
            modes.append(RecoveryMode[said.mode])
    assert [mode.name for mode in modes] == ["EMERGENCY", "PROTECTIVE", "CAUTIOUS", "NORMAL"]
    assert len(events) == 3


@pytest.mark.parametrize("drawdown", [None, nan, inf])
def test_an_unknown_drawdown_recovers_nothing(drawdown: float | None) -> None:
    assert recovery_mode(drawdown, LIMITS) is RecoveryMode.EMERGENCY


@given(st.integers(0, 3_000), st.integers(0, 3_000))
def test_a_deeper_drawdown_never_has_a_freer_mode(one: int, other: int) -> None:
    shallow, deep = sorted((one, other))
    assert recovery_mode(deep, LIMITS) <= recovery_mode(shallow, LIMITS)


@pytest.mark.requirement("P1-05")
@pytest.mark.p1_patches
@pytest.mark.parametrize("mode", Mode)
def test_the_ramp_is_a_minimum_with_the_policy_and_loosens_step_by_step(mode: Mode) -> None:
    risk = Modes()[mode]
    assert ramped(risk, RecoveryMode.EMERGENCY) is None
    steps = [ramped(risk, step) for step in list(RecoveryMode)[1:]]
    assert steps[-1] == risk
    for name in ("max_leverage", "max_risk_pct", "max_positions", "position_cap_usd"):
        values = [getattr(step, name) for step in steps]
        assert values == sorted(values)
        assert values[-1] == getattr(risk, name)
    protective = steps[0]
    assert protective is not None
    assert protective.position_cap_usd == risk.position_cap_usd / 4
    assert protective.max_leverage == Decimal(2)
