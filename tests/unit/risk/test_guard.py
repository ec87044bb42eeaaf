"""The three properties of risk, for any facts and any limits: it shrinks, order cannot matter, more is tighter."""

import re
from collections import Counter
from inspect import getsource
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qt_ray.core.errors import Invariant
from qt_ray.core.records import empty
from qt_ray.risk import guard
from qt_ray.risk.ask import Ask, Limits
from qt_ray.risk.bands import UNBOUNDED
from qt_ray.risk.guard import SLOTS, Verdict, explain, verdict
from qt_ray.risk.reasons import Reason, reasons_in
from tests.unit.risk.asks import (
    HIGHER_IS_TIGHTER,
    LOWER_IS_TIGHTER,
    NOT_THE_GUARDS,
    PLAUSIBLE,
    WIDE,
    ask,
    hostile,
    judge,
    limits,
)

pytestmark = pytest.mark.unit

quick = settings(deadline=None, max_examples=80)
many = settings(deadline=None, max_examples=150)
some_limits = st.fixed_dictionaries({name: st.integers(0, 2 * number) for name, number in WIDE.items()})
half_bands = st.tuples(st.integers(-1_000, 0), st.integers(0, 1_000))
slots = st.lists(half_bands, min_size=SLOTS, max_size=SLOTS).map(lambda bands: np.array(bands, dtype=np.int64))


def shrinks(granted: int, wish: int) -> bool:
    return 0 <= granted <= wish or wish <= granted <= 0


def toward_flat(position: int, share: float) -> int:
    return int(position * share)


@many
@given(hostile(Ask), hostile(Limits))
def test_risk_only_shrinks_whatever_the_bytes_say(question: NDArray[np.void], numbers: NDArray[np.void]) -> None:
    question["wish"] = max(int(question["wish"][0]), -(2**63) + 1)
    assert shrinks(judge(question[0], numbers[0]).granted, int(question["wish"][0]))


@pytest.mark.requirement("L4")
@many
@given(PLAUSIBLE, some_limits)
def test_risk_only_shrinks(facts: dict[str, int], numbers: dict[str, int]) -> None:
    assert shrinks(judge(ask(**facts), limits(**numbers)).granted, facts["wish"])


@pytest.mark.requirement("L3")
@pytest.mark.parametrize(
    "broken",
    [
        {"equity": 0},
        {"equity": -(10**15)},
        {"equity": 5 * 10**16, "wish": 2**62},
        {"mark": 0},
        {"mark": -5},
        {"last": 0},
        {"last": -1, "mark": -1},
        {"unit": 0},
        {"unit": -1},
        {"members": 0},
        {"members": -1, "agreement": -1},
        {"depth": -1},
        {"bracket_notional": -1},
        {"governor_bps": -1},
        {"age_ms": -1},
        {"market_quantity_max": -5},
        {"gross_others": 9 * 10**18},
    ],
)
def test_nothing_is_entered_on_impossible_facts(broken: dict[str, int]) -> None:
    granted = judge(ask(**broken), limits()).granted
    assert granted == 0 or set(broken) == {"equity", "wish"}
    assert shrinks(granted, broken.get("wish", 100))


def test_an_ask_that_nobody_filled_in_is_refused() -> None:
    blank = empty(Ask, 1)
    blank["wish"] = 5
    assert judge(blank[0], limits()).granted == 0


@many
@given(hostile(Ask), hostile(Limits), st.integers(-UNBOUNDED + 1, UNBOUNDED - 1))
def test_every_rule_but_margin_permits_what_is_held_and_all_less(
    question: NDArray[np.void], numbers: NDArray[np.void], position: int
) -> None:
    question["position"] = position
    bands = judge(question[0], numbers[0]).bands
    for reason in Reason:
        low, high = int(bands[reason, 0]), int(bands[reason, 1])
        assert low <= 0 <= high
        assert reason in (Reason.NONE, Reason.MARGIN) or low <= position <= high, reason.label


@pytest.mark.requirement("L3")
@many
@given(PLAUSIBLE, some_limits, st.floats(0, 1))
def test_reducing_is_always_possible(facts: dict[str, int], numbers: dict[str, int], share: float) -> None:
    facts["wish"] = toward_flat(facts["position"], share)
    answer = judge(ask(**facts), limits(**numbers))
    named = set(reasons_in(answer.bound))
    assert named <= {Reason.MARGIN}
    assert answer.granted == facts["wish"] or named == {Reason.MARGIN}


@pytest.mark.requirement("L3")
@quick
@given(PLAUSIBLE, some_limits)
def test_going_flat_is_never_refused(facts: dict[str, int], numbers: dict[str, int]) -> None:
    assert judge(ask(**(facts | {"wish": 0})), limits(**numbers))[:3] == (0, 0, 0)


@pytest.mark.requirement("L4")
@quick
@given(slots, st.permutations(range(1, SLOTS)), st.integers(-1_500, 1_500))
def test_the_order_of_rules_cannot_matter(bands: NDArray[np.int64], order: list[int], wish: int) -> None:
    shuffled = bands.copy()
    shuffled[1:] = bands[order]
    one, two = Verdict(*verdict(bands, wish)), Verdict(*verdict(shuffled, wish))
    assert one.granted == two.granted
    assert {int(reason) for reason in reasons_in(one.bound)} == {order[r - 1] for r in reasons_in(two.bound)}
    assert (one.binding == 0) == (two.binding == 0)


@pytest.mark.requirement("L4")
@quick
@given(slots, st.integers(1, SLOTS - 1), st.integers(-1_500, 1_500))
def test_one_more_rule_never_loosens(bands: NDArray[np.int64], reason: int, wish: int) -> None:
    without = bands.copy()
    without[reason] = (-UNBOUNDED, UNBOUNDED)
    assert abs(verdict(bands, wish)[0]) <= abs(verdict(without, wish)[0])


@quick
@given(slots, st.integers(-1_500, 1_500))
def test_the_mask_names_every_rule_that_bound_and_the_tightest_of_them(bands: NDArray[np.int64], wish: int) -> None:
    result = Verdict(*verdict(bands, wish))
    alone = {reason: int(np.clip(wish, *bands[reason])) for reason in Reason if reason}
    assert set(reasons_in(result.bound)) == {reason for reason, granted in alone.items() if granted != wish}
    assert abs(result.granted) == min(abs(wish), *(abs(granted) for granted in alone.values()))
    if result.bound:
        assert alone[Reason(result.binding)] == result.granted
    else:
        assert (result.granted, result.binding) == (wish, Reason.NONE)


def test_every_number_of_the_limits_has_a_known_tight_side() -> None:
    known = Counter([*LOWER_IS_TIGHTER, *HIGHER_IS_TIGHTER, *NOT_THE_GUARDS])
    assert known == Counter(list(Limits.__annotations__))


@pytest.mark.requirement("L4")
@settings(deadline=None, max_examples=250)
@given(PLAUSIBLE, st.sampled_from([*LOWER_IS_TIGHTER, *HIGHER_IS_TIGHTER]), st.data())
def test_tightening_one_limit_never_grants_more(facts: dict[str, int], name: str, data: st.DataObject) -> None:
    one, two = sorted(data.draw(st.tuples(*(2 * [st.integers(0, 2 * WIDE[name])]))))
    tight, loose = (one, two) if name in LOWER_IS_TIGHTER else (two, one)
    question = ask(**facts)
    tighter, looser = judge(question, limits(**{name: tight})), judge(question, limits(**{name: loose}))
    assert abs(tighter.granted) <= abs(looser.granted)
    assert set(reasons_in(looser.bound)) <= set(reasons_in(tighter.bound))


@quick
@given(PLAUSIBLE, some_limits, st.sampled_from(NOT_THE_GUARDS), st.integers(-(2**40), 2**40))
def test_the_watchs_numbers_are_not_the_guards(
    facts: dict[str, int], numbers: dict[str, int], name: str, other: int
) -> None:
    question = ask(**facts)
    one, two = judge(question, limits(**numbers)), judge(question, limits(**(numbers | {name: other})))
    assert (one.granted, one.bound) == (two.granted, two.bound)


@pytest.mark.requirement("P1-03")
@pytest.mark.p1_patches
def test_every_reason_has_exactly_one_line_in_the_table() -> None:
    table: Any = guard.ask_every_rule
    lines = re.findall(
        r"put\(bands, Reason\.(\w+), (?:rules|filters)\.(\w+)\(", getsource(getattr(table, "py_func", table))
    )
    assert Counter(reason for reason, _ in lines) == Counter(reason.name for reason in Reason if reason)
    assert all(rule == Reason[reason].label for reason, rule in lines)


def test_a_reason_is_a_bit_of_the_mask() -> None:
    assert max(Reason) < 63  # the mask is a signed word of 64 bits
    assert reasons_in(0) == ()
    assert reasons_in(1) == ()
    assert reasons_in(1 << Reason.MARGIN | 1 << Reason.PRECISION) == (Reason.MARGIN, Reason.PRECISION)


def test_an_explanation_names_every_rule_tightest_first() -> None:
    result, answers = explain(ask(market_quantity_max=30, killed=1), limits())
    assert result.granted == 0
    assert [answer.reason for answer in answers if answer.bound] == [Reason.KILL_SWITCH, Reason.PRECISION]
    assert answers[0].reason is Reason.KILL_SWITCH
    assert {answer.reason for answer in answers} == set(Reason) - {Reason.NONE}
    widths = [answer.band.high - answer.band.low for answer in answers]
    assert widths == sorted(widths)


@quick
@given(PLAUSIBLE, some_limits)
def test_an_explanation_is_the_verdict(facts: dict[str, int], numbers: dict[str, int]) -> None:
    question, row = ask(**facts), limits(**numbers)
    result, answers = explain(question, row)
    assert tuple(result) == judge(question, row)[:3]
    assert {answer.reason for answer in answers if answer.bound} == set(reasons_in(result.bound))


def test_a_guard_that_grew_a_wish_would_not_be_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "answer", lambda question, numbers, bands: (int(question["wish"]) + 1, 0, 0))
    with pytest.raises(Invariant, match="a guard only shrinks, granted 101 of 100"):
        explain(ask(), limits())


@quick
@given(PLAUSIBLE)
def test_asking_twice_gives_the_same_answer_and_changes_nothing(facts: dict[str, int]) -> None:
    question, row = ask(**facts), limits()
    before = question.tobytes() + row.tobytes()
    one, two = judge(question, row), judge(question, row)
    assert one[:3] == two[:3]
    assert (one.bands == two.bands).all()
    assert question.tobytes() + row.tobytes() == before
