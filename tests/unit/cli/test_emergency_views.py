"""An emergency as somebody reads it at three in the morning: how it is, since when, why, what is open, what to type."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.cli.emergency_views import Standing, next_steps, outcome_lines, past_lines, reset_lines, standing_lines
from qt_ray.core.errors import Retryable
from qt_ray.governance.rulebook_entries import Author
from qt_ray.governance.wishes import Emergency, Pause
from qt_ray.risk.ess import Cause, EssSignal, progress, trip
from tests.unit.serve.consoles import COOLDOWN_MS, House

pytestmark = pytest.mark.unit

ANN = Author("ann", is_person=True)


@pytest.fixture(autouse=True)
def in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hang a clock on the wall that differs from UTC."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def qt(words: str) -> str:
    return f"qt {words}"


def standing(house: House, held: dict[str, str] | None = None, cooldown_ms: int | None = COOLDOWN_MS) -> Standing:
    """Return what the console says now, over its own routes."""
    found = house.ask("GET", "/api/emergency/status").data
    return Standing("main at paper", qt, found, held, cooldown_ms, house.clock.now_ms)


def screen(at: Standing) -> dict[str, str]:
    """Return the screen by its labels; what stands under another line belongs to it."""
    first, *rest = standing_lines(at)
    shown, label = {"": first}, ""
    for line in rest:
        label = line[:13].strip() or label
        shown[label] = "\n".join(filter(None, (shown.get(label), line[13:])))
    return shown


def tripped(house: House) -> None:
    house.ask("POST", "/api/emergency/trigger", {"reason": "odd prices"})
    house.clock.now_ms += 90_000


def test_a_fund_that_is_well_says_so_and_a_latch_that_never_closed_says_never(house: House) -> None:
    found = screen(standing(house, held={}))
    assert found == {
        "": "main at paper: entries are let in",
        "emergency": "ARMED",
        "latch": "open, never closed",
        "policy": "version 2, epoch 2",
        "left open": "nothing",
        "next": "qt ess trip  would stop everything; there is nothing to do",
    }


def test_an_emergency_says_since_when_here_and_in_utc_why_by_whom_and_what_is_open(house: House) -> None:
    tripped(house)
    found = screen(standing(house, held={"ETHUSDT": "-2", "BTCUSDT": "0.5"}))
    assert found[""] == "main at paper: ENTRIES ARE SHUT OUT"
    assert found["emergency"] == "TRIPPED/FLATTENING"
    assert found["since"] == "2023-11-14 17:13:20 EST, 2023-11-14 22:13:20 UTC (1 min ago)"
    assert (found["cause"], found["why"]) == ("manual", "odd prices")
    assert found["latch"] == "CLOSED under epoch 1 by ann"
    assert found["left open"] == "BTCUSDT 0.5, ETHUSDT -2"
    assert found["next"].startswith("qt ess status ")
    assert "\nqt flatten " in found["next"]


def test_a_cool_down_says_how_long_it_lasts_and_then_what_to_type_for_each_cause(house: House) -> None:
    tripped(house)
    house.stop.settle()
    found = screen(standing(house))
    assert (found["cool-down"], found["left open"][:7]) == ("over in 15 min", "nothing")
    assert found["next"] == 'qt ess reset manual --reason "..."  in 15 min, by a person who has looked'
    house.clock.now_ms += COOLDOWN_MS
    found = screen(standing(house))
    assert found["cool-down"] == "over"
    assert found["next"] == 'qt ess reset manual --reason "..."  now, by a person who has looked'
    assert "cool-down" not in screen(standing(house, cooldown_ms=None))


def test_a_flattening_that_fails_says_how_often_it_was_tried(house: House) -> None:
    tripped(house)
    for signal in (EssSignal.FAILED, EssSignal.RETRY):
        house.stop.emergency = progress(house.stop.emergency, signal, house.clock.now_ms)
    house.stop.emergency = progress(house.stop.emergency, EssSignal.RETRY, house.clock.now_ms)
    assert screen(standing(house))["emergency"] == "TRIPPED/FLATTENING, attempt 2"


def test_what_does_not_answer_is_said_and_a_way_that_needs_nobody_is_named(house: House) -> None:
    house.stop.fault = Retryable("EmergencyStop: lives, does not")
    house.policy.fault = Retryable("PolicyStore: lives, does not")
    house.latch.close(3, "fire", "ann", house.clock.now_ms)
    at = standing(house)
    found = screen(at)
    assert found["emergency"] == "not known: EmergencyStop: lives, does not"
    assert found["policy"] == "not known: PolicyStore: lives, does not"
    assert found["left open"] == "not known here; the exchange says it: qt positions"
    first, *_, last = next_steps(at)
    assert (first.command, last.command) == ("qt flatten", 'qt latch open --by YOU --reason "..." --epoch 3')


def test_a_gateway_that_lets_no_entry_leave_says_why_whatever_the_memories_say(house: House) -> None:
    gateway = house.seen.actors["Gateway"]
    gateway |= {"facts": {"lets_entries": False}, "reasons": ["entries wait until the venue can be heard"]}
    found = screen(standing(house))
    assert found[""] == "main at paper: ENTRIES ARE SHUT OUT"
    assert found["gateway"] == "entries wait until the venue can be heard"
    assert found["next"].startswith("qt status ")
    gateway |= {"facts": {}, "reasons": ["Gateway: gave no answer within 1 s"]}
    assert screen(standing(house))["gateway"] == "not known: Gateway: gave no answer within 1 s"
    house.seen.fault = Retryable("Monitor: lives, does not")
    found = screen(standing(house))
    assert (found[""][-8:], found["gateway"]) == ("SHUT OUT", "not known: Monitor: lives, does not")


def test_whatever_shuts_entries_out_has_its_own_next_step(house: House) -> None:
    house.store.wish(Pause("lunch"), ANN)
    at = standing(house)
    assert screen(at)["policy"].startswith("new trades are paused by hand")
    assert [step.command for step in next_steps(at)] == ['qt trade resume --reason "..."']
    house.store.wish(Emergency("by a script"), ANN)
    assert "IN EMERGENCY" in screen(standing(house))["policy"]
    assert [step.command for step in next_steps(standing(house))] == ["qt policy history -n 3"]
    house.latch.close(5, "fire", "ann", house.clock.now_ms)
    assert screen(standing(house))["latch"].startswith("CLOSED under epoch 5 by ann, 2023-11-14 17:13:20 EST")
    assert screen(standing(house))["latch"].endswith(": fire")
    assert [step.command for step in next_steps(standing(house))] == ['qt latch open --by YOU --reason "..." --epoch 5']


def test_a_latch_that_cannot_be_read_has_no_hour(house: House) -> None:
    (house.folder / "latch.json").write_text("nonsense")
    assert screen(standing(house))["latch"].startswith("CLOSED under epoch 0: the latch cannot be read")


def test_a_trip_a_reset_and_the_past_end_with_what_to_type(house: House) -> None:
    found = house.ask("POST", "/api/emergency/trigger", {"reason": "odd prices"}).data
    assert "STOPPING" in next(outcome_lines("main at paper", qt, found))
    house.stop.settle()
    house.clock.now_ms += COOLDOWN_MS
    cleared = house.ask("POST", "/api/emergency/reset", {"cause": "manual", "reason": "looked at"}).data["emergency"]
    first, last = reset_lines("main at paper", qt, "manual", cleared)
    assert first == "main at paper: the emergency is over, the stop is ARMED"
    assert "qt ess status" in last
    past = house.ask("GET", "/api/emergency/history").data["emergencies"]
    assert [line.split("  ")[1] for line in past_lines(past)] == [
        "cleared by ann: looked at (manual)",
        "tripped by ann: odd prices (manual)",
    ]
    first, *left = reset_lines("main at paper", qt, "manual", {**cleared, "causes": ["feed"]})
    assert "still shut out for feed" in first
    assert left[0].endswith('qt ess reset feed --reason "..."')


def test_a_stop_that_only_closed_the_latch_says_that_nothing_is_closed(house: House) -> None:
    house.stop.hangs = True
    found = house.ask("POST", "/api/emergency/trigger", {"reason": "fire"}).data
    first, last = outcome_lines("main at paper", qt, found)
    assert first == "main at paper: entries are shut out by the latch. NOTHING IS CLOSED YET"
    assert "qt flatten" in last


@given(st.sets(st.sampled_from(Cause), min_size=1))
def test_each_cause_of_an_emergency_has_its_reset(tmp_path_factory: pytest.TempPathFactory, causes: set[Cause]) -> None:
    house = House(tmp_path_factory.mktemp("account"))
    for cause in sorted(causes):
        house.stop.emergency = trip(house.stop.emergency, cause, "it is so", house.clock.now_ms)
    house.stop.settle()
    found = [step.command for step in next_steps(standing(house))]
    assert found == [f'qt ess reset {cause} --reason "..."' for cause in sorted(causes)]
