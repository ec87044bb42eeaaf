import pytest

from qt_ray.adapters.binance.modes import MULTI_ASSETS, Difference
from qt_ray.adapters.trading.workplace import shut_for_all, split, went_wrong
from qt_ray.core.orders import Intent, Planned, Rejected
from qt_ray.execution.gateway.book import Tracked
from tests.unit.execution.gateway.stories import entry, exit_

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("intent", "reason", "sent_ms", "is_wrong"),
    [
        (entry(), "-2019 Margin is insufficient.", 1, True),
        (exit_(), "-4005 Quantity greater than max quantity.", 1, True),
        (exit_(), "-2022 ReduceOnly Order is rejected.", 1, False),
        (entry(), "no entry in an emergency", None, False),
    ],
)
def test_what_the_venue_would_not_have_is_an_error_and_a_close_that_came_too_late_is_none(
    intent: Intent, reason: str, sent_ms: int | None, is_wrong: bool
) -> None:
    order = Rejected(intent, 2, reason)
    assert went_wrong(order, Tracked(order, "family", 1, sent_ms)) is is_wrong
    assert not went_wrong(order, None)
    assert not went_wrong(Planned(intent, 1), Tracked(Planned(intent, 1), "family", 1, 1))


def test_a_leverage_that_the_venue_would_not_have_shuts_its_symbol_and_nothing_else_keeps_an_account_open() -> None:
    of_symbol = Difference("BTCUSDT leverage", "3", "10", mended=False, reason="-2027 the position is too large")
    account = Difference(MULTI_ASSETS, "False", "True", mended=False, reason="only a person can change it")
    margin = Difference("BTCUSDT margin", "crossed", "isolated", mended=False)
    assert split([of_symbol, account, margin]) == ({"BTCUSDT": of_symbol}, [account, margin])


def test_an_account_is_shut_once_every_symbol_is_and_the_first_one_says_why() -> None:
    prices = {"BTCUSDT": "old", "ETHUSDT": "never heard"}
    gates = [lambda symbol, at_ms: None, lambda symbol, at_ms: prices.get(symbol)]
    assert shut_for_all(gates, ["BTCUSDT", "ETHUSDT"], 0) == "old"
    assert shut_for_all(gates, ["BTCUSDT", "SOLUSDT"], 0) is None
    assert shut_for_all(gates, [], 0) is None
