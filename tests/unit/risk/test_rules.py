"""One hand-made ask per reason, where that reason and no other binds; and every money rule against big integers."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.core.limits import Volatility
from qt_ray.core.policy import Policy
from qt_ray.risk.in_force import limits_in_force
from qt_ray.risk.reasons import Reason, reasons_in
from tests.unit.risk.asks import EQUITY, STEP_VALUE, WISH, ask, granted, judge, limits

pytestmark = pytest.mark.unit

HALF = WISH // 2
HALF_VALUE = HALF * STEP_VALUE

# The reason, the facts and numbers that make it bind, and what it grants of a wish for 100 steps.
SOLE = [
    (Reason.KILL_SWITCH, {"killed": 1}, {}, 0),
    (Reason.NEW_POSITIONS_DISABLED, {"allow_new": 0}, {}, 0),
    (Reason.NEW_POSITIONS_DISABLED, {"armed": 0}, {}, 0),
    (Reason.SYMBOL_NOT_ALLOWED, {"allowed": 0}, {}, 0),
    (Reason.PRICE_INVALID, {"valid": 0}, {}, 0),
    (Reason.PRICE_RANGE, {"price_min": 1_001}, {}, 0),
    (Reason.PRICE_RANGE, {"price_max": 999}, {}, 0),
    (Reason.PRICE_COLLAR, {"last": 1_006}, {}, 0),
    (Reason.PRICE_COLLAR, {"last": 994}, {}, 0),
    (Reason.PRICE_COLLAR, {"last": 1_031, "volatile": 1}, {}, 0),
    (Reason.PRICE_STALE, {"age_ms": 5_001}, {}, 0),
    (Reason.PRICE_STALE, {"age_ms": -1}, {}, 0),
    (Reason.MAX_LEVERAGE, {"bracket_notional": HALF_VALUE}, {}, HALF),
    (Reason.MAX_LEVERAGE, {}, {"leverage_x100": 5, "order_value_bps": 200_000}, HALF),
    (Reason.MAX_RISK_PCT, {"risk_ticks": 20}, {"risk_per_trade_bps": 10}, HALF),
    (Reason.MAX_RISK_PCT, {"risk_ticks": 0}, {"risk_per_trade_bps": 500}, HALF),
    (Reason.POSITION_CAP, {}, {"position_cap": HALF_VALUE}, HALF),
    (Reason.MAX_POSITIONS, {"positions_others": 30}, {"positions_max": 30}, 0),
    (Reason.NOTIONAL_LIMIT, {}, {"order_value_max": HALF_VALUE}, HALF),
    (Reason.NOTIONAL_LIMIT, {}, {"leverage_x100": 500, "order_value_bps": 100}, HALF),
    (Reason.LIQUIDITY, {"depth": 500}, {"depth_share_bps": 1_000}, HALF),
    (Reason.LIQUIDITY, {"volume_day": 50_000}, {"volume_day_share_bps": 10}, HALF),
    (Reason.POSITION_LIMIT, {}, {"position_bps": 500}, HALF),
    (Reason.GROSS_EXPOSURE_LIMIT, {"gross_others": EQUITY - HALF_VALUE}, {"gross_bps": 10_000}, HALF),
    (Reason.NET_EXPOSURE_LIMIT, {"net_others": EQUITY - HALF_VALUE}, {"net_bps": 10_000}, HALF),
    (Reason.CORRELATION, {"cluster_others": EQUITY - HALF_VALUE}, {"cluster_bps": 10_000}, HALF),
    (Reason.DAILY_LOSS_LIMIT, {"day_bps": -300}, {}, 0),
    (Reason.DRAWDOWN_SOFT, {"drawdown_bps": 500}, {}, HALF),
    (Reason.DRAWDOWN_HARD, {"drawdown_bps": 1_000}, {"drawdown_soft_bps": 5_000}, 0),
    (
        Reason.LIQUIDATION_DISTANCE,
        {"atr_hour_bps": 200, "gross_others": EQUITY * 10_000 // 600 // 10_000 * 10_000 - HALF_VALUE},
        {},
        HALF,
    ),
    (Reason.MARGIN, {"margin_bps": 5_000}, {}, 0),
    (Reason.ORDER_RATE, {"second_orders": 5}, {}, 0),
    (Reason.ORDER_RATE, {"minute_orders": 100}, {}, 0),
    (Reason.ORDER_RATE, {"ten_second_orders": 200}, {}, 0),
    (Reason.REPEATED_EXECUTION, {"disabled": 1}, {}, 0),
    (Reason.REPEATED_EXECUTION, {"repeat_side": 1, "repeat_count": 5, "since_repeat_ms": 599_999}, {}, 0),
    (Reason.DUPLICATE, {"order_quantity": WISH, "since_order_ms": 999}, {}, 0),
    (Reason.SLIPPAGE_PAUSE, {"since_slipped_ms": 3_599_999}, {}, 0),
    (Reason.FUNDING_RATE, {"funding": 100_001}, {}, 0),
    (Reason.FUNDING_RATE, {"funding_known": 0}, {}, 0),
    (Reason.AGREEMENT, {"agreement": 2}, {}, 0),
    (Reason.CONFIDENCE, {"confidence_bps": 4_999}, {}, 0),
    (Reason.CONFIDENCE, {"confidence_bps": 7_000, "atr_bps": 300}, {}, HALF),
    (Reason.GOVERNOR, {"governor_bps": 5_000}, {}, HALF),
    (Reason.GOVERNOR, {"governor_bps": 0}, {}, 0),
    (Reason.PRECISION, {"market_quantity_max": HALF}, {}, HALF),
    (Reason.RL_FALLBACK_HIGH_VOL, {"volatile": 1}, {"fallback_bps": 3_000}, 30),
    (Reason.RL_FALLBACK_HIGH_VOL, {"volatile": 1, "equity": 2 * HALF_VALUE}, {"fallback_leverage_x100": 50}, HALF),
]

# The nearest facts and numbers at which the same rules do not bind.
FREE = [
    ({"price_min": 1_000, "price_max": 1_000}, {}),
    ({"last": 1_005}, {}),
    ({"last": 995}, {}),
    ({"last": 1_030, "volatile": 1}, {}),
    ({"age_ms": 5_000}, {}),
    ({"bracket_notional": WISH * STEP_VALUE}, {}),
    ({"risk_ticks": 20}, {"risk_per_trade_bps": 20}),
    ({"positions_others": 29}, {"positions_max": 30}),
    ({"gross_others": EQUITY - WISH * STEP_VALUE}, {"gross_bps": 10_000}),
    ({"day_bps": -299}, {}),
    ({"drawdown_bps": 499}, {}),
    ({"margin_bps": 4_999}, {}),
    ({"second_orders": 4, "minute_orders": 99, "ten_second_orders": 199}, {}),
    ({"repeat_side": -1, "repeat_count": 5, "since_repeat_ms": 0}, {}),
    ({"repeat_side": 1, "repeat_count": 4, "since_repeat_ms": 0}, {}),
    ({"repeat_side": 1, "repeat_count": 5, "since_repeat_ms": 600_000}, {}),
    ({"order_quantity": WISH, "since_order_ms": 1_000}, {}),
    ({"order_quantity": WISH - 1, "since_order_ms": 0}, {}),
    ({"since_slipped_ms": 3_600_000}, {}),
    ({"funding": 100_000}, {}),
    ({"agreement": 3}, {}),
    ({"confidence_bps": 5_000, "atr_bps": 299}, {}),
    ({"confidence_bps": 7_500, "atr_bps": 300}, {}),
    ({"market_quantity_max": WISH}, {}),
    ({"volatile": 0}, {"fallback_bps": 3_000, "fallback_leverage_x100": 1}),
]


@pytest.mark.requirement("S3 RiskGuard")
@pytest.mark.parametrize(("reason", "facts", "numbers", "expected"), SOLE)
def test_each_reason_binds_alone(reason: Reason, facts: dict[str, int], numbers: dict[str, int], expected: int) -> None:
    answer = judge(ask(**facts), limits(**numbers))
    assert reasons_in(answer.bound) == (reason,)
    assert (answer.granted, answer.binding) == (expected, reason)


@pytest.mark.parametrize(("facts", "numbers"), FREE)
def test_a_rule_is_silent_just_inside_its_limit(facts: dict[str, int], numbers: dict[str, int]) -> None:
    assert judge(ask(**facts), limits(**numbers))[:3] == (WISH, 0, 0)


def test_the_calm_ask_is_granted_whole_and_every_reason_has_its_ask() -> None:
    assert judge(ask(), limits())[:3] == (WISH, 0, 0)
    assert {reason for reason, *_ in SOLE} == set(Reason) - {Reason.NONE}


@pytest.mark.parametrize(("reason", "facts", "numbers", "expected"), SOLE)
def test_a_short_meets_the_same_rules(
    reason: Reason, facts: dict[str, int], numbers: dict[str, int], expected: int
) -> None:
    mirror = {"repeat_side", "order_quantity", "funding", "net_others", "cluster_others"}
    mirrored = {name: -value if name in mirror else value for name, value in facts.items()}
    assert granted(-WISH, numbers, **mirrored) == -expected


@pytest.mark.parametrize(("reason", "facts", "numbers", "expected"), SOLE)
def test_a_position_that_a_rule_would_not_open_may_stay_and_may_shrink(
    reason: Reason, facts: dict[str, int], numbers: dict[str, int], expected: int
) -> None:
    for wish in (WISH, 60, 1, 0):
        assert granted(wish, numbers, **{"position": WISH} | facts) == wish


# Control 12: no entry above 50 %, reduce at 70 %, flatten at 85 %.
@pytest.mark.parametrize(
    ("margin_bps", "position", "wish", "expected"),
    [
        (4_999, 40, 100, 100),
        (5_000, 40, 100, 40),
        (6_999, 40, 40, 40),
        (7_000, 40, 40, 20),
        (7_000, -40, -40, -20),
        (7_000, 41, 100, 20),
        (7_000, -41, -100, -20),
        (7_000, 1, 1, 0),
        (7_000, 40, 5, 5),
        (7_000, 40, -40, 0),
        (8_500, 40, 100, 0),
        (8_500, -40, -40, 0),
    ],
)
def test_a_strained_margin_stops_growth_then_halves_then_closes(
    margin_bps: int, position: int, wish: int, expected: int
) -> None:
    assert granted(wish, position=position, margin_bps=margin_bps) == expected


def test_no_rule_but_margin_forces_a_held_position_down() -> None:
    for reason, facts, numbers, _ in SOLE:
        forced = granted(WISH, numbers, **{"position": WISH} | facts) != WISH
        assert not forced, reason.label


def test_the_hedging_side_keeps_its_room() -> None:
    full = {"net_others": 2 * EQUITY, "cluster_others": 2 * EQUITY}
    assert granted(WISH, {"net_bps": 10_000}, **full) == 0
    assert granted(-WISH, {"net_bps": 10_000}, **full) == -WISH
    assert granted(-WISH, {"cluster_bps": 10_000}, cluster_others=-2 * EQUITY) == 0


def test_a_full_book_lets_a_held_symbol_grow_and_no_new_one_in() -> None:
    assert granted(WISH, {"positions_max": 30}, positions_others=30) == 0
    assert granted(WISH, {"positions_max": 30}, positions_others=30, position=1) == WISH


def test_an_order_may_not_jump_farther_than_one_order_reaches_in_a_flip() -> None:
    assert granted(-WISH, position=60, market_quantity_max=100) == -40
    assert granted(-WISH, position=60, market_quantity_max=50) == 0


def test_a_repeated_entry_is_refused_and_the_way_back_stays_open() -> None:
    facts = {"position": 50, "repeat_side": 1, "repeat_count": 5, "since_repeat_ms": 0}
    assert [granted(wish, {}, **facts) for wish in (WISH, 20, -WISH)] == [50, 20, -WISH]


sizes = {
    "wish": st.integers(-(2**61), 2**61),
    "position": st.integers(-(10**12), 10**12),
    "mark": st.integers(1, 10**12),
    "unit": st.integers(1, 10**6),
    "equity": st.integers(-(5 * 10**16), 5 * 10**16),
    "gross_others": st.integers(0, 8 * 10**18),
    "net_others": st.integers(-8 * 10**18, 8 * 10**18),
    "cluster_others": st.integers(-8 * 10**18, 8 * 10**18),
    "bracket_notional": st.integers(0, 9 * 10**18),
    "risk_ticks": st.integers(0, 10**12),
    "depth": st.integers(0, 10**17),
    "volume_day": st.integers(0, 10**17),
    "atr_hour_bps": st.integers(0, 2**31 - 1),
    "governor_bps": st.integers(0, 10_000),
    "market_quantity_max": st.integers(0, 2**61),
}
numbers_up_to_their_bounds = {
    "leverage_x100": st.integers(1, 12_500),
    "risk_per_trade_bps": st.integers(1, 1_000),
    "position_cap": st.integers(1, 10**16),
    "order_value_bps": st.integers(1, 10_000),
    "order_value_max": st.integers(1, 10**16),
    "depth_share_bps": st.integers(1, 10_000),
    "volume_day_share_bps": st.integers(1, 1_000),
    "position_bps": st.integers(1, 200_000),
    "gross_bps": st.integers(1, 200_000),
    "net_bps": st.integers(1, 200_000),
    "cluster_bps": st.integers(1, 200_000),
    "drawdown_soft_scale_bps": st.integers(0, 10_000),
    "liquidation_atr_x100": st.integers(0, 10_000),
    "liquidation_min_bps": st.integers(1, 10_000),
    "fallback_bps": st.integers(0, 10_000),
    "fallback_leverage_x100": st.integers(1, 200),
}


def in_big_integers(f: dict[str, int], n: dict[str, int]) -> dict[Reason, tuple[int, int]]:
    """Return the bands of the rules that compute with money, in integers that cannot overflow."""
    equity, position, value = max(f["equity"], 0), f["position"], f["mark"] * f["unit"]

    def either_way(limit: int) -> tuple[int, int]:
        bound = max(limit, 0)
        return min(position, -bound), max(position, bound)

    def one_order(reach: int) -> tuple[int, int]:
        return min(position - reach, 0), max(position + reach, 0)

    def sides(limit: int, others: int) -> tuple[int, int]:
        low, high = max(limit + others, 0) // value, max(limit - others, 0) // value
        return min(position, 0, -low), max(position, 0, high)

    def share(bps: int) -> tuple[int, int]:
        return either_way(abs(f["wish"]) * bps // 10_000)

    levered = equity // 100 * n["leverage_x100"]
    at_risk = (f["risk_ticks"] or f["mark"]) * f["unit"]
    distance = max(n["liquidation_min_bps"], n["liquidation_atr_x100"] * f["atr_hour_bps"] // 100)
    gross = min(equity // distance * 10_000, 9 * 10**18)
    depth = f["depth"] * n["depth_share_bps"] // 10_000
    day = f["volume_day"] * n["volume_day_share_bps"] // 10_000
    order = min(levered * n["order_value_bps"] // 10_000, n["order_value_max"])
    return {
        Reason.MAX_LEVERAGE: either_way(min(levered, f["bracket_notional"]) // value),
        Reason.MAX_RISK_PCT: either_way(equity * n["risk_per_trade_bps"] // 10_000 // at_risk),
        Reason.POSITION_CAP: either_way(n["position_cap"] // value),
        Reason.NOTIONAL_LIMIT: one_order(order // value),
        Reason.LIQUIDITY: one_order(min(depth, day)),
        Reason.POSITION_LIMIT: either_way(equity * n["position_bps"] // 10_000 // value),
        Reason.GROSS_EXPOSURE_LIMIT: either_way((equity * n["gross_bps"] // 10_000 - f["gross_others"]) // value),
        Reason.NET_EXPOSURE_LIMIT: sides(equity * n["net_bps"] // 10_000, f["net_others"]),
        Reason.CORRELATION: sides(equity * n["cluster_bps"] // 10_000, f["cluster_others"]),
        Reason.DRAWDOWN_SOFT: share(n["drawdown_soft_scale_bps"]),
        Reason.LIQUIDATION_DISTANCE: either_way((gross - f["gross_others"]) // value),
        Reason.GOVERNOR: share(f["governor_bps"]) if f["governor_bps"] < 10_000 else (-(2**62), 2**62),
        Reason.PRECISION: one_order(f["market_quantity_max"]),
        Reason.RL_FALLBACK_HIGH_VOL: either_way(
            min(abs(f["wish"]) * n["fallback_bps"] // 10_000, equity // 100 * n["fallback_leverage_x100"] // value)
        ),
    }


@settings(deadline=None, max_examples=250)
@given(st.fixed_dictionaries(sizes), st.fixed_dictionaries(numbers_up_to_their_bounds))
def test_no_rule_overflows_up_to_the_largest_amounts(facts: dict[str, int], numbers: dict[str, int]) -> None:
    bands = judge(ask(**facts, drawdown_bps=600, volatile=1), limits(**numbers)).bands
    for reason, expected in in_big_integers(facts, numbers).items():
        assert (int(bands[reason, 0]), int(bands[reason, 1])) == expected, reason.label


def test_the_largest_fund_at_the_shortest_distance_does_not_overflow() -> None:
    answer = judge(ask(equity=5 * 10**16, atr_hour_bps=0), limits(liquidation_min_bps=1))
    assert answer.bands[Reason.LIQUIDATION_DISTANCE].tolist() == [-9 * 10**9, 9 * 10**9]


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 10**12), st.integers(-(10**12), 10**12))
def test_the_collar_is_exact_at_any_price(mark: int, off: int) -> None:
    open_to_entry = abs(off) * 10_000 <= 50 * mark
    answer = judge(ask(mark=mark, last=mark + off, price_min=-(2**60), price_max=2**60), limits())
    assert (Reason.PRICE_COLLAR not in reasons_in(answer.bound)) == open_to_entry


shares = st.decimals("0.01", 1, places=2)
leverages = st.decimals(1, 2, places=1)


@pytest.mark.requirement("P0-05")
@pytest.mark.p0_patches
@settings(deadline=None, max_examples=200)
@given(
    wish=st.integers(-(10**9), 10**9),
    position=st.integers(-(10**9), 10**9),
    equity=st.integers(0, 10**16),
    share=shares,
    leverage=leverages,
    others=st.fixed_dictionaries({"governor_bps": st.integers(0, 10_000), "drawdown_bps": st.integers(0, 999)}),
)
def test_in_high_volatility_no_untrained_size_grows_past_its_share_or_twice_the_equity(
    wish: int, position: int, equity: int, share: Decimal, leverage: Decimal, others: dict[str, int]
) -> None:
    """P0-05: size at most 0.3 and leverage 1 by default, never above 2, whatever else has bound the wish."""
    policy = Policy(volatility=Volatility(fallback_size_max=share, fallback_leverage=leverage))
    told = limits_in_force(policy)
    numbers = {name: told.value(name) for name in ("fallback_bps", "fallback_leverage_x100")}
    found = granted(wish, numbers, position=position, equity=equity, volatile=1, **others)
    grown = abs(found) > abs(position) or found * position < 0
    if grown:
        assert abs(found) <= share * abs(wish)
        assert abs(found) * STEP_VALUE <= leverage * equity <= 2 * equity


@pytest.mark.requirement("P0-05")
@pytest.mark.p0_patches
def test_the_fallback_is_a_third_at_leverage_one_unless_the_policy_is_tighter() -> None:
    told = limits_in_force(Policy())
    assert (told.value("fallback_bps"), told.value("fallback_leverage_x100")) == (3_000, 100)
    with pytest.raises(Invalid, match="fallback_leverage"):
        Volatility(fallback_leverage=Decimal("2.1"))
