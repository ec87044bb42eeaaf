import pytest

from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Side
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.told import AccountTold, LiquidationTold, MarginCallTold, OrderTold
from qt_ray.execution.exchange.values import AlgoState, Happened, OrderState
from qt_ray.execution.venue.views import PositionSide
from tests.unit.execution.exchange.floor import (
    BTC,
    ETH,
    START,
    D,
    around,
    buy,
    exchange,
    market,
    sell,
    stop,
    words,
)

pytestmark = pytest.mark.unit

BOTH = PositionSide.BOTH


def levered(wallet: str = "100", quantity: str = "10", side: str = "long") -> Exchange:
    """Ann holds ten times her wallet; all fees are nearly 1."""
    x = exchange("ann", "bob", wallet=wallet)
    x.place("ann", buy(quantity) if side == "long" else sell(quantity), START)
    x.drain()
    return x


def wallet(x: Exchange, account: str = "ann") -> object:
    return x.figures(account)["USDT"].wallet


def test_below_maintenance_a_position_is_sold_at_the_market_and_a_fee_is_taken() -> None:
    x = levered()
    x.quote(around("91.2"), START + 1)
    assert x.positions("ann", BTC)[0].held.quantity == D(10)
    x.quote(around("91"), START + 2)
    assert words(x.drain()) == [
        "MarginCallTold",
        "OrderTold NEW",
        "TradeTold",
        "AccountTold ORDER",
        "OrderTold CALCULATED",
        "AccountTold INSURANCE_CLEAR",
        "LiquidationTold",
    ]
    (order,) = x.force_orders("ann")
    assert order.client_id.startswith("autoclose-")
    assert (order.state, order.executed, order.average, order.reduce_only) == (OrderState.FILLED, 10, D("90.9"), True)
    kinds = {income.kind: income.amount for income in x.incomes("ann")[1:]}
    assert kinds == {"REALIZED_PNL": D(-92), "INSURANCE_CLEAR": D("-7.4995")}
    assert wallet(x) == 0


def test_the_market_is_asked_down_to_the_price_at_which_nothing_is_left() -> None:
    x = levered()
    x.quote(market("1@90.8 9@90", "1@91.2", last="91", mark="91"), START + 1)
    (order,) = x.force_orders("ann")
    assert [trade.price for trade in x.trades("ann", BTC)[1:]] == [D("90.8"), D("90.2")]
    assert order.price == D("90.2")
    assert 0 <= x.figures("ann")["USDT"].wallet < 2


def test_a_gap_through_everything_is_the_insurance_funds() -> None:
    for side, price in (("long", "60"), ("short", "140")):
        x = levered(side=side)
        x.quote(around(price), START + 1)
        assert x.positions("ann", BTC)[0].held.quantity == 0
        assert 0 <= x.figures("ann")["USDT"].wallet < D("1.1")


THIN = "1@96 9@80"


def left_through_a_hole(x: Exchange) -> dict[str, object]:
    """Ann leaves a position into a book that pays far less than the mark says; return what moved her wallet then."""
    before = len(x.incomes("ann"))
    x.quote(market(THIN, "10@100.1", last="100", mark="100"), START + 1)
    x.place("ann", sell("10", reduce_only=True), START + 2)
    assert x.positions("ann", BTC)[0].held.quantity == 0
    return {income.kind: income.amount for income in x.incomes("ann")[before:]}


def test_a_wallet_that_a_gap_took_below_nothing_is_filled_up_by_the_insurance_fund() -> None:
    x = levered()
    moved = left_through_a_hole(x)
    assert moved["INSURANCE_CLEAR"] > 0
    assert wallet(x) == 0
    last = [told for told in x.drain() if isinstance(told, AccountTold)][-1]
    assert (last.reason, last.wallets["USDT"]) == ("INSURANCE_CLEAR", 0)


def test_what_another_position_may_still_earn_is_not_paid_by_the_fund_and_neither_is_a_secured_debt() -> None:
    x = levered("140")
    x.place("ann", buy("0.1", symbol=ETH), START)
    assert "INSURANCE_CLEAR" not in left_through_a_hole(x)
    assert wallet(x) < 0
    x = exchange(wallet="100")
    x.set_multi_assets("ann", True, START)
    x.place("ann", buy("10"), START)
    assert "INSURANCE_CLEAR" not in left_through_a_hole(x)
    assert wallet(x) < 0


def test_orders_end_before_the_position_does() -> None:
    x = levered("200")
    x.place("ann", buy("1", "80"), START)
    x.place("ann", buy("1", "80", symbol=ETH), START)
    x.quote(around("80.9"), START + 1)
    ended = [order for order in x.orders("ann") if order.state is OrderState.EXPIRED]
    assert [order.expiry_reason for order in ended] == ["5", "5"]
    assert x.open_orders("ann") == []


def test_a_large_position_is_reduced_bracket_by_bracket_while_that_helps() -> None:
    x = exchange(wallet="3000")
    x.place("ann", buy("100"), START)
    x.place("ann", buy("99", "100.1"), START)
    x.quote(market("1000@86.3", "1000@86.5", last="86.4", mark="86.4"), START + 1)
    position = x.positions("ann", BTC)[0].held.quantity
    assert 0 < position < 199
    assert x.figures("ann")["USDT"].maintenance < x.figures("ann")["USDT"].margin_balance
    assert len(x.force_orders("ann")) == 1


def test_a_part_of_an_isolated_position_leaves_the_rest_its_wallet() -> None:
    x = exchange(wallet="3000")
    x.set_isolated("ann", BTC, True, START)
    x.place("ann", buy("100"), START)
    x.place("ann", buy("99", "100.1"), START)
    x.quote(market("1000@96.3", "1000@96.5", last="96.4", mark="96.4"), START + 1)
    (one,) = x.positions("ann", BTC)
    assert 0 < one.held.quantity < 199
    figures = x.figures("ann")["USDT"]
    assert figures.wallet - figures.cross_wallet == one.held.isolated_wallet > 0


def test_cross_positions_stand_in_for_each_other() -> None:
    x = levered("150")
    x.place("ann", sell("10", symbol=ETH), START)
    x.quote(around("92"), START + 1)
    assert len(x.force_orders("ann")) == 0
    x.quote(around("108", ETH), START + 2)
    assert {order.symbol for order in x.force_orders("ann")} == {BTC, ETH}


def test_an_isolated_position_is_lost_alone() -> None:
    x = exchange("ann", wallet="1000")
    x.set_isolated("ann", BTC, True, START)
    x.place("ann", buy("10"), START)
    x.place("ann", buy("1", symbol=ETH), START)
    margin = x.positions("ann", BTC)[0].held.isolated_wallet
    before = x.figures("ann")["USDT"].wallet
    x.quote(around("60"), START + 1)
    assert x.positions("ann", BTC)[0].held.isolated_wallet == 0
    assert before - margin <= x.figures("ann")["USDT"].wallet <= before - margin + 1
    assert x.positions("ann", ETH)[0].held.quantity == D(1)


def test_each_side_of_a_hedge_is_isolated_by_itself() -> None:
    x = exchange("ann", wallet="1000")
    x.set_hedge("ann", True, START)
    x.set_isolated("ann", BTC, True, START)
    x.place("ann", buy("10", position_side=PositionSide.LONG), START)
    x.place("ann", sell("10", position_side=PositionSide.SHORT), START)
    x.quote(around("95"), START + 1)
    assert [figures.held.quantity for figures in x.positions("ann", BTC)] == [0, D(-10)]


def test_a_stop_acts_before_a_liquidation() -> None:
    x = levered()
    algo = x.place_algo("ann", stop(Side.SELL, "92", None, closes_position=True), START)
    x.quote(around("91"), START + 1)
    assert x.algo("ann", algo_id=algo.id).state is AlgoState.FINISHED
    assert x.force_orders("ann") == []


def test_a_stop_comes_too_late_where_nothing_is_left() -> None:
    x = levered()
    algo = x.place_algo("ann", stop(Side.SELL, "92", reduce_only=True), START)
    x.quote(around("80"), START + 1)
    assert x.algo("ann", algo_id=algo.id).state is AlgoState.REJECTED
    assert len(x.force_orders("ann")) == 1
    assert 0 <= x.figures("ann")["USDT"].wallet < 1


def test_a_guard_goes_with_a_liquidated_position() -> None:
    x = levered()
    algo = x.place_algo("ann", stop(Side.SELL, "50", None, closes_position=True), START)
    x.quote(around("91"), START + 1)
    assert x.algo("ann", algo_id=algo.id).state is AlgoState.CANCELED


def test_near_liquidation_one_warns_once_until_it_is_well_again() -> None:
    x = levered()
    prices = ["91.2", "91.1", "99", "91.2"]
    for at, price in enumerate(prices):
        x.quote(around(price), START + at)
    calls = [item for item in x.drain() if isinstance(item, MarginCallTold)]
    assert [item.time_ms for item in calls] == [START, START + 3]
    assert calls[0].positions[0].quantity == D(10)
    assert calls[0].maintenance == (D("9.12"),)


def test_a_withdrawal_and_funding_may_liquidate() -> None:
    x = levered()
    x.deposit("ann", "USDT", D(-95), START + 1, "WITHDRAW")
    assert len(x.force_orders("ann")) == 1
    x = levered()
    x.quote(market(funding="0.1"), START)
    x.advance(START + 28_800_000)
    assert len(x.force_orders("ann")) == 1


def test_a_liquidation_is_heard_by_everybody_and_moves_the_price_for_others_stops() -> None:
    x = levered()
    algo = x.place_algo("bob", stop(Side.SELL, "90.9"), START)
    x.quote(around("91"), START + 1)
    told = x.drain()
    (heard,) = (item for item in told if isinstance(item, LiquidationTold))
    assert (heard.symbol, heard.order.side, heard.order.executed) == (BTC, Side.SELL, D(10))
    assert x.algo("bob", algo_id=algo.id).state is AlgoState.FINISHED


def test_a_bystander_may_buy_what_is_liquidated() -> None:
    x = levered()
    x.place("bob", buy("4", "90.5"), START)
    x.quote(market("1@80", "1@92", last="91", mark="91"), START + 1)
    assert x.positions("bob", BTC)[0].held.quantity == D(4)


def test_deleveraging_closes_at_its_price_and_is_told_as_what_it_is() -> None:
    x = levered()
    order = x.deleverage("ann", BTC, BOTH, D(4), D(104), START + 1)
    assert order.client_id.startswith("adl_autoclose")
    told = [item for item in x.drain() if isinstance(item, OrderTold | AccountTold)]
    assert [item.happened for item in told if isinstance(item, OrderTold)] == [Happened.NEW, Happened.CALCULATED]
    position = x.positions("ann", BTC)[0].held
    assert (position.quantity, position.realised) == (D(6), D("15.6"))
    with pytest.raises(Invalid):
        x.deleverage("ann", BTC, BOTH, D(7), D(104), START + 1)


def test_the_luckiest_and_boldest_stands_first_to_be_deleveraged() -> None:
    x = exchange("ann", "bob", "cat")
    for client, price in (("ann", "90"), ("bob", "95"), ("cat", "100")):
        x.quote(around(price), START)
        x.place(client, buy("1"), START)
    x.quote(around("110"), START)
    places = [x.positions(client, BTC)[0].adl_quantile for client in ("ann", "bob", "cat")]
    assert places == [3, 1, 0]
    assert x.positions("ann", ETH)[0].adl_quantile == 0


def test_the_liquidation_price_foretells_it() -> None:
    for isolated in (False, True):
        for order, inside, beyond in ((buy("10"), D(1), D(-1)), (sell("10"), D(-1), D(1))):
            x = exchange(wallet="100")
            if isolated:
                x.set_isolated("ann", BTC, True, START)
            x.place("ann", order, START)
            price = x.positions("ann", BTC)[0].liquidation
            x.quote(around(str(round(price + inside / 10, 1))), START + 1)
            assert x.force_orders("ann") == []
            x.quote(around(str(round(price + beyond / 10, 1))), START + 2)
            assert len(x.force_orders("ann")) == 1
