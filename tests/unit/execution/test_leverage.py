import pytest

from qt_ray.execution.leverage import Leverages
from qt_ray.execution.venue.news import LeverageNews

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("leverage", "is_open"), [(1, True), (10, True), (11, False), (125, False)])
def test_a_symbol_is_open_while_its_leverage_is_within_our_limit(leverage: int, is_open: bool) -> None:
    leverages = Leverages(10)
    leverages.heard(LeverageNews("BTCUSDT", leverage, 1))
    assert (leverages.why_not("BTCUSDT") is None) is is_open
    assert leverages.why_not("ETHUSDT") is None


@pytest.mark.parametrize(("most", "is_open"), [(10, False), (50, True)])
def test_what_was_set_before_is_held_to_the_limit_of_now(most: int, is_open: bool) -> None:
    leverages = Leverages(20)
    leverages.heard(LeverageNews("BTCUSDT", 15, 1))
    leverages.govern(most)
    assert (leverages.why_not("BTCUSDT") is None) is is_open


def test_a_symbol_opens_again_once_it_is_lowered() -> None:
    leverages = Leverages(10)
    leverages.heard(LeverageNews("BTCUSDT", 50, 1))
    assert leverages.why_not("BTCUSDT") == "no entry in BTCUSDT at a leverage above 10, is 50"
    leverages.heard(LeverageNews("BTCUSDT", 5, 2))
    assert leverages.why_not("BTCUSDT") is None
