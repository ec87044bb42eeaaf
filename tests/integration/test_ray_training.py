"""Training on Ray: who runs a learner changes no byte of what it learns, and what was started is gone afterwards."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from qt_ray.ai.sample import Sample
from qt_ray.jobs.cluster import cluster
from qt_ray.jobs.training.drive import train_here, train_on_ray
from qt_ray.jobs.training.learners import learners, need_mb
from qt_ray.jobs.training.tune import tuned
from qt_ray.jobs.training.work import Work
from tests.unit.jobs.training.tiny import loaded, plan_for, tiny, unheard

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("ray"),
    # Ray drops its processes and files without a word to them.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

KINDS = {"train.members": "xgboost,lightgbm,nhits"}


@pytest.fixture(autouse=True)
def nobodys_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    yield
    gc.collect()  # Ray forgets to wait for what it has ended; what it left is found here and not in another test


def parts() -> tuple[Sample, Sample]:
    made = tiny()
    return made.sample.take(made.parts.train), made.sample.take(made.parts.valid)


def is_up() -> bool:
    import ray  # not before the cluster, which says how it is to be imported

    return bool(ray.is_initialized())


def test_members_side_by_side_are_those_of_one_after_the_other(tmp_path: Path) -> None:
    plan, (train, valid) = plan_for(KINDS), parts()
    wanted, told = learners(plan), set[str]()
    here = train_here(wanted, train, valid, plan.seed, Work(tmp_path / "here"), unheard)
    needs = {kind: need_mb(kind, train) for kind in wanted}
    work = Work(tmp_path / "ray")
    work.finish("xgboost", here["xgboost"])
    with cluster(memory_mb=4_000, store_bytes=train.nbytes, cpus=2):
        assert is_up()
        there = train_on_ray(wanted, needs, train, valid, plan.seed, work, lambda kind, at: told.add(kind))
    assert not is_up()
    assert list(there) == list(here)
    assert {kind: one.artefact for kind, one in there.items()} == {kind: one.artefact for kind, one in here.items()}
    assert told == {"lightgbm", "nhits"}
    assert all(work.finished(kind) for kind in wanted)


def test_trials_on_ray_find_what_trials_here_find() -> None:
    asked = loaded({"train.members": "xgboost", "train.xgboost.rounds": "5", "train.memory_mb": "4000"})
    said: list[str] = []
    here, there = (tuned(asked, 2, on_ray, unheard, said.append) for on_ray in (False, True))
    assert not is_up()
    assert here.settings == there.settings
    assert said[0] == said[1]
