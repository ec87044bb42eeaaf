from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.bus_outage import TOLD, Outage, strays
from benchmarks.kill_campaign import Plan, Toll, planned
from benchmarks.part_kills import BROKEN, QUICK, outage_rows, rows, verdict
from benchmarks.trading_fund import NAMES, PATIENCE_S, Rebirth
from benchmarks.unrest import lost
from qt_ray.core.policy import Policy
from qt_ray.governance.rulebook_entries import Deed, Revision
from qt_ray.governance.rulebook_store import Kept

pytestmark = pytest.mark.unit

PLAN = Plan(QUICK, 60.0, 7)


def toll(*broken: str) -> Toll:
    found = Toll([Rebirth(victims, dict.fromkeys(victims, 2.0), 3.0) for victims in QUICK], [4.0] * len(QUICK))
    found.broken, found.writes = list(broken), len(QUICK)
    lines = [{"kind": kind} for kind in ("order", "trade")]
    found.venue.lines = {line["kind"]: [line] * len(QUICK) for line in lines if line["kind"] == "order"}
    return found


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1_000), st.integers(1, 3), st.integers(0, 70))
def test_a_plan_kills_every_part_alone_and_no_pair_twice(seed: int, singles: int, pairs: int) -> None:
    kills = planned(singles, pairs, seed)
    assert kills == planned(singles, pairs, seed)
    assert sorted(one for victims in kills if len(victims) == 1 for one in victims) == sorted(NAMES * singles)
    both = [frozenset(victims) for victims in kills if len(victims) == 2]
    assert len(both) == len(set(both)) == min(pairs, 66)


@pytest.mark.parametrize("word", BROKEN)
def test_a_breach_is_a_row_that_falls_short_and_an_exit_code(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = {row.row: row for row in rows(toll(f"{word} of something"), PLAN)}
    assert [row.row for row in found.values() if row.target == 0 and not row.holds] == [BROKEN[word]]
    assert verdict(toll(f"{word} of something")) == 1
    assert capsys.readouterr().err == f"1 things were broken by {len(QUICK)} kills\n"


def test_a_campaign_that_breaks_nothing_ends_well_and_says_how_long_each_part_was_away() -> None:
    found = {row.row: row for row in rows(toll(), PLAN)}
    assert found["Desk killed, ready again: p50"].value == 2.0
    assert found["after a kill, every part ready: max"].value == 3.0
    assert all(row.holds for row in found.values() if row.target == 0)
    assert verdict(toll()) == 0


def test_a_campaign_that_was_cut_short_falls_short() -> None:
    kills = next(rows(toll(), Plan((*QUICK, *QUICK), 60.0, 7)))
    assert (kills.row, kills.holds) == ("kills", False)


def test_a_part_that_was_never_ready_again_is_no_whole_fund() -> None:
    assert not Rebirth(("Desk",), {"Desk": PATIENCE_S}, PATIENCE_S).is_whole


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(), min_size=2, unique=True), st.data())
def test_only_what_was_told_once_and_in_its_place_has_not_strayed(told: list[str], data: st.DataObject) -> None:
    assert strays(told, told) == 0
    assert strays(told, [*told, told[0]]) == 1
    heard = data.draw(st.permutations(told))
    assert (strays(told, heard) == 0) is (heard == told)


def test_an_outage_shorter_than_a_bar_promises_no_decision() -> None:
    whole = Outage(0, 1, TOLD, TOLD, 0, 0.5, 2.0)
    assert all(row.holds for row in outage_rows(whole, 10.0))
    assert [row.holds for row in outage_rows(whole, 60.0)].count(False) == 1


def written(values: Mapping[int, str]) -> list[Kept]:
    base = Policy()
    policies = [
        base.with_changes({"limits.order_value_max": value}, "a person", 1).to_dict() | {"version": version}
        for version, value in values.items()
    ]
    entries = [Revision(Deed.CHANGE, Policy.from_dict(policy), "a person", "a reason") for policy in policies]
    return [Kept(at, "", entry) for at, entry in enumerate(entries, 1)]


def test_an_acknowledged_write_that_is_not_there_or_is_another_is_lost() -> None:
    history = written({2: "49999", 3: "49998"})
    assert not lost({2: Decimal(49_999), 3: Decimal(49_998)}, history)
    assert not lost({2: Decimal(49_999)}, history)
    assert len(lost({3: Decimal(49_997), 4: Decimal(49_996)}, history)) == 2
