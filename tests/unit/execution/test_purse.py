from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.execution.purse import Purse
from qt_ray.execution.venue.news import AccountNews, Held
from qt_ray.execution.venue.views import AccountView, IncomeView, PositionSide
from tests.unit.execution.venue_shown import BOTH, position_view

pytestmark = pytest.mark.unit

ZERO = Decimal(0)


def shown(wallet: int, unrealised: int = 0) -> AccountView:
    money = Decimal(wallet)
    return AccountView({"USDT": money}, Decimal(unrealised), money, ZERO, ZERO, money, True, False)


def news(wallet: int, change: int = 0, reason: str = "ORDER", held: int | None = None) -> AccountNews:
    positions = () if held is None else (Held("BTCUSDT", PositionSide.BOTH, Decimal(held), Decimal(100), ZERO),)
    return AccountNews(reason, {"USDT": Decimal(wallet)}, {"USDT": Decimal(change)}, positions, 1)


def income(number: int, amount: int) -> IncomeView:
    return IncomeView(number, "TRANSFER", "USDT", Decimal(amount), "", number)


def test_what_the_venue_shows_is_what_the_account_is_worth() -> None:
    worth = Purse("USDT").shown(shown(1_000, -40))
    assert (worth.equity, worth.wallet, worth.unrealised, worth.transfers) == (960, 1_000, -40, 0)


def test_between_two_looks_it_is_worth_its_marks_and_nothing_while_one_is_unknown() -> None:
    purse = Purse("USDT")
    assert purse.worth() is None
    purse.heard(news(1_000, held=2))
    assert purse.worth() is None
    purse.marked("BTCUSDT", Decimal(90))
    worth = purse.worth()
    assert worth is not None
    assert worth.equity == 980
    purse.heard(news(975, held=0))
    assert purse.held == {}


def test_positions_that_are_shown_bring_their_marks() -> None:
    purse = Purse("USDT")
    purse.shown(shown(1_000))
    view = position_view(Decimal(3), "BTCUSDT", BOTH)
    purse.positions([view])
    worth = purse.worth()
    assert worth is not None
    assert worth.unrealised == 3 * (view.mark - view.entry)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-100, 100).filter(bool), st.booleans(), st.booleans()), max_size=12))
def test_each_transfer_counts_once_whether_told_or_shown_or_both(story: list[tuple[int, bool, bool]]) -> None:
    purse, wallet, moved = Purse("USDT"), 10_000, list[IncomeView]()
    for number, (amount, is_told, is_shown) in enumerate(story):
        wallet += amount
        moved.append(income(number, amount))
        if is_told or not is_shown:
            purse.heard(news(wallet, amount, "DEPOSIT" if amount > 0 else "WITHDRAW"))
        if is_shown:
            purse.moved(moved)
        assert purse.shown(shown(wallet)).transfers == sum(view.amount for view in moved)


def test_what_trading_moves_is_no_transfer() -> None:
    purse = Purse("USDT")
    purse.heard(news(900, -100, "ORDER"))
    assert purse.shown(shown(900)).transfers == 0


def test_only_a_move_by_more_than_a_hundredth_may_be_a_transfer() -> None:
    purse = Purse("USDT")
    before = purse.shown(shown(1_000))
    assert not purse.is_suspect(purse.shown(shown(990)), before)
    assert purse.is_suspect(purse.shown(shown(989)), before)
    assert not purse.is_suspect(before, None)
