"""Feed, store and coordinator as Ray runs them: killed and born again, they are as they were, and silence is heard."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from qt_ray.actors.line import Line
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import FEED, FUND_OS, PARTS, POLICY_STORE, begun, namespace_of
from qt_ray.core.errors import Retryable
from qt_ray.governance.coordination import GOVERNOR
from qt_ray.governance.rulebook_entries import Author
from qt_ray.market.bars import Bars
from qt_ray.monitoring.health import Condition
from tests.integration.venue_process import opened

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("ray")]

SYMBOLS = ("BTCUSDT", "ETHUSDT")
PATIENCE_S = 60


class Cluster:
    """Some parts of a fund in a namespace of their own."""

    def __init__(self, origin: Origin) -> None:
        self.origin, self.namespace, self.handles = origin, namespace_of(origin.settings), dict[str, Any]()

    def begin(self, *names: str) -> None:
        for part in PARTS:
            if part.name in names:
                self.handles[part.name] = begun(part, self.origin, self.namespace)

    def line(self, name: str) -> Line:
        return Line(name, self.namespace)

    async def condition(self, name: str, holds: Callable[[Condition], bool]) -> Condition:
        """Return how a part is once something holds of it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(Retryable):
                    found: Condition = await self.line(name).ask("condition")
                    if holds(found):
                        return found
                await asyncio.sleep(0.1)


@pytest.fixture
def cluster(namespace: str, tmp_path: Path) -> Iterator[Cluster]:
    import ray

    with opened("--symbols", ",".join(SYMBOLS)) as venue:
        flags = {
            "fund.account": f"test-{uuid4().hex[:8]}",
            "fund.state": str(tmp_path),
            "market.symbols": list(SYMBOLS),
            "exchange.rest_url": venue.said["rest"],
            "exchange.ws_url": venue.said["streams"],
        }
        found = Cluster(Origin("paper", flags))
        try:
            yield found
        finally:
            for handle in found.handles.values():
                ray.kill(handle)


def play(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 2 * PATIENCE_S))


async def history(cluster: Cluster) -> Bars:
    found: Bars = await cluster.line(FEED).ask("rows", 0, 20_000, within_ms=25_000)
    return found


def test_a_feed_that_was_killed_tells_the_same_rows_again(cluster: Cluster) -> None:
    async def story() -> None:
        cluster.begin(FEED)
        before, first = await history(cluster), await cluster.condition(FEED, lambda found: found.is_ready)
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        reborn = await cluster.condition(FEED, lambda found: found.is_ready and found.pid != first.pid)
        assert reborn.was_reconstructed
        after = await history(cluster)
        common = np.intersect1d(before.ts, after.ts)
        assert len(common) >= len(before) - 2
        settled = common[200:]  # what a gate thinks of a bar rests on those before it
        for name in ("open", "high", "low", "close", "volume"):
            old, new = (getattr(bars, name)[np.isin(bars.ts, settled)] for bars in (before, after))
            np.testing.assert_array_equal(old, new)

    play(story)


def test_parts_that_are_not_there_leave_nothing_and_the_store_says_whose_word_that_is(cluster: Cluster) -> None:
    async def story() -> None:
        cluster.begin(POLICY_STORE, FEED, FUND_OS)
        said = await cluster.condition(FUND_OS, lambda found: found.is_ready)
        assert said.facts["size_bps"] == 0
        store = PolicyStoreLine(cluster.line(POLICY_STORE), Author("test"))
        word = await store.watch(-1, 1_000)
        assert (word.left.size_bps, word.left.by["size_bps"]) == (0, GOVERNOR)
        assert not await cluster.line(POLICY_STORE).ask("can_open_new_trades")

    play(story)
