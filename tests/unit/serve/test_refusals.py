"""What was refused is in the record, and what went wrong on the way to the stop is one answer."""

import asyncio
from typing import Any, NoReturn

import pytest
from ray.exceptions import PendingCallsLimitExceeded, RayError, RaySystemError

from qt_ray.actors.line import Line
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.events import Event, decode_event, encode_event
from qt_ray.governance.access import Refused
from qt_ray.governance.audit_events import record_of
from qt_ray.monitoring.troubles import trouble_of
from qt_ray.risk.ess import Cause
from qt_ray.serve.refusals import telling
from qt_ray.serve.sure_stop import SureStop

pytestmark = pytest.mark.unit


def test_a_refusal_is_an_event_that_names_everybody_and_no_token() -> None:
    told: list[Event] = []
    tell = telling(told.append, "console-control", lambda: 5)
    tell(Refused("bob", "192.0.2.1", "POST /api/trade/pause", "a key has the scope trade", 403))
    tell(Refused("", "192.0.2.1", "GET /api/policy", "a request bears a key that is known", 401, 7))
    assert [(one.type, one.payload.person, one.payload.action) for one in told] == [
        ("security.denied", "bob", "POST /api/trade/pause"),
        ("security.denied", "", "GET /api/policy"),
    ]
    assert "7 times" in told[1].payload.rule
    assert [decode_event(encode_event(one)) for one in told] == told
    assert all(one.is_critical for one in told)


def test_a_rule_that_somebody_met_who_may_ask_is_in_the_record_and_wakes_nobody() -> None:
    told: list[Event] = []
    rule = "a write is made from the version in force, 2, was 1"
    telling(told.append, "console-control", lambda: 5)(Refused("ann", "192.0.2.1", "PATCH /api/policy", rule, 412))
    (one,) = told
    assert (one.type, one.payload.person, one.payload.action) == ("security.refused", "ann", "PATCH /api/policy")
    record = record_of(one)
    assert record is not None
    assert (record.event_type, record.actor, record.outcome) == ("deed.refused", "ann", "refused")
    assert rule in record.reason
    assert trouble_of(one) is None
    assert decode_event(encode_event(one)) == one


@pytest.mark.parametrize("fault", [RaySystemError("gone"), PendingCallsLimitExceeded("full")], ids=["gone", "full"])
def test_whatever_goes_wrong_on_the_way_to_the_stop_is_one_answer(fault: RayError) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise fault

    def found(name: str, namespace: str) -> Any:
        return Broken()

    with pytest.raises(Retryable, match=r"EmergencyStop\.trip: "):
        asyncio.run(SureStop(Line("EmergencyStop", "test", found=found)).trip(Cause.MANUAL, "fire", "ann"))


def test_a_rule_that_the_stop_names_comes_through() -> None:
    def found(name: str, namespace: str) -> NoReturn:
        raise Invalid("an emergency has a reason, and somebody who calls it")

    with pytest.raises(Invalid, match="has a reason"):
        asyncio.run(SureStop(Line("EmergencyStop", "test", found=found)).trip(Cause.MANUAL, "", "ann"))
