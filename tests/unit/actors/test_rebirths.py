"""Whoever looks at night is told who came back, after how long, and whether anything is let in."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.actors.rebirths import Rebirths
from qt_ray.actors.topology import FEED, GATEWAY
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.monitoring.health import Condition

pytestmark = pytest.mark.unit

WELL = Condition(FEED, Health.HEALTHY, 10_000, is_ready=True, pid=1)
OPEN = Condition(GATEWAY, Health.HEALTHY, 10_000, facts={"lets_entries": True}, is_ready=True, pid=9)


def lines_of(*words: Condition, gateway: Condition | None = OPEN) -> list[str]:
    lines: list[str] = []
    rebirths = Rebirths(lines.append)
    for word in words:
        rebirths.met(word, gateway)
    return lines


def test_who_goes_on_living_is_not_news() -> None:
    assert lines_of(WELL, replace(WELL, at_ms=11_000), replace(WELL, is_ready=False), WELL) == []


def test_who_is_back_and_ready_is_one_line() -> None:
    assert lines_of(WELL, replace(WELL, at_ms=13_400, pid=2)) == [
        "Feed was born again, process 1 is now 2, ready again 3.4 s after its last word; entries are let in"
    ]


def test_who_needs_longer_says_what_for_and_then_that_it_is_over() -> None:
    young = replace(WELL, at_ms=12_000, pid=2, is_ready=False, reasons=("it has no rows yet",))
    shut = replace(OPEN, facts={"lets_entries": False}, reasons=("no entry while the feed is silent",))
    assert lines_of(WELL, young, replace(young, at_ms=13_000), replace(WELL, at_ms=15_500, pid=2), gateway=shut) == [
        "Feed was born again, process 1 is now 2, not ready yet: it has no rows yet",
        "Feed is ready again 5.5 s after its last word; entries are shut out: no entry while the feed is silent",
    ]


def test_who_dies_again_before_it_is_ready_was_away_all_the_time() -> None:
    young = replace(WELL, at_ms=12_000, pid=2, is_ready=False)
    assert lines_of(WELL, young, replace(WELL, at_ms=20_000, pid=3))[1] == (
        "Feed was born again, process 2 is now 3, ready again 10.0 s after its last word; entries are let in"
    )


def test_what_nobody_knows_of_entries_is_not_said() -> None:
    (line,) = lines_of(WELL, replace(WELL, at_ms=11_000, pid=2), gateway=None)
    assert line.endswith("after its last word")


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=20))
def test_each_life_is_told_once_and_each_return_once(words: list[tuple[int, bool]]) -> None:
    said = [replace(WELL, at_ms=1_000 * at, pid=pid, is_ready=ready) for at, (pid, ready) in enumerate(words)]
    lines = lines_of(*said)
    changes = sum(one.pid != other.pid for one, other in pairwise(said))
    assert sum("was born again" in line for line in lines) == changes
    assert sum("ready again" in line for line in lines) <= changes
