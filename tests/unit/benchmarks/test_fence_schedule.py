from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fence_cast import MISTAKES, Cast
from benchmarks.fence_schedule import HOLDER, LASTS_MS, LONE_MS, PARTS, Kind, schedule
from qt_ray.actors.topology import GATEWAY, shell_of
from qt_ray.actors.topology import PARTS as ALL

pytestmark = pytest.mark.unit

seeds = st.integers(0, 2**32)


@settings(max_examples=50)
@given(seeds)
def test_one_seed_is_one_schedule_whose_deeds_come_in_order(seed: int) -> None:
    chosen = schedule(seed)
    assert chosen == schedule(seed)
    moments = [deed.at_ms for deed in chosen.deeds]
    assert moments == sorted(moments)
    assert all(0 <= at_ms <= LASTS_MS[1] + 1_000 for at_ms in moments)
    assert str(chosen).startswith(f"seed {seed}: at {moments[0]} ms ")


@settings(max_examples=50)
@given(seeds)
def test_a_schedule_has_an_emergency_or_one_kill_and_nothing_else(seed: int) -> None:
    chosen = schedule(seed)
    kinds = Counter(deed.kind for deed in chosen.deeds)
    assert kinds[Kind.EMERGENCY] or (kinds, chosen.lasts_ms) == ({Kind.KILL: 1}, LONE_MS)
    assert all(deed.for_ms > 0 for deed in chosen.deeds if deed.kind in (Kind.PAUSE, Kind.EMERGENCY))


def test_a_campaign_strikes_everybody_in_every_way() -> None:
    struck = {(deed.kind, deed.whom) for seed in range(100) for deed in schedule(seed).deeds if deed.whom}
    assert struck == {(kind, whom) for kind in (Kind.KILL, Kind.PAUSE) for whom in (*PARTS, HOLDER)}


@pytest.mark.parametrize("cast", [Cast(), *MISTAKES.values()], ids=["the fund's own", *MISTAKES])
def test_whoever_plays_is_a_part_like_the_funds_own(cast: Cast) -> None:
    known = {part.name: part for part in ALL}
    for part, name in zip(cast.parts(), PARTS, strict=True):
        assert part.name == name
        assert shell_of(part).__name__ == name
        own = known.get(name, known[GATEWAY])
        assert (part.retries, part.is_detached, part.options) == (own.retries, own.is_detached, own.options)
