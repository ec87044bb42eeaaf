"""The policy over HTTP: one version to write from, one person to tighten, two to loosen, and nothing by accident."""

from pathlib import Path

import pytest

from qt_ray.core.errors import Retryable
from qt_ray.core.limits import Mode
from qt_ray.governance.access import Scope
from tests.unit.serve.consoles import Answer, House

pytestmark = pytest.mark.unit

TIGHTER = {"changes": {"modes.NORMAL.max_leverage": "3"}, "reason": "calmer"}
LOOSER = {"changes": {"modes.NORMAL.max_leverage": "6"}, "reason": "bolder"}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def tag(house: House) -> str:
    return f'"{house.store.get_policy().version}"'


def change(house: House, body: object, **headers: str) -> Answer:
    return house.ask("PATCH", "/api/policy", body, **{"if_match": tag(house), **headers})


def test_the_policy_is_shown_with_its_version_as_a_tag(house: House) -> None:
    found = house.ask("GET", "/api/policy")
    assert found.status == 200
    assert found.headers["etag"] == tag(house)
    assert found.data["policy"]["active_mode"] == "NORMAL"
    assert found.data["policy"]["modes"]["NORMAL"]["max_risk_pct"] == "0.015"
    assert found.data["policy"]["last_updated"] == "2023-11-14T22:13:20.000Z"
    assert house.ask("GET", "/api/policy", if_none_match=tag(house)).status == 304


def test_what_tightens_is_in_force_when_it_is_answered(house: House) -> None:
    version = house.store.get_policy().version
    found = change(house, TIGHTER)
    assert (found.status, found.data["policy"]["version"]) == (200, version + 1)
    assert found.headers["etag"] == tag(house)
    assert house.store.get_policy().updated_by == "ann"
    assert house.store.get_value("modes.NORMAL.max_leverage") == 3


def test_what_loosens_waits_for_somebody_else(house: House) -> None:
    before = house.store.get_policy()
    found = change(house, LOOSER)
    name = found.data["proposal"]["id"]
    assert found.status == 202
    assert house.store.get_policy() == before
    assert [one["id"] for one in house.ask("GET", "/api/policy/proposals").data["proposals"]] == [name]
    own = house.ask("POST", f"/api/policy/proposals/{name}/approve")
    assert (own.status, own.code) == (403, "same_person")
    machine = house.key(Scope.POLICY, person="robot", is_person=False)
    assert house.ask("POST", f"/api/policy/proposals/{name}/approve", token=machine).code == "needs_person"
    bob = house.key(Scope.POLICY)
    assert house.ask("POST", f"/api/policy/proposals/{name}/approve", token=bob).status == 200
    assert house.store.get_value("modes.NORMAL.max_leverage") == 6


def test_a_loosening_that_was_asked_for_twice_is_one_proposal(house: House) -> None:
    names = {change(house, LOOSER).data["proposal"]["id"] for _ in range(2)}
    assert len(names) == len(house.store.proposals()) == 1


def test_a_write_from_an_old_version_changes_nothing(house: House) -> None:
    before = house.store.get_policy()
    found = change(house, TIGHTER, if_match=f'"{before.version - 1}"')
    assert (found.status, found.code, found.data["error"]["detail"]) == (412, "conflict", {"version": before.version})
    assert house.store.get_policy() == before


@pytest.mark.parametrize("match", ["", "12", '"0"', '"x"', "*", '"1", "2"'])
def test_a_write_names_the_version_it_was_made_from(house: House, match: str) -> None:
    before = house.store.get_policy()
    assert change(house, TIGHTER, if_match=match).status == 428
    assert house.store.get_policy() == before


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({**TIGHTER, "force": True}, "force"),
        ({"changes": {}, "reason": "x"}, "changes"),
        ({"changes": TIGHTER["changes"], "reason": "  "}, "reason"),
        ({"changes": TIGHTER["changes"]}, "reason"),
        ({"changes": {"modes.NORMAL.max_levrage": "3"}, "reason": "x"}, "modes.NORMAL.max_levrage"),
        ({"changes": {"modes.NORMAL.max_leverage": 3.5}, "reason": "x"}, "max_leverage"),
        ({"changes": {"modes.NORMAL.max_leverage": "1000"}, "reason": "x"}, "max_leverage"),
        ({"changes": {"emergency_mode": False}, "reason": "x"}, "emergency_mode"),
        ({"changes": {"version": 1}, "reason": "x"}, "version"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(house: House, body: object, names: str) -> None:
    before = house.store.get_policy()
    found = change(house, body)
    assert found.status == 422
    assert names in found.data["error"]["rule"]
    assert house.store.get_policy() == before


def test_a_difference_is_looked_at_without_changing_anything(house: House) -> None:
    before = house.store.get_policy()
    reader = house.key(Scope.READ)
    found = house.ask("POST", "/api/policy/diff", {"changes": LOOSER["changes"]}, token=reader)
    assert found.data["needs_second"] is True
    # The mode is the active one, so what it brings is listed as well.
    assert {one["path"] for one in found.data["changes"]} >= {"modes.NORMAL.max_leverage"}
    assert house.ask("POST", "/api/policy/diff", {"changes": TIGHTER["changes"]}).data["needs_second"] is False
    assert house.store.get_policy() == before


def test_the_way_back_is_looked_at_like_any_other_change(house: House) -> None:
    first = house.store.get_policy().version
    change(house, TIGHTER)
    found = house.ask("POST", "/api/policy/diff", {"version": first}).data
    assert found["needs_second"] is True
    assert [(one["path"], one["new"]) for one in found["changes"]] == [("modes.NORMAL.max_leverage", '"5"')]
    for body in ({}, {"version": first, "changes": LOOSER["changes"]}):
        assert "either changes or a version" in house.ask("POST", "/api/policy/diff", body).data["error"]["rule"]


def test_history_is_read_backwards_in_pages(house: House) -> None:
    change(house, TIGHTER)
    change(house, {"changes": {"active_mode": "DEFENSIVE"}, "reason": "storm"})
    newest = house.ask("GET", "/api/policy/history?count=1").data["entries"]
    assert (newest[0]["entry"]["reason"], newest[0]["entry"]["by"]) == ("storm", "ann")
    older = house.ask("GET", f"/api/policy/history?count=1&before={newest[0]['sequence']}").data["entries"]
    assert older[0]["entry"]["reason"] == "calmer"
    assert house.ask("GET", "/api/policy/history?count=1000").status == 422


def test_a_revert_that_loosens_needs_a_second_person_and_leaves_a_pause_alone(house: House) -> None:
    first = house.store.get_policy().version
    change(house, {"changes": {"active_mode": "DEFENSIVE"}, "reason": "storm"})
    house.ask("POST", "/api/trade/pause", {"reason": "lunch"})
    found = house.ask("POST", "/api/policy/revert", {"version": first, "reason": "calm"}, if_match=tag(house))
    assert found.status == 202
    bob = house.key(Scope.POLICY)
    name = found.data["proposal"]["id"]
    assert house.ask("POST", f"/api/policy/proposals/{name}/approve", token=bob).status == 200
    now = house.store.get_policy()
    assert (now.active_mode, now.new_trades_paused) == (Mode.NORMAL, True)
    again = house.ask("POST", "/api/policy/revert", {"version": first, "reason": "calm"}, if_match=tag(house))
    assert (again.status, again.data["policy"]["version"]) == (200, now.version)


def test_a_version_that_never_was_is_not_brought_back(house: House) -> None:
    found = house.ask("POST", "/api/policy/revert", {"version": 999, "reason": "x"}, if_match=tag(house))
    assert (found.status, "999" in found.data["error"]["rule"]) == (422, True)


def test_a_proposal_is_dismissed_with_a_reason_and_then_unknown(house: House) -> None:
    name = change(house, LOOSER).data["proposal"]["id"]
    assert house.ask("POST", f"/api/policy/proposals/{name}/dismiss", {"reason": "no"}).status == 200
    assert house.ask("POST", f"/api/policy/proposals/{name}/dismiss", {"reason": "no"}).status == 404
    bob = house.key(Scope.POLICY)
    assert house.ask("POST", f"/api/policy/proposals/{name}/approve", token=bob).code == "unknown_proposal"


def test_a_tightening_may_be_proposed_as_well(house: House) -> None:
    found = house.ask("POST", "/api/policy/proposals", TIGHTER, if_match=tag(house))
    assert (found.status, found.data["proposal"]["by"]) == (202, "ann")


def test_a_pause_needs_no_version_and_a_resume_does(house: House) -> None:
    trader = house.key(Scope.TRADE)
    assert house.ask("POST", "/api/trade/pause", {"reason": "lunch"}, token=trader).data["allow_new_trades"] is False
    assert house.ask("POST", "/api/trade/resume", {"reason": "back"}, token=trader).status == 428
    old = house.ask("POST", "/api/trade/resume", {"reason": "back"}, token=trader, if_match='"1"')
    assert old.status == 412
    found = house.ask("POST", "/api/trade/resume", {"reason": "back"}, token=trader, if_match=tag(house))
    assert found.data["allow_new_trades"] is True


def test_a_store_that_does_not_answer_is_said_to_be_silent(house: House) -> None:
    house.policy.fault = Retryable("PolicyStore.get_policy: answers within 5000 ms, did not")
    found = house.ask("GET", "/api/policy")
    assert (found.status, found.code, found.headers["retry-after"]) == (503, "no_answer", "1")
