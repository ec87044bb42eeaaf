from decimal import Decimal
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.binance.user_events import news_of
from qt_ray.core.orders import Execution, OrderType, Side
from qt_ray.execution.venue.news import (
    AccountNews,
    AlgoNews,
    Held,
    LeverageNews,
    MarginCallNews,
    News,
    OrderNews,
    Unheeded,
    Unreadable,
)
from qt_ray.execution.venue.views import PositionSide
from tests.unit.adapters.binance.recorded import MOVED, TRADED, TRIGGERED, lines

pytestmark = pytest.mark.unit

RECORDED = lines("user_stream/*.jsonl", "nautilus_binance/user_data_json/*.json")
OURS = [orjson.dumps(message).decode() for message in (TRADED, MOVED, TRIGGERED)]


def heard(message: Any, at_ms: int = 9) -> News:
    return news_of(orjson.dumps(message), at_ms)


def changed(**fields: Any) -> dict[str, Any]:
    return {**TRADED, "o": {**TRADED["o"], **fields}}


@pytest.mark.parametrize("text", RECORDED + OURS)
def test_every_real_message_is_read(text: str) -> None:
    assert not isinstance(news_of(text, 9), Unreadable)


def test_a_trade_is_read_to_the_last_digit() -> None:
    assert heard(TRADED) == OrderNews(
        symbol="BTCUSDT",
        client_id="qt-trend-00000000000000000000-0",
        venue_id="8886774",
        side=Side.BUY,
        position_side=PositionSide.BOTH,
        type=OrderType.LIMIT,
        event="TRADE",
        status="PARTIALLY_FILLED",
        quantity=Decimal("0.010"),
        executed=Decimal("0.004"),
        limit_price=Decimal("50000.10"),
        average_price=Decimal("50000.05"),
        reduce_only=False,
        execution=Execution(77, Decimal("0.004"), Decimal("50000.05"), Decimal("0.00003"), "BNB", True, 1568879465650),
        realised=Decimal("1.25"),
        time_ms=1568879465650,
    )


def test_an_account_tells_only_what_moved() -> None:
    assert heard(MOVED) == AccountNews(
        reason="FUNDING_FEE",
        wallets={"USDT": Decimal("100.5"), "BNB": Decimal(1)},
        changes={"USDT": Decimal("-0.5")},
        positions=(Held("BTCUSDT", PositionSide.BOTH, Decimal("-0.004"), Decimal("50000.05"), Decimal("-1.5")),),
        time_ms=5,
    )


def test_a_trigger_names_the_order_it_made() -> None:
    news = heard(TRIGGERED)
    assert isinstance(news, AlgoNews)
    assert (news.status, news.child_id, news.trigger_price, news.reason) == ("TRIGGERED", "982736", Decimal(45000), "")


@pytest.mark.parametrize("empty", ["", "0", None])
def test_an_untriggered_order_has_no_child(empty: str | None) -> None:
    news = heard({**TRIGGERED, "o": {**TRIGGERED["o"], "ai": empty, "rm": "Reduce Only reject"}})
    assert isinstance(news, AlgoNews)
    assert (news.child_id, news.reason) == (None, "Reduce Only reject")


def test_a_liquidation_is_no_execution_before_it_trades() -> None:
    begun = heard(changed(x="CALCULATED", X="NEW", l="0", z="0", L="0", t=0))
    assert isinstance(begun, OrderNews)
    assert begun.execution is None
    traded = heard(changed(x="CALCULATED", X="NEW_INSURANCE"))
    assert isinstance(traded, OrderNews)
    assert traded.execution is not None


@pytest.mark.parametrize(
    ("message", "news"),
    [
        ({"e": "ACCOUNT_CONFIG_UPDATE", "E": 2, "T": 1, "ac": {"s": "X", "l": 25}}, LeverageNews("X", 25, 1)),
        ({"e": "ACCOUNT_CONFIG_UPDATE", "E": 2, "ai": {"j": True}}, Unheeded("ACCOUNT_CONFIG_UPDATE/ai", 2)),
        ({"e": "MARGIN_CALL", "E": "7", "p": [{"s": "X"}, {"s": "Y"}]}, MarginCallNews(("X", "Y"), 7)),
        ({"e": "listenKeyExpired", "E": "1736996475556", "listenKey": "k"}, Unheeded("listenKeyExpired", 9)),
        ({"e": "TRADE_LITE", "E": 1, "T": 1}, Unheeded("TRADE_LITE", 9)),
        ({"e": "A_NEW_KIND", "E": 1}, Unheeded("A_NEW_KIND", 9)),
        ({"result": None, "id": 1}, Unheeded("reply", 9)),
        ({"stream": "abc", "data": {"e": "TRADE_LITE"}}, Unheeded("TRADE_LITE", 9)),
    ],
)
def test_small_messages_say_what_they_say(message: Any, news: News) -> None:
    assert heard(message) == news


@pytest.mark.parametrize("number", ["１", "1_0", " 1", "NaN", "1e400", "-0.1", "", "Infinity", 1, 1.5, None, True, []])
def test_what_is_no_amount_never_passes(number: Any) -> None:
    assert isinstance(heard(changed(l=number or "x", q=number)), Unreadable)


@pytest.mark.parametrize("price", ["0", "-1", "0.00", "NaN", "1e-400"])
def test_nothing_trades_at_no_price(price: str) -> None:
    news = heard(changed(L=price))
    assert isinstance(news, Unreadable)
    assert "ORDER_TRADE_UPDATE.o.L" in news.rule


@pytest.mark.parametrize(
    ("field", "value"),
    [("X", "DONE"), ("x", "FILL"), ("S", "LONG"), ("o", "ICEBERG"), ("ps", "NET"), ("R", "false"), ("i", "77")],
)
def test_a_word_outside_its_closed_set_is_named(field: str, value: str) -> None:
    news = heard(changed(**{field: value}))
    assert isinstance(news, Unreadable)
    assert f"o.{field}: " in news.rule
    assert repr(value) in news.rule


@pytest.mark.parametrize("field", [f for f in TRADED["o"] if f not in ["f", "b", "a", "cp", "rp", "er", "N", "n"]])
def test_a_missing_field_is_named_or_has_a_meaning(field: str) -> None:
    order = {name: value for name, value in TRADED["o"].items() if name != field}
    news = heard({**TRADED, "o": order})
    if field in ("p", "ap"):
        assert isinstance(news, OrderNews)
    else:
        assert isinstance(news, Unreadable)
        assert news.rule == f"ORDER_TRADE_UPDATE.o.{field}: present, was missing"


def test_a_key_is_not_kept_with_what_could_not_be_read() -> None:
    news = news_of('{"e":"listenKeyExpired", "listenKey" : "canary-7Q', 9)
    assert isinstance(news, Unreadable)
    assert "canary" not in repr(news)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60) | JSON.map(lambda value: str(value).encode("utf-8", "replace")))
def test_no_noise_raises(noise: bytes) -> None:
    assert isinstance(news_of(noise, 9), Unheeded | Unreadable)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([TRADED, MOVED, TRIGGERED]), st.data())
def test_no_bent_message_raises(message: dict[str, Any], data: st.DataObject) -> None:
    inner = "a" if "a" in message else "o"
    field = data.draw(st.sampled_from(sorted(message[inner])))
    bent = {**message, inner: {**message[inner], field: data.draw(JSON.filter(_fits_json))}}
    assert isinstance(heard(bent), News)


def _fits_json(value: object) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def test_the_wallet_is_what_trades_and_fees_made_of_it() -> None:
    ours = [
        MOVED | {"a": {**MOVED["a"], "B": [{"a": "USDT", "wb": "100"}]}},
        changed(n="0.04", N="USDT", rp="2.5"),
        MOVED | {"a": {**MOVED["a"], "B": [{"a": "USDT", "wb": "102.46"}]}},
    ]
    # The report of a trade follows the account's, so each wallet already holds the trade that is told next.
    reordered = [ours[0], ours[2], ours[1]]
    real = lines("user_stream/btcusdt_open_close_one_way_*.jsonl")
    for story in [[orjson.dumps(one).decode() for one in reordered], *([real] if real else [])]:
        news = [news_of(text, 9) for text in story]
        wallets = [one.wallets["USDT"] for one in news if isinstance(one, AccountNews)]
        trades = [one for one in news if isinstance(one, OrderNews) and one.execution]
        moved = [trade.realised - trade.execution.fee for trade in trades if trade.execution]
        assert [after - before for before, after in pairwise(wallets)] == moved[-len(wallets) + 1 :]
