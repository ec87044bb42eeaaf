"""SPEC section 3, SignalQualityFilter and FundingRateFilter: the table, row by row, under the default policy."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.limits import Mode
from qt_ray.core.policy import Policy
from qt_ray.risk.ask import Limits
from qt_ray.risk.in_force import limits_in_force
from qt_ray.risk.reasons import Reason, reasons_in
from tests.unit.risk.asks import WISH, ask, judge, limits

pytestmark = pytest.mark.unit

DEFAULT = limits_in_force(Policy())
QUALITY = [name for name in Limits.__annotations__ if "confidence" in name or "agreement" in name]
BY_POLICY = {name: DEFAULT.value(name) for name in [*QUALITY, "volatile_atr_bps", "funding_entry_max"]}
PERCENT = 100


def filtered(wish: int = WISH, **facts: int) -> tuple[int, tuple[Reason, ...]]:
    answer = judge(ask(wish=wish, **facts), limits(**BY_POLICY))
    return answer.granted, reasons_in(answer.bound)


# SPEC 3: "2/4 -> rejected agreement; 3/4 at .60 with 4 % ATR -> rejected confidence; .72 passes; .75 at 2 % passes".
@pytest.mark.requirement("P1-02", "S3 SignalQualityFilter")
@pytest.mark.p1_patches
@pytest.mark.parametrize(
    ("agreement", "confidence_bps", "atr_bps", "granted", "reasons"),
    [
        (2, 9_000, 2 * PERCENT, 0, (Reason.AGREEMENT,)),
        (3, 6_000, 4 * PERCENT, 0, (Reason.CONFIDENCE,)),
        (3, 7_200, 4 * PERCENT, WISH // 2, (Reason.CONFIDENCE,)),
        (3, 7_500, 2 * PERCENT, WISH, ()),
        (4, 7_500, 2 * PERCENT, WISH, ()),
        (4, 9_900, 5 * PERCENT, WISH, ()),
        (0, 9_900, 2 * PERCENT, 0, (Reason.AGREEMENT,)),
        (2, 4_000, 4 * PERCENT, 0, (Reason.AGREEMENT, Reason.CONFIDENCE)),
        (3, 6_499, 3 * PERCENT, 0, (Reason.CONFIDENCE,)),
        (3, 6_500, 3 * PERCENT, WISH // 2, (Reason.CONFIDENCE,)),
        (3, 7_499, 3 * PERCENT, WISH // 2, (Reason.CONFIDENCE,)),
        (3, 7_500, 3 * PERCENT, WISH, ()),
        (3, 5_000, 299, WISH, ()),
        (3, 4_999, 299, 0, (Reason.CONFIDENCE,)),
    ],
)
def test_the_table_of_signal_quality(
    agreement: int, confidence_bps: int, atr_bps: int, granted: int, reasons: tuple[Reason, ...]
) -> None:
    answer = filtered(agreement=agreement, confidence_bps=confidence_bps, atr_bps=atr_bps)
    assert answer == (granted, reasons)


@pytest.mark.parametrize(
    ("mode", "floor_bps"), [("AGGRESSIVE_SMALL_ACCOUNT", 4_500), ("NORMAL", 5_000), ("DEFENSIVE", 6_000)]
)
def test_confidence_clears_the_mode_and_the_filter_whichever_asks_more(mode: str, floor_bps: int) -> None:
    force = limits_in_force(replace(Policy(), active_mode=Mode[mode]))
    numbers = {name: force.value(name) for name in QUALITY}
    for confidence_bps, expected in ((floor_bps - 1, 0), (floor_bps, WISH)):
        assert judge(ask(confidence_bps=confidence_bps), limits(**numbers)).granted == expected


@pytest.mark.requirement("S3 SignalQualityFilter")
@pytest.mark.parametrize(("agreeing", "members", "passes"), [(1, 1, 1), (1, 2, 0), (2, 2, 1), (2, 3, 0), (3, 3, 1)])
def test_agreement_is_counted_among_the_members_that_exist(agreeing: int, members: int, passes: int) -> None:
    assert filtered(agreement=agreeing, members=members)[0] == passes * WISH


def test_no_member_is_no_agreement() -> None:
    assert filtered(agreement=0, members=0) == (0, (Reason.AGREEMENT,))


# SPEC 3: "blocks entries that would pay > 0.10 % per interval; receiving side allowed; unknown rate -> no entry".
@pytest.mark.requirement("S3 FundingRateFilter")
@pytest.mark.parametrize(
    ("wish", "funding", "known", "granted"),
    [
        (WISH, 100_000, 1, WISH),
        (WISH, 100_001, 1, 0),
        (-WISH, 100_001, 1, -WISH),
        (-WISH, -100_000, 1, -WISH),
        (-WISH, -100_001, 1, 0),
        (WISH, -100_001, 1, WISH),
        (WISH, 0, 0, 0),
        (-WISH, 0, 0, 0),
    ],
)
def test_the_side_that_pays_too_much_is_refused_and_the_other_is_not(
    wish: int, funding: int, known: int, granted: int
) -> None:
    assert filtered(wish, funding=funding, funding_known=known)[0] == granted


def test_funding_never_closes_what_is_held_and_stops_it_from_growing() -> None:
    assert filtered(WISH, position=60, funding=200_000)[0] == 60
    assert filtered(30, position=60, funding=200_000)[0] == 30
    assert filtered(-WISH, position=60, funding=200_000)[0] == -WISH
    assert filtered(WISH, position=60, funding_known=0)[0] == 60


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 1_000), st.integers(0, 4), st.integers(0, 4))
def test_a_better_signal_is_never_granted_less(one: int, two: int, atr_bps: int, few: int, more: int) -> None:
    worse, better = sorted((one, two))
    fewer, most = sorted((few, more))
    weak = filtered(confidence_bps=worse, atr_bps=atr_bps, agreement=fewer)[0]
    strong = filtered(confidence_bps=better, atr_bps=atr_bps, agreement=most)[0]
    assert weak <= strong


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10_000), st.integers(0, 1_000), st.integers(0, 1_000))
def test_a_wilder_market_never_grants_more(confidence_bps: int, one: int, two: int) -> None:
    calm, wild = sorted((one, two))
    in_calm, in_wild = (filtered(confidence_bps=confidence_bps, atr_bps=atr)[0] for atr in (calm, wild))
    assert in_wild <= in_calm
