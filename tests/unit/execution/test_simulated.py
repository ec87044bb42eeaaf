"""SPEC section 4, the simulated venue: never kinder than the market could have been, for any bar and any order."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.execution.simulated import Bar, Execution, arrived_price, limited, room
from qt_ray.execution.slots import Kind
from tests.unit.execution.markets import MINUTE_MS, OPENED_MS, bar, bars, met, order, quantities, venue, venues

pytestmark = pytest.mark.unit

quick = settings(deadline=None, max_examples=150)
kinds = st.sampled_from([Kind.MARKET, Kind.LIMIT, Kind.STOP])
lags = st.integers(-MINUTE_MS, MINUTE_MS - 1)
shares = st.floats(-0.3, 1.3)


def somewhere(candle: Bar, share: float) -> int:
    """Return a price in or around a bar."""
    return max(candle.low + int((candle.high - candle.low + 10) * share), 1)


def worse_by(side: int, one: int, other: int) -> int:
    """Return by how much `one` is worse than `other` for a buyer (side 1) or a seller."""
    return side * (one - other)


@quick
@given(kinds, venues, bars(), quantities, st.integers(-10, 2 * 10**6), lags, shares, st.booleans())
def test_no_fill_lies_outside_the_bar_nor_exceeds_the_order_or_the_room(
    kind: Kind, where: Any, candle: Bar, quantity: int, most: int, lag: int, share: float, resting: bool
) -> None:
    """SPEC 4: no fill outside the bar."""
    slot = order(kind, price=somewhere(candle, share), active_ts=OPENED_MS + lag, reduce_only=int(resting))
    got = met(slot, where, candle, quantity, most)
    assert 0 <= got.quantity <= quantity or quantity <= got.quantity <= 0
    assert abs(got.quantity) <= max(most, 0)
    assert got.quantity == 0 or candle.low <= got.price <= candle.high


@quick
@given(kinds, venues, bars(), quantities, shares)
def test_nothing_fills_without_volume(kind: Kind, where: Any, candle: Bar, quantity: int, share: float) -> None:
    """SPEC 4: no fill on zero volume."""
    dead = candle._replace(volume=0)
    slot = order(kind, price=somewhere(candle, share))
    assert room(where, dead) == 0
    assert met(slot, where, dead, quantity, room(where, dead)) == Execution(0, 0, 0)


@quick
@given(venues, st.integers(0, 10**15))
def test_our_share_of_a_bar_is_bounded_and_exact(where: Any, volume: int) -> None:
    share = int(where["participation_bps"])
    assert room(where, bar(volume=volume)) == volume * share // 10_000


@quick
@given(kinds, venues, bars(), quantities, st.integers(0, 10**6), shares)
def test_an_order_that_has_not_arrived_gets_nothing(
    kind: Kind, where: Any, candle: Bar, quantity: int, late: int, share: float
) -> None:
    slot = order(kind, price=somewhere(candle, share), active_ts=OPENED_MS + MINUTE_MS + late)
    assert met(slot, where, candle, quantity).quantity == 0


@quick
@given(venues, bars(), quantities, lags)
def test_a_market_order_never_beats_the_price_it_met(where: Any, candle: Bar, quantity: int, lag: int) -> None:
    slot = order(Kind.MARKET, active_ts=OPENED_MS + lag)
    side = 1 if quantity > 0 else -1
    got = met(slot, where, candle, quantity)
    reference = arrived_price(where, candle, OPENED_MS + lag, side)
    assert got.quantity == quantity
    assert got.maker == 0
    assert worse_by(side, got.price, reference) >= 0
    assert worse_by(side, reference, candle.open) >= 0


@quick
@given(venues, bars(), quantities, shares)
def test_a_stop_never_beats_its_trigger_nor_the_open(where: Any, candle: Bar, quantity: int, share: float) -> None:
    """SPEC 4: gap through stops fills at or beyond the open."""
    trigger, side = somewhere(candle, share), 1 if quantity > 0 else -1
    got = met(order(Kind.STOP, price=trigger), where, candle, quantity)
    touched = candle.high >= trigger if side > 0 else candle.low <= trigger
    assert (got.quantity == quantity) == touched
    assert got.quantity in (0, quantity)
    if touched:
        assert worse_by(side, got.price, min(max(trigger, candle.low), candle.high)) >= 0
        if worse_by(side, candle.open, trigger) >= 0:
            assert worse_by(side, got.price, candle.open) >= 0


@quick
@given(venues, bars(), quantities, lags, shares)
def test_a_limit_never_fills_beyond_its_price(where: Any, candle: Bar, quantity: int, lag: int, share: float) -> None:
    price, side = somewhere(candle, share), 1 if quantity > 0 else -1
    got = met(order(Kind.LIMIT, price=price, active_ts=OPENED_MS + lag), where, candle, quantity)
    assert got.quantity == 0 or worse_by(side, got.price, price) <= 0


@quick
@given(venues, bars(), quantities, shares)
def test_a_resting_limit_fills_only_when_traded_through_or_touched_where_that_is_enough(
    where: Any, candle: Bar, quantity: int, share: float
) -> None:
    price, side = somewhere(candle, share), 1 if quantity > 0 else -1
    slot = order(Kind.LIMIT, price=price, active_ts=OPENED_MS - 1)
    got = met(slot, where, candle, quantity)
    beyond = worse_by(side, price, candle.low if side > 0 else candle.high)
    touch_is_enough = int(where["queue_touch"]) == 1
    assert (got.quantity == quantity) == (beyond > 0 or (beyond == 0 and touch_is_enough))
    assert got.maker == (got.quantity != 0)


@quick
@given(kinds, venues, bars(), quantities, st.integers(0, MINUTE_MS - 1), st.integers(0, MINUTE_MS - 1), shares)
def test_more_latency_never_improves_the_price(
    kind: Kind, where: Any, candle: Bar, quantity: int, one: int, two: int, share: float
) -> None:
    side, price = 1 if quantity > 0 else -1, somewhere(candle, share)
    early, late = (
        met(order(kind, price=price, active_ts=OPENED_MS + lag), where, candle, quantity) for lag in sorted((one, two))
    )
    if late.quantity:
        assert early.quantity == late.quantity
        assert worse_by(side, late.price, early.price) >= 0


@quick
@given(
    kinds,
    venues,
    bars(),
    quantities,
    st.integers(0, 3_000),
    st.sampled_from(["impact_x1000", "taker_cost_ppm"]),
    shares,
)
def test_dearer_trading_never_improves_the_price(
    kind: Kind, where: Any, candle: Bar, quantity: int, more: int, what: str, share: float
) -> None:
    side, slot = 1 if quantity > 0 else -1, order(kind, price=somewhere(candle, share))
    cheap = met(slot, where, candle, quantity)
    where[what] += more
    dear = met(slot, where, candle, quantity)
    assert dear.quantity == cheap.quantity
    assert worse_by(side, dear.price, cheap.price) >= 0


@quick
@given(venues, bars(), st.integers(1, 10**5), st.integers(1, 10**5), st.sampled_from([1, -1]))
def test_a_larger_order_never_gets_a_better_price(where: Any, candle: Bar, one: int, two: int, side: int) -> None:
    small, large = (met(order(Kind.MARKET), where, candle, side * size) for size in sorted((one, two)))
    assert worse_by(side, large.price, small.price) >= 0


@quick
@given(kinds, venues, bars(), quantities, lags, shares)
def test_a_buyer_and_a_seller_are_treated_alike(
    kind: Kind, where: Any, candle: Bar, quantity: int, lag: int, share: float
) -> None:
    """A bar hung upside down fills the opposite order at the mirrored price; costs aside, for they follow price."""
    where["taker_cost_ppm"] = where["impact_x1000"] = 0
    mirror = candle.low + candle.high
    other = candle._replace(open=mirror - candle.open, close=mirror - candle.close)
    price = min(somewhere(candle, share), mirror - 1)
    slot = order(kind, price=price, active_ts=OPENED_MS + lag)
    opposite = order(kind, price=mirror - price, active_ts=OPENED_MS + lag)
    one, two = met(slot, where, candle, quantity), met(opposite, where, other, -quantity)
    assert one.quantity == -two.quantity
    assert one.quantity == 0 or one.price == mirror - two.price


@quick
@given(venues, st.lists(bars(), min_size=1, max_size=20), quantities)
def test_partial_fills_add_up_to_the_order_and_never_to_more(where: Any, path: list[Bar], quantity: int) -> None:
    left = quantity
    for candle in path:
        got = met(order(Kind.MARKET), where, candle, left, room(where, candle))
        assert abs(got.quantity) <= room(where, candle)
        left -= got.quantity
        assert left == 0 or (left > 0) == (quantity > 0)
    rooms = sum(room(where, candle) for candle in path)
    assert abs(quantity - left) == min(rooms, abs(quantity))


@quick
@given(st.integers(-(10**9), 10**9), st.integers(0, 10**9))
def test_a_limited_quantity_keeps_its_sign(quantity: int, most: int) -> None:
    cut = limited(quantity, most)
    assert abs(cut) == min(abs(quantity), most)
    assert cut * quantity >= 0


# Hand-made: spread of 100 ppm, a latency of half a bar, an impact of one ATR per whole volume.
@pytest.mark.parametrize(
    ("quantity", "lag", "price"),
    [
        (10, 0, 100_010),
        (-10, 0, 99_990),
        (10, MINUTE_MS // 2, 100_511),
        (-10, MINUTE_MS // 2, 98_990),
        (10, -1, 100_010),
    ],
)
def test_a_market_order_pays_the_spread_on_the_price_it_meets(quantity: int, lag: int, price: int) -> None:
    candle = bar(100_000, 101_000, 98_000, 100_500)
    slot = order(Kind.MARKET, active_ts=OPENED_MS + lag)
    assert met(slot, venue(taker_cost_ppm=100), candle, quantity).price == price


def test_impact_is_volatility_times_the_root_of_the_share_of_volume() -> None:
    candle = bar(100_000, 120_000, 80_000, 100_000, volume=10_000, atr_bps=40)
    where = venue(impact_x1000=1_000)
    assert met(order(Kind.MARKET), where, candle, 2_500).price == 100_200
    assert met(order(Kind.MARKET), where, candle, -10_000).price == 99_600


@pytest.mark.parametrize(
    ("trigger", "quantity", "candle", "price"),
    [
        (995, -5, bar(1_000, 1_010, 990), 995),
        (995, -5, bar(980, 990, 970), 980),
        (1_005, 5, bar(1_000, 1_010, 990), 1_005),
        (1_005, 5, bar(1_020, 1_030, 1_015), 1_020),
        (990, -5, bar(1_000, 1_010, 990), 990),
        (989, -5, bar(1_000, 1_010, 990), None),
        (1_011, 5, bar(1_000, 1_010, 990), None),
    ],
)
def test_a_stop_fills_at_its_trigger_or_after_a_gap_at_the_open(
    trigger: int, quantity: int, candle: Bar, price: int | None
) -> None:
    got = met(order(Kind.STOP, price=trigger), venue(), candle, quantity)
    assert (got.price if got.quantity else None) == price


@pytest.mark.parametrize(
    ("price", "quantity", "touch", "filled"),
    [
        (991, 5, 0, 991),
        (990, 5, 0, None),
        (990, 5, 1, 990),
        (989, 5, 1, None),
        (1_009, -5, 0, 1_009),
        (1_010, -5, 0, None),
        (1_010, -5, 1, 1_010),
        (1_020, 5, 0, 1_010),
        (980, -5, 0, 990),
    ],
)
def test_a_resting_limit_waits_for_its_price_and_gets_no_price_that_was_not_traded(
    price: int, quantity: int, touch: int, filled: int | None
) -> None:
    slot = order(Kind.LIMIT, price=price, active_ts=OPENED_MS - 1)
    got = met(slot, venue(queue_touch=touch), bar(), quantity)
    assert (got.price if got.quantity else None) == filled


def test_a_limit_that_arrives_through_the_market_takes_and_pays_up_to_its_price() -> None:
    where = venue(taker_cost_ppm=2_000)
    assert met(order(Kind.LIMIT, price=1_008), where, bar(), 5) == Execution(5, 1_002, 0)
    assert met(order(Kind.LIMIT, price=1_001), where, bar(), 5) == Execution(5, 1_001, 0)
    assert met(order(Kind.LIMIT, price=992), where, bar(), -5) == Execution(-5, 998, 0)
    assert met(order(Kind.LIMIT, price=999), where, bar(), -5) == Execution(-5, 999, 0)


def test_a_target_rests_even_when_the_market_is_beyond_it() -> None:
    target = order(Kind.LIMIT, price=995, reduce_only=1)
    assert met(target, venue(), bar(), -5) == Execution(-5, 995, 1)
