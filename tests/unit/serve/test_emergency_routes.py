"""The stop over HTTP: nothing delays it, nothing refuses it but a missing right, and a person alone ends it."""

import asyncio
from pathlib import Path

import pytest

from qt_ray.adapters.files import write_atomic
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.governance.access import Scope
from qt_ray.risk.ess import EssState
from tests.unit.serve.consoles import COOLDOWN_MS, House

pytestmark = pytest.mark.unit

TRIGGER, RESET, STATUS = "/api/emergency/trigger", "/api/emergency/reset", "/api/emergency/status"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_trip_is_begun_when_it_is_answered(house: House) -> None:
    killer = house.key(Scope.KILL)
    found = house.ask("POST", TRIGGER, {"reason": "odd prices"}, token=killer)
    assert (found.status, found.data["acted"], found.data["is_flattening"]) == (200, "emergency_stop", True)
    assert found.data["emergency"]["state"] == "TRIPPED/FLATTENING"
    assert (house.stop.emergency.reason, house.stop.emergency.state) == ("odd prices", EssState.FLATTENING)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (None, "application/json"),
        (b"{not json", "application/json"),
        (b"[1,2]", "application/json"),
        (b'{"reason": 7, "force": true}', "application/json"),
        (b"reason=x", "application/x-www-form-urlencoded"),
        (b"x" * 100_000, "text/plain"),
        (b"[" * 10_000, "application/json"),
    ],
    ids=["none", "broken", "row", "kinds", "form", "huge", "deep"],
)
def test_no_body_keeps_an_account_from_being_stopped(house: House, body: bytes | None, kind: str) -> None:
    assert house.ask("POST", TRIGGER, body, content_type=kind).data["acted"] == "emergency_stop"
    assert house.stop.emergency.reason == "no reason was given"


@pytest.mark.parametrize("how", ["hangs", "dead", "refuses"])
def test_the_latch_is_closed_here_when_the_emergency_stop_does_not_act(house: House, how: str) -> None:
    house.stop.hangs = how == "hangs"
    house.stop.fault = {"dead": Retryable("EmergencyStop: lives, does not"), "refuses": Invalid("odd")}.get(how)
    found = house.ask("POST", TRIGGER, {"reason": "fire"})
    assert (found.status, found.data["acted"], found.data["is_flattening"]) == (200, "latch", False)
    assert "qt flatten" in found.data["detail"]
    latch = house.latch.state()
    assert (latch.closed, latch.reason, latch.by) == (True, "fire", "ann")
    assert (found.data["policy_told"], house.store.is_emergency_mode()) == (True, True)


def test_a_stop_that_was_slept_through_is_carried_out_on_waking(house: House) -> None:
    async def story(opens: bool) -> EssState:
        house.stop.hangs = True
        assert (await house.asked("POST", TRIGGER, {"reason": "fire"})).data["acted"] == "latch"
        if opens:
            house.latch.open(house.latch.state().epoch, "a false alarm", "ann", 0)
        house.stop.hangs = False
        woken = [task for task in asyncio.all_tasks() if "_insist" in repr(task)]
        await asyncio.wait_for(asyncio.gather(*woken), 10)
        return house.stop.emergency.state

    assert asyncio.run(story(opens=True)) is EssState.ARMED
    assert asyncio.run(story(opens=False)) is EssState.FLATTENING


def test_a_trip_works_while_the_policy_store_hangs(house: House) -> None:
    house.policy.hangs = True
    assert house.ask("POST", TRIGGER, {"reason": "fire"}).data["acted"] == "emergency_stop"
    house.stop.hangs = True
    found = house.ask("POST", TRIGGER, {"reason": "fire"})
    assert (found.data["acted"], found.data["policy_told"], house.latch.state().closed) == ("latch", False, True)


def test_a_latch_that_cannot_be_written_is_closed_for_this_process_and_says_so(tmp_path: Path) -> None:
    house = House(tmp_path / "account")
    (tmp_path / "account" / "latch.json").mkdir()  # a folder stands where the file belongs
    house.stop.hangs = True
    assert house.ask("POST", TRIGGER).data["latch"]["closed"] is True


def test_any_one_memory_of_an_emergency_shuts_entries_out(house: House) -> None:
    assert house.ask("GET", STATUS).data["entries_shut"] is False
    house.latch.close(1, "fire", "ann", 0)
    assert house.ask("GET", STATUS).data["entries_shut"] is True
    house.latch.open(1, "out", "ann", 0)
    house.stop.hangs = True
    silent = house.ask("GET", STATUS).data
    assert (silent["ess"], silent["entries_shut"]) == (None, True)
    assert "ess" in silent["unknown"]
    house.stop.hangs, house.policy.fault = False, Retryable("PolicyStore: lives, does not")
    assert house.ask("GET", STATUS).data["unknown"] == {"policy": "PolicyStore: lives, does not"}
    write_atomic(house.folder / "latch.json", b"{")
    assert house.ask("GET", STATUS).data["latch"]["closed"] is True


@pytest.mark.requirement("S7 HttpApi")
def test_an_emergency_ends_by_a_person_with_a_cause_and_a_reason_after_the_cooldown(house: House) -> None:
    house.ask("POST", TRIGGER)
    wish = {"cause": "manual", "reason": "looked at, all is well"}
    assert "until all is flat" in house.ask("POST", RESET, wish).data["error"]["rule"]
    house.stop.settle()
    assert "cooldown" in house.ask("POST", RESET, wish).data["error"]["rule"]
    house.clock.now_ms += COOLDOWN_MS
    machine = house.key(Scope.ADMIN, is_person=False)
    assert house.ask("POST", RESET, wish, token=machine).code == "needs_person"
    assert house.ask("POST", RESET, {"cause": "manual"}).status == 422
    assert house.ask("POST", RESET, {"reason": "x"}).status == 422
    assert house.ask("POST", RESET, {**wish, "cause": "feed"}).status == 422
    assert house.stop.emergency.state is EssState.COOLING_DOWN
    found = house.ask("POST", RESET, wish)
    assert (found.status, found.data["emergency"]["state"]) == (200, "ARMED")
    assert house.stop.emergency.changed_by == "ann"


def test_nobody_resets_with_a_key_that_may_only_stop(house: House) -> None:
    house.ask("POST", TRIGGER)
    house.stop.settle()
    house.clock.now_ms += COOLDOWN_MS
    everything_else = house.key(Scope.READ, Scope.TRADE, Scope.POLICY, Scope.KILL)
    found = house.ask("POST", RESET, {"cause": "manual", "reason": "x"}, token=everything_else)
    assert (found.status, house.stop.emergency.state) == (403, EssState.COOLING_DOWN)


def test_trips_and_resets_are_listed(house: House) -> None:
    assert house.ask("GET", "/api/emergency/history").data == {"emergencies": []}
