"""A drawdown is said once a level, and again only after it was better."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.risk.breaches import Breaches
from qt_ray.risk.drawdown import Level, Reading

pytestmark = [pytest.mark.unit, pytest.mark.p0_patches]


def reading(level: Level) -> Reading:
    pct = Decimal("-5.5") * int(level)
    return Reading(Decimal(9_450), Decimal(10_000), pct, pct, level)


def said(levels: list[Level]) -> list[str]:
    breaches = Breaches("main")
    found = [breaches.seen(reading(level), 500, 1_000) for level in levels]
    return [one[0].rpartition(".")[2].partition("_")[0] for one in found if one is not None]


@pytest.mark.requirement("P0-07")
def test_each_level_is_said_with_its_limit() -> None:
    breaches = Breaches("main")
    assert breaches.seen(None, 500, 1_000) is None
    assert breaches.seen(reading(Level.OK), 500, 1_000) is None
    found = [breaches.seen(reading(level), 500, 1_000) for level in (Level.SOFT, Level.SOFT, Level.HARD)]
    assert [one and (one[0], one[1].drawdown_bps, one[1].limit_bps) for one in found] == [
        ("risk.drawdown.soft_breach", 550, 500),
        None,
        ("risk.drawdown.hard_breach", 1_100, 1_000),
    ]


@given(st.lists(st.sampled_from(Level), max_size=20))
def test_what_was_said_is_every_step_down_and_no_other(levels: list[Level]) -> None:
    steps = zip([Level.OK, *levels], levels, strict=False)
    assert said(levels) == [after.name.lower() for before, after in steps if after > before]
