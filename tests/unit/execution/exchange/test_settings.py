from typing import Any

import pytest

from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Side
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.told import AccountTold, SettingTold
from qt_ray.execution.exchange.values import Refusal, Setting
from qt_ray.execution.venue.views import PositionSide
from tests.unit.execution.exchange.floor import BTC, ETH, START, D, around, buy, exchange, sell, stop

pytestmark = pytest.mark.unit

BOTH = PositionSide.BOTH


def code(call: Any, *given: Any) -> int:
    with pytest.raises(Refusal) as caught:
        call("ann", *given, START)
    return caught.value.code


def holding(*orders: Any, isolated: bool = False, wallet: str = "10000") -> Exchange:
    x = exchange(wallet=wallet)
    if isolated:
        x.set_isolated("ann", BTC, True, START)
    for order in orders:
        x.place("ann", order, START)
    x.drain()
    return x


def test_leverage_is_told_and_bounds_what_may_be_held() -> None:
    x = holding()
    assert x.set_leverage("ann", BTC, 100, START) == Setting(100, False)
    assert x.drain() == [SettingTold("ann", BTC, 100, False, START)]
    assert x.positions("ann", BTC)[0].notional_max == D(10_000)
    with pytest.raises(Refusal) as caught:
        x.place("ann", buy("100", "105"), START)
    assert caught.value.code == -2027


@pytest.mark.parametrize("leverage", [0, 101, -5])
def test_leverage_is_within_the_brackets(leverage: int) -> None:
    assert code(holding().set_leverage, BTC, leverage) == -4028


def test_leverage_fits_the_position_and_the_wallet() -> None:
    x = holding(buy("100"), buy("1", "90"), wallet="1000")
    assert code(x.set_leverage, BTC, 50) == -2027
    assert code(x.set_leverage, BTC, 2) == -2028
    x.set_leverage("ann", BTC, 15, START)
    assert code(holding(buy("1"), isolated=True).set_leverage, BTC, 10) == -4161


def test_a_margin_type_is_set_while_nothing_is_open() -> None:
    x = holding()
    assert code(x.set_isolated, BTC, False) == -4046
    x.set_isolated("ann", BTC, True, START)
    assert (x.setting("ann", BTC), x.setting("ann", ETH)) == (Setting(20, True), Setting(20, False))
    assert code(holding(buy("1", "95")).set_isolated, BTC, True) == -4047
    assert code(holding(buy("1")).set_isolated, BTC, True) == -4048
    waiting = holding()
    waiting.place_algo("ann", stop(Side.SELL, "95"), START)
    assert code(waiting.set_isolated, BTC, True) == -4047


def test_a_position_mode_is_set_while_nothing_is_open() -> None:
    x = holding()
    assert code(x.set_hedge, False) == -4059
    x.set_hedge("ann", True, START)
    assert x.is_hedged("ann")
    assert code(holding(buy("1", "95")).set_hedge, True) == -4067
    assert code(holding(buy("1")).set_hedge, True) == -4068


def test_many_assets_are_one_margin() -> None:
    x = exchange(wallet="1")
    x.deposit("ann", "BTC", D("0.5"), START)
    assert code(x.place, buy("1")) == -2019
    x.drain()
    x.set_multi_assets("ann", True, START)
    assert x.drain() == [SettingTold("ann", None, 0, True, START)]
    assert x.is_multi_assets("ann")
    assert (x.totals("ann").wallet, x.totals("ann").available) == (D(51), D(51))
    x.place("ann", buy("1"), START)
    x.quote(around("70"), START + 1)
    assert x.positions("ann", BTC)[0].held.quantity == D(1)
    x.quote(around("60"), START + 2)
    assert x.positions("ann", BTC)[0].held.quantity == 0


def test_many_assets_need_all_to_be_cross_and_nothing_open() -> None:
    x = holding()
    assert code(x.set_multi_assets, False) == -4171
    x.set_multi_assets("ann", True, START)
    assert code(x.set_isolated, BTC, True) == -4168
    assert code(holding(isolated=True).set_multi_assets, True) == -4167
    assert code(holding(buy("1", "95")).set_multi_assets, True) == -4169


def test_margin_moves_between_the_cross_wallet_and_an_isolated_position() -> None:
    x = holding(buy("1"), isolated=True, wallet="100")
    held = x.positions("ann", BTC)[0].held
    x.move_margin("ann", BTC, BOTH, D(10), START)
    (told,) = x.drain()
    assert isinstance(told, AccountTold)
    assert (told.reason, told.positions[0].isolated_wallet) == ("MARGIN_TRANSFER", held.isolated_wallet + 10)
    assert told.wallets["USDT"] - told.cross["USDT"] == held.isolated_wallet + 10
    x.move_margin("ann", BTC, BOTH, D("-9.9"), START)
    for amount, expected in ((D(0), -4055), (D(1000), -4050), (D(-2), -4051)):
        assert code(x.move_margin, BTC, BOTH, amount) == expected
    assert code(x.move_margin, ETH, BOTH, D(1)) == -4054


def test_an_isolated_position_takes_its_margin_and_gives_its_share_back() -> None:
    x = holding(buy("2"), isolated=True)
    figures = x.figures("ann")["USDT"]
    assert figures.wallet - figures.cross_wallet == D("10.01")
    x.place("ann", sell("1"), START)
    assert x.positions("ann", BTC)[0].held.isolated_wallet == D("5.005")
    x.place("ann", sell("2"), START)
    assert x.positions("ann", BTC)[0].held.isolated_wallet == D("4.995")


def test_a_deposit_and_a_withdrawal_are_told_and_kept_as_income() -> None:
    x = exchange()
    x.deposit("ann", "USDT", D(5), START)
    x.deposit("ann", "USDT", D(-3), START + 1, "WITHDRAW")
    told = [(item.reason, item.changes["USDT"]) for item in x.drain() if isinstance(item, AccountTold)]
    assert told == [("DEPOSIT", D(5)), ("WITHDRAW", D(-3))]
    assert [(income.kind, income.amount) for income in x.incomes("ann")] == [("TRANSFER", D(5)), ("TRANSFER", D(-3))]


def test_an_account_is_opened_once_and_before_it_is_used() -> None:
    x = exchange()
    with pytest.raises(Invalid):
        x.open_account("ann", {})
    with pytest.raises(Invalid):
        x.place("zoe", buy("1"), START)
    assert x.accounts == ("ann",)
