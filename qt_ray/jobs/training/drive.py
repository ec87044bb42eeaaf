"""Drive: members trained one after the other here, or side by side as Ray tasks, to the same bytes.

A learner is a generator, and so is a streaming Ray task, so the two ways differ in who runs the generator. On Ray the
sample is put into the object store once and mapped by every task; a task states its memory, and Ray starts no more of
them than the bound allows. Where a fund trades, workers are as urgent as anybody, so a task that trains gives way.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from qt_ray.adapters.models.learner import Learned, Learner, Progress
from qt_ray.adapters.urgency import give_way
from qt_ray.ai.sample import Sample
from qt_ray.jobs.training.work import Work

Told = Callable[[str, Progress], None]
STEP_S = 1.0
GIVES_WAY = 15  # as much as Ray's workers do where nobody trades


def train_here(
    learners: Mapping[str, Learner], train: Sample, valid: Sample, seed: int, work: Work, told: Told
) -> dict[str, Learned]:
    """Train every member in this process; those finished before are taken as they are."""
    done = {}
    for kind, learner in learners.items():
        done[kind] = work.finished(kind) or _kept(work, kind, learner.learn(train, valid, seed, work.of(kind)), told)
    return done


def train_on_ray(
    learners: Mapping[str, Learner],
    needs_mb: Mapping[str, int],
    train: Sample,
    valid: Sample,
    seed: int,
    work: Work,
    told: Told,
) -> dict[str, Learned]:
    """Train members as Ray tasks of the cluster that this process is connected to."""
    import ray

    done = {kind: found for kind in learners if (found := work.finished(kind))}
    shared, task = ray.put((train, valid)), ray.remote(_learn)
    running = {
        kind: task.options(
            num_cpus=1, num_returns="streaming", max_retries=1, memory=needs_mb[kind] << 20, name=f"train {kind}"
        ).remote(learner, shared, seed, str(work.of(kind)))
        for kind, learner in learners.items()
        if kind not in done
    }
    while running:
        ready, _ = ray.wait(list(running.values()), num_returns=1, timeout=STEP_S)
        for kind in [kind for kind, stream in running.items() if stream in ready]:
            said = _next(running[kind])
            if isinstance(said, Progress):
                told(kind, said)
            elif isinstance(said, Learned):
                work.finish(kind, said)
                done[kind] = said
            else:
                del running[kind]
    return {kind: done[kind] for kind in learners}


def _next(stream: Any) -> Progress | Learned | None:
    import ray

    try:
        said: Progress | Learned = ray.get(next(stream))
    except StopIteration:
        return None
    return said


def _learn(learner: Learner, shared: tuple[Sample, Sample], seed: int, work: str) -> Iterator[Progress | Learned]:
    """Run one learner as a streaming task, which gives way to whatever else this machine has to do."""
    give_way(GIVES_WAY)
    yield from learner.learn(*shared, seed, Path(work))


def _kept(work: Work, kind: str, stream: Iterator[Progress | Learned], told: Told) -> Learned:
    for said in stream:
        if isinstance(said, Learned):
            work.finish(kind, said)
            return said
        told(kind, said)
    raise RuntimeError(f"{kind}: a training ends with what was learned, ended without")
