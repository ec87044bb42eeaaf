"""A person's hand on the account: it only lessens what is held, is told of, and says what it could not confirm."""

from decimal import Decimal
from pathlib import Path

import pytest

from qt_ray.core.errors import Retryable
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.engine.tidings import Holding
from qt_ray.governance.access import Scope
from tests.unit.serve.consoles import House

pytestmark = pytest.mark.unit

CLOSE = "/api/trade/close"


@pytest.fixture
def house(tmp_path: Path) -> House:
    found = House(tmp_path)
    found.gateway.holdings = {
        "BTCUSDT": Holding(Decimal("0.5"), Decimal(50_000)),
        "ETHUSDT": Holding(Decimal(-2), Decimal(3_000)),
        "SOLUSDT": Holding(Decimal(0), Decimal(0)),
    }
    return found


def orders(house: House) -> list[Intent]:
    return [intent for errands in house.gateway.carried for intent in errands.place]


def test_what_is_held_is_closed_by_orders_that_can_only_lessen_it(house: House) -> None:
    found = house.ask("POST", CLOSE, {"reason": "enough"}, token=house.key(Scope.TRADE))
    assert (found.status, found.data["all_closed"]) == (200, True)
    assert [(one.symbol, one.side, one.quantity) for one in orders(house)] == [
        ("BTCUSDT", Side.SELL, Decimal("0.5")),
        ("ETHUSDT", Side.BUY, Decimal(2)),
    ]
    policy = house.store.get_policy()
    for one in orders(house):
        assert (one.type, one.reduce_only) == (OrderType.MARKET, True)
        assert (one.policy_version, one.epoch) == (policy.version, policy.epoch)
    (told,) = house.told
    assert (told.type, told.payload.person, told.payload.reason) == ("trade.by_hand", "bob", "enough")
    assert told.payload.client_ids == tuple(one.client_id for one in orders(house))


def test_one_of_several_positions_is_closed_by_its_name(house: House) -> None:
    found = house.ask("POST", CLOSE, {"symbols": ["ETHUSDT"], "reason": "enough"}).data
    assert [(one["symbol"], one["closed"], one["has_ended"]) for one in found["closings"]] == [("ETHUSDT", "2", True)]


@pytest.mark.parametrize("symbols", [["SOLUSDT"], ["NOUSDT", "BTCUSDT"]])
def test_what_is_not_held_is_not_closed_and_nothing_else_either(house: House, symbols: list[str]) -> None:
    found = house.ask("POST", CLOSE, {"symbols": symbols, "reason": "enough"})
    assert (found.status, house.gateway.carried, house.told) == (422, [], [])
    house.gateway.holdings = {}
    assert "nothing is held" in house.ask("POST", CLOSE, {"reason": "enough"}).data["error"]["rule"]


def test_what_was_closed_in_part_is_said_to_be(house: House) -> None:
    house.gateway.share = Decimal("0.5")
    found = house.ask("POST", CLOSE, {"symbols": ["ETHUSDT"], "reason": "enough"}).data
    assert (found["all_closed"], found["closings"][0]["closed"]) == (False, "1")


def test_a_gateway_that_is_away_is_said_to_be(house: House) -> None:
    house.gateway.fault = Retryable("Gateway.tidings: answers within 2000 ms, did not")
    assert house.ask("POST", CLOSE, {"reason": "enough"}).code == "no_answer"
