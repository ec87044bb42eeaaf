"""What a fund's life came to is said whole: in sum, by group and by part, and what was not reached falls short."""

from dataclasses import replace

import pytest

from benchmarks.fund_process import End
from benchmarks.household import Member
from benchmarks.living_fund import CPU_PERCENT, GIB, MEMORY_GIB, SHARES, Life, Window, rows_of
from qt_ray.actors.topology import PARTS

pytestmark = pytest.mark.unit

BEFORE = {1: Member("qt up", "qt up", 0, 1.0), 2: Member("Desk", "Desk", 0, 2.0)}
AFTER = {1: Member("qt up", "qt up", GIB // 8, 1.5), 2: Member("Desk", "Desk", GIB, 2.5)}
LIFE = Life(1.0, 2.0, 3.0, 4.0, (Window(50.0, BEFORE, AFTER),), End(130, 5.0, 0))


def test_every_group_and_every_part_is_counted_and_the_sum_is_that_of_all() -> None:
    rows = {row.row: row for row in rows_of(LIFE, quick=False)}
    assert rows["memory, all processes"].value == 1.125
    assert rows["memory, the twelve parts"].value == 1.0
    assert rows["idle, all processes"].value == pytest.approx(2.0)
    assert (rows["idle, Desk"].value, rows["idle, qt up"].value) == (pytest.approx(1.0), pytest.approx(1.0))
    assert {f"idle, {part.name}" for part in PARTS} <= rows.keys()
    assert all(row.holds for row in rows.values())


def test_the_shares_of_all_are_no_more_than_the_whole() -> None:
    memory, cpu = (sum(most) for most in zip(*SHARES.values(), strict=True))
    assert (memory <= MEMORY_GIB, cpu <= CPU_PERCENT) == (True, True)


def test_a_trade_that_did_not_come_and_an_end_that_was_none_fall_short() -> None:
    life = replace(LIFE, protected_s=None, end=End(1, 5.0, 2))
    short = {row.row for row in rows_of(life, quick=False) if not row.holds}
    assert short == {
        "to the first fill with its stop at the venue",
        "exit codes other than 130",
        "processes that outlived it",
    }


def test_a_quick_life_claims_nothing_of_trades() -> None:
    rows = [row.row for row in rows_of(replace(LIFE, protected_s=None), quick=True)]
    assert not any("fill" in row for row in rows)
