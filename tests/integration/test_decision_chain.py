"""RAY.md rule 2: three stages in three processes come to the digests that they come to in one."""

import asyncio
from pathlib import Path

import pytest

from qt_ray.adapters.desk_journal import entries_in
from qt_ray.core.errors import Retryable
from qt_ray.engine.desk_entries import Decided
from qt_ray.engine.desk_replay import retold
from tests.unit.actors.desk_life import life
from tests.unit.actors.desk_world import fused, world

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("ray")]

NAMES = ("OnePredictor", "OneSizer", "OneGuard")
BARS = 12


def opinions(folder: Path) -> list[tuple[str, str, str]]:
    thoughts = [entry.thought for entry in entries_in(folder) if isinstance(entry, Decided)]
    return [(thought.score, thought.confidence, thought.agreement) for thought in thoughts]


@pytest.mark.requirement("L10")
def test_a_chain_of_references_decides_what_the_three_objects_decide_in_one_process(
    tmp_path: Path,
    namespace: str,
) -> None:
    import ray

    from qt_ray.actors.chain import ReferenceChain
    from tests.integration.decision_stages import Stages

    stages = [ray.remote(Stages).options(name=name, num_cpus=0).remote(3) for name in NAMES]

    async def story() -> None:
        chain = ReferenceChain(NAMES, namespace)
        async with life(world(), tmp_path / "chain", chain) as one:
            await one.bars(BARS)
            assert (await one.desk.condition()).facts["missed"] == {}
        async with life(world(), tmp_path / "fused", fused(3)) as one:
            await one.bars(BARS)

    asyncio.run(story())
    # When a fill is heard between two bars is chance, so the two lives may part. What models say of a bar may not, and
    # what three processes have made of it is made again here by the objects in one.
    assert opinions(tmp_path / "chain") == opinions(tmp_path / "fused")
    again = list(retold(entries_in(tmp_path / "chain")))
    assert len(again) == len(opinions(tmp_path / "chain")) > BARS
    assert all(one.is_same for one in again)
    assert len(stages) == 3  # a stage lives as long as somebody holds it


def test_a_stage_that_is_not_there_or_dies_is_an_answer_that_may_come_later(namespace: str) -> None:
    import ray

    from qt_ray.actors.chain import ReferenceChain
    from tests.integration.decision_stages import Stages

    async def story() -> None:
        stage = world()
        with pytest.raises(Retryable, match="three stages live"):
            await ReferenceChain(("Nobody", *NAMES[1:]), namespace).decided(stage, "")  # type: ignore[arg-type]
        stages = [ray.remote(Stages).options(name=name, num_cpus=0).remote(3) for name in NAMES]
        chain = ReferenceChain(NAMES, namespace)
        with pytest.raises(Retryable, match="three stages answer"):
            await chain.decided("no snapshot", "")  # type: ignore[arg-type]
        ray.kill(stages[0])
        with pytest.raises(Retryable, match="three stages"):
            await chain.decided("no snapshot", "")  # type: ignore[arg-type]

    asyncio.run(story())
