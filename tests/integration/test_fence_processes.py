"""A policy store and two gateways as real processes under real signals: two schedules of the campaign."""

import asyncio
from pathlib import Path

import pytest

from benchmarks.fence_cast import Cast
from benchmarks.fence_play import Played, playing

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("ray")]

# One that stops the holder of the lease just before an emergency, and one that kills it and does nothing else.
SEEDS = (6, 21)


@pytest.mark.timeout(300)
def test_no_entry_is_accepted_in_an_emergency_whoever_is_killed_or_stopped(tmp_path: Path, namespace: str) -> None:
    async def story() -> Played:
        async with playing(tmp_path, namespace[:20], Cast(), SEEDS[0]) as play:
            for seed in SEEDS:
                await play.act(seed)
            return play.played

    found = asyncio.run(story())
    assert found.told == []
    assert found.schedules == len(SEEDS)
    for what in ("kills", "pauses", "leases given", "entries accepted", "exits accepted in an emergency"):
        assert found.counts[what], what
