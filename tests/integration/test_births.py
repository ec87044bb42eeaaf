"""Parts on a real Ray: born under their names, born again after kill -9, and a birth that failed says why."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from qt_ray.core.errors import Invalid

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300), pytest.mark.xdist_group("ray")]


def told(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 120))


@pytest.mark.requirement("P0-01")
@pytest.mark.p0_patches
def test_a_policy_store_lives_dies_lives_again_and_is_ended(tmp_path: Path, namespace: str) -> None:
    from ray.util import list_named_actors

    from qt_ray.actors.births import Births
    from qt_ray.actors.launch import Launch
    from qt_ray.actors.line import Line
    from qt_ray.actors.lines.policy_store import PolicyStoreLine
    from qt_ray.actors.origin import Origin
    from qt_ray.actors.topology import PARTS, POLICY_STORE

    async def story() -> None:
        said: list[str] = []
        parts = [part for part in PARTS if part.name == POLICY_STORE]
        births = Births(Origin("paper", {"fund.state": str(tmp_path)}), namespace)
        launch = Launch(births, parts, said.append)
        await launch.begin()
        assert list_named_actors() == [POLICY_STORE]

        store = PolicyStoreLine(Line(POLICY_STORE, namespace))
        epoch, first = (await store.policy()).epoch, await store.condition()
        assert await store.begin_emergency("fire") == epoch + 1
        watching = asyncio.create_task(launch.watch())
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        while not any("born again" in line for line in said):
            await asyncio.sleep(0.05)
        watching.cancel()
        second = await store.condition()
        assert second.was_reconstructed
        assert second.pid != first.pid
        policy = await store.policy()
        assert (policy.emergency_mode, policy.epoch) == (True, epoch + 2)

        await launch.rest()
        while births.lives(POLICY_STORE):
            await asyncio.sleep(0.05)

    told(story)


def test_a_birth_that_failed_says_why(tmp_path: Path, namespace: str) -> None:
    from qt_ray.actors.births import Births
    from qt_ray.actors.origin import Origin
    from qt_ray.actors.topology import PARTS, POLICY_STORE

    async def story() -> None:
        (tmp_path / "paper" / "main" / "policy").mkdir(parents=True)
        (tmp_path / "paper" / "main" / "policy" / "policy.db").write_text("no book of ours" * 100)
        (part,) = (part for part in PARTS if part.name == POLICY_STORE)
        births = Births(Origin("paper", {"fund.state": str(tmp_path)}), namespace)
        await births.begin(part)
        while (why := births.why_stillborn(POLICY_STORE)) is None:
            await asyncio.sleep(0.05)
        assert "policy.db" in why
        assert "qt_ray" not in why
        assert not births.lives(POLICY_STORE)

    told(story)


def test_parts_of_other_code_than_ours_are_refused_with_one_line_and_none_is_left(
    tmp_path: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.util import list_named_actors

    from qt_ray.actors import launch as launching
    from qt_ray.actors.births import Births
    from qt_ray.actors.origin import Origin
    from qt_ray.actors.topology import PARTS, POLICY_STORE

    monkeypatch.setattr(launching, "edition", lambda: "0.0.1+0123456789ab")

    async def story() -> None:
        births = Births(Origin("paper", {"fund.state": str(tmp_path)}), namespace)
        launch = launching.Launch(births, [part for part in PARTS if part.name == POLICY_STORE], list[str]().append)
        with pytest.raises(Invalid, match=r"code of who begins it, PolicyStore runs .* 0\.0\.1\+0123456789ab$"):
            await launch.begin()
        await launch.rest()
        while list_named_actors():
            await asyncio.sleep(0.05)

    told(story)


def test_a_ray_that_was_joined_is_left_as_it_was(ray_head: str) -> None:
    from qt_ray.actors.cluster import cluster, visited

    with cluster("test-joined", ray_head) as head:
        assert (head.address, head.is_ours) == (ray_head, False)
    with visited(ray_head, "test-joined"):
        import ray

        assert ray.is_initialized()
    assert not ray.is_initialized()
