"""What is seen over HTTP: as the views have it, with decimals and moments as text, and nothing that nobody knows."""

from decimal import Decimal
from pathlib import Path

import pytest

from qt_ray.core.errors import Invariant, Retryable
from qt_ray.governance.access import Scope
from qt_ray.monitoring.outward import outward
from tests.unit.serve.consoles import House

pytestmark = pytest.mark.unit


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_console_that_lives_says_so_to_anybody(house: House) -> None:
    assert house.ask("GET", "/health", token=None).data == {"status": "ok"}


@pytest.mark.requirement("Sprint5-10")
@pytest.mark.sprint5
def test_the_fund_is_ready_when_all_that_decides_answers(house: House) -> None:
    assert house.ask("GET", "/health/ready", token=None).status == 200
    house.stop.fault = Retryable("EmergencyStop: lives, does not")
    assert house.ask("GET", "/health/ready", token=None).status == 200  # strangers have the parts asked once a second
    house.clock.now_ms += 1_000
    found = house.ask("GET", "/health/ready", token=None)
    assert (found.status, found.data["error"]["detail"]) == (503, {"ess": "EmergencyStop: lives, does not"})


@pytest.mark.requirement("Sprint5-10")
@pytest.mark.sprint5
def test_parts_are_shown_with_their_health_by_name(house: House) -> None:
    found = house.ask("GET", "/health/system").data
    assert (found["health"], found["parts"]["RiskGuard"]["health"]) == ("HEALTHY", "HEALTHY")
    assert found["parts"]["RiskGuard"]["at"] == "2023-11-14T22:13:20.000Z"


def test_each_part_of_the_portfolio_has_its_page(house: House) -> None:
    def page(part: str) -> object:
        return house.ask("GET", f"/api/portfolio/{part}").data

    at = "2023-11-14T22:13:20.000Z"
    assert page("positions") == {"as_of": at, "positions": {"BTCUSDT": {"quantity": "0.1", "entry": "50000"}}}
    assert page("equity") == {"equity": "10000.5", "curve": [{"at": at, "equity": "10000.5"}]}
    assert page("orders") == {"working": [], "ended": []}
    assert page("fills?count=1") == {"fills": [{"at": at, "price": "1.5"}]}
    assert page("pnl") == {"as_of": at, "wallet": "10000", "realised": "0", "unrealised": "0.5", "trips": []}
    assert house.ask("GET", "/api/portfolio").data["curve"] == [{"at": at, "equity": "10000.5"}]


@pytest.mark.requirement("L12")
def test_what_the_account_has_not_told_yet_is_unknown_and_not_nothing(house: House) -> None:
    house.seen.shown |= {"as_of_ms": None, "positions": {}, "equity": None, "curve": []}
    assert house.ask("GET", "/api/portfolio/positions").data == {"as_of": None, "positions": None}
    assert house.ask("GET", "/api/portfolio/equity").data == {"equity": None, "curve": []}


def test_a_person_takes_a_trouble_on(house: House) -> None:
    assert house.ask("GET", "/api/alerts").data == {"alerts": [{"key": "part:Feed"}]}
    trader = house.key(Scope.TRADE)
    found = house.ask("POST", "/api/alerts/acknowledge", {"key": "part:Feed"}, token=trader)
    assert (found.data, house.seen.taken_on) == ({"alert": {"key": "part:Feed", "by": "bob"}}, [("part:Feed", "bob")])


def test_the_timeline_shows_the_kinds_that_are_asked_for(house: House) -> None:
    found = house.ask("GET", "/api/timeline?kind=policy.&kind=security.").data["events"]
    assert [one["type"] for one in found] == ["policy.", "security."]


def test_a_decision_is_shown_with_its_reason_or_is_unknown(house: House) -> None:
    assert house.ask("GET", "/api/decisions?count=1").data["decisions"][0]["id"] == "d-1"
    assert house.ask("GET", "/api/decisions/d-1").data["binding"] == "position_cap"
    assert house.ask("GET", "/api/decisions/d-2").status == 404


def test_the_limits_in_force_are_those_of_the_policy(house: House) -> None:
    found = house.ask("GET", "/risk").data
    assert (found["mode"], found["mode_limits"]["max_leverage"], found["allow_new_trades"]) == ("NORMAL", "5", True)
    assert found["watchers"] == {"RiskGuard": {"pid": 1}}


@pytest.mark.requirement("S7 HttpApi")
def test_the_founding_requirements_are_shown_as_they_were_probed(house: House) -> None:
    found = house.ask("GET", "/api/patches/status").data
    assert (found["all_hold"], found["patches"]["p0_01"]["holds"]) == (False, True)
    assert found["patches"]["p0_02"]["reason"] == "EmergencyStop: silent"


def test_the_fund_at_a_glance_and_whose_key_it_is(house: House) -> None:
    assert house.ask("GET", "/api/status").data["profile"] == "paper"
    robot = house.key(Scope.READ, person="robot", is_person=False)
    assert house.ask("GET", "/api/me", token=robot).data == {"person": "robot", "is_person": False, "scopes": ["read"]}


def test_what_is_not_there_is_an_error_of_the_same_shape(house: House) -> None:
    for method, path, status in (("GET", "/nowhere", 404), ("PUT", "/api/policy", 405)):
        found = house.ask(method, path)
        assert (found.status, found.data["error"].keys()) == (status, {"code", "rule", "detail"})


def test_a_mistake_of_ours_shows_nothing_of_the_inside(house: House) -> None:
    house.seen.fault = Invariant("secret path")
    found = house.ask("GET", "/api/status")
    assert (found.status, found.code) == (500, "internal")


def test_the_description_names_the_scope_of_every_door(house: House) -> None:
    found = house.ask("GET", "/openapi.json", token=None).data
    assert found["paths"]["/api/emergency/trigger"]["post"]["security"] == [{"key": ["kill"]}]
    assert found["paths"]["/health"]["get"]["security"] == []
    assert found["components"]["schemas"]["PolicyChange"]["properties"]["reason"]["examples"]


def test_numbers_keep_their_value_and_moments_become_text() -> None:
    told = {
        "price": Decimal("1.50"),
        "at_ms": 0,
        "used_ms": None,
        "cooldown_ms": 5,
        "score": float("nan"),
        "is_at_ms": True,
        "rows": (1,),
    }
    assert outward(told) == {
        "price": "1.5",
        "at": "1970-01-01T00:00:00.000Z",
        "used": None,
        "cooldown_ms": 5,
        "score": None,
        "is_at_ms": True,
        "rows": [1],
    }
