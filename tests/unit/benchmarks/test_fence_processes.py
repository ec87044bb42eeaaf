from collections import Counter

import pytest

from benchmarks.fence_play import Played
from benchmarks.fence_processes import HAPPENED, rows
from benchmarks.fence_schedule import SECOND
from benchmarks.fence_truth import LAWS

pytestmark = pytest.mark.unit

HAPPENING = ("emergencies acknowledged", f"entries accepted of {SECOND}", "leases given", *HAPPENED)


def played(schedules: int = 40, **more: Counter[str]) -> Played:
    counts = Counter(dict.fromkeys(HAPPENING, 100))
    return Played(schedules, counts=counts, waits_ms=[9, 3_300], outages_ms=[3_600] * 8, rests_ms=[4_000] * 40, **more)


def test_a_campaign_in_which_much_happens_and_nothing_breaks_holds() -> None:
    found = rows(played(), 40)
    assert [row.row for row in found if not row.holds] == []
    assert {row.row: row.value for row in found}["an emergency is acknowledged while the store lives: max"] == 3_300


@pytest.mark.parametrize("law", LAWS)
def test_one_breach_falls_short(law: str) -> None:
    assert [row.row for row in rows(played(violations=Counter([law])), 40) if not row.holds] == [law]


def test_a_campaign_that_was_cut_short_or_in_which_nothing_happens_falls_short() -> None:
    assert [row.row for row in rows(played(), 200) if not row.holds] == ["schedules"]
    quiet = {row.row for row in rows(Played(40), 40) if not row.holds}
    assert quiet == {f"happened: {what}" for what in HAPPENING} | {
        "kills that nothing else fell into and that stopped entries"
    }
