"""Models in real processes: swaps and a kill lose no request and mix no versions; parts begin from their origin."""

import asyncio
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import PARTS, POLICY_STORE, PREDICTOR, SIZER, begun, namespace_of
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.engine.pipeline import Opinion, Snapshot
from tests.unit.engine.funds import candles, still

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("ray")]

ROOT = Path(__file__).parents[2]
BARS = candles(still(3))
WORLD: Any = None
WITHIN_S = 45


async def until(asked: Any) -> Any:
    """Ask until the answer is something."""
    async with asyncio.timeout(WITHIN_S):
        while not (found := await asked()):
            await asyncio.sleep(0.05)
    return found


def born(kind: type[Any], name: str, *args: Any) -> Any:
    import ray

    return ray.remote(kind).options(name=name, num_cpus=0, max_restarts=-1).remote(*args)


@pytest.mark.requirement("P0-06")
@pytest.mark.p0_patches
def test_swaps_and_a_kill_among_real_processes_lose_no_request_and_mix_nothing(namespace: str) -> None:
    from tests.integration.model_users import Follower, Oracle  # they import Ray, whose head is begun first

    async def story() -> None:
        oracle = born(Oracle, "Oracle")
        await oracle.name.remote("v1", 1)
        followers = [born(Follower, name, name, namespace) for name in ("one", "two")]
        opinions: list[Opinion] = []
        answers: list[tuple[str, float]] = []
        done = asyncio.Event()

        async def agreed(version: str) -> bool:
            state = await oracle.state.remote()
            serving = {told.serving and told.serving.version for _, told in state.reports.values()}
            return len(state.reports) == 3 and not state.mixed and serving == {version}

        async def decide() -> None:
            snapshot = Snapshot(BARS.window(1, 2), np.zeros((1, 1, 0)), WORLD)
            while not done.is_set():
                opinions.append(await oracle.predict.remote(snapshot))
                if (found := await followers[0].answer.remote()) is not None:
                    answers.append(found)

        await until(lambda: agreed("v1"))
        work = asyncio.create_task(decide())
        for epoch in range(2, 6):
            await oracle.name.remote(f"v{epoch}", epoch)
            await until(lambda epoch=epoch: agreed(f"v{epoch}"))
        await oracle.name.remote("broken", 6)
        await until(lambda: withheld(oracle))
        second = await followers[1].__ray_call__.remote(lambda self: os.getpid())
        os.kill(second, signal.SIGKILL)
        await oracle.name.remote("v7", 7)
        await until(lambda: agreed("v7"))
        done.set()
        await work
        said = [(one.version, float(one.forecasts.score[0, 0])) for one in opinions]
        assert all(version == f"v{number:.0f}" for version, number in [*said, *answers])
        assert said == sorted(said, key=lambda pair: pair[1])
        assert {version for version, _ in said} == {"v1", "v2", "v3", "v4", "v5", "v7"}

    asyncio.run(story())


async def withheld(oracle: Any) -> str:
    """Return why the version named last serves nobody."""
    state = await oracle.state.remote()
    return str(state.withheld)


def test_predictor_and_sizer_begin_from_their_origin_and_say_how_they_are(ray_head: str, tmp_path: Path) -> None:
    import ray

    flags = {"fund.state": str(tmp_path), "market.symbols": "BTCUSDT"}
    origin = Origin("paper", flags, ROOT)
    home = namespace_of(origin.settings)
    wanted = (POLICY_STORE, PREDICTOR, SIZER)
    ray.init(address=ray_head, namespace=home, log_to_driver=False)
    try:
        parts = {part.name: begun(part, origin, home) for part in PARTS if part.name in wanted}

        async def story() -> None:
            async def ready(name: str) -> Any:
                told = await parts[name].condition.remote()
                return told if told.is_ready else None

            told = await until(partial(ready, PREDICTOR))
            assert told.facts["version"] == "trend"
            assert told.health is Health.DEGRADED  # nobody has told it of a bus
            assert (await until(partial(ready, SIZER))).facts["sized"] == 0
            for name in (SIZER, PREDICTOR):
                await parts[name].rest.remote()

        asyncio.run(story())
    finally:
        for name in wanted:
            ray.kill(ray.get_actor(name))
        ray.shutdown()
