from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save
from torch import nn

from qt_ray.adapters.models.learner import Learned, Progress
from qt_ray.adapters.models.torch_course import CHECKPOINT
from qt_ray.adapters.models.torch_lessons import Lessons, losses
from qt_ray.adapters.models.torch_nhits import NHITS, tensors
from qt_ray.adapters.models.torch_training import NetworkLearner, TrainingPlan
from qt_ray.ai.members.member import QUANTILES
from qt_ray.ai.members.nhits import NHITSArrays, NHITSMember, NHITSShape
from qt_ray.ai.sample import Sample
from qt_ray.core.errors import Invalid
from tests.unit.adapters.models.leaning import circling, sample

pytestmark = pytest.mark.unit

SHAPE = NHITSShape(lookback=12, hidden=8, layers=1, pool=(4, 1), behind=(4, 1), ahead=(1, 1))
PLAN = TrainingPlan(epochs_max=4, batch=32, rate=1e-2, patience=4)
LONGER = replace(PLAN, epochs_max=12)
FAR = replace(SHAPE, horizon=8, ahead=(4, 1))


def export(network: nn.Module) -> bytes:
    return save(tensors(network))


def learner(
    plan: TrainingPlan = PLAN,
    dropout: float = 0.1,
    *,
    shape: NHITSShape = SHAPE,
    symmetric: bool = True,
    paths: bool = False,
) -> NetworkLearner:
    build = partial(NHITS, shape, dropout)
    return NetworkLearner("nhits", shape.lookback, shape.horizon, build, export, plan, symmetric, paths)


TRAIN, VALID = sample(600, 1), sample(200, 2)


def ended(stream: Iterator[Progress | Learned]) -> tuple[list[Progress], Learned]:
    """Drive a training to its end."""
    *seen, last = stream
    assert isinstance(last, Learned)
    progress = [item for item in seen if isinstance(item, Progress)]
    assert len(progress) == len(seen)
    return progress, last


def bce(artefact: bytes, exam: Sample) -> float:
    """Judge the direction as it is served."""
    up = NHITSMember(SHAPE, NHITSArrays.of(SHAPE, load(artefact))).opine(exam.evidence).up
    return float(-np.where(exam.up == 1.0, np.log(up), np.log1p(-up)).mean())


def test_what_there_is_to_learn_is_learned_and_the_best_of_it_is_kept() -> None:
    progress, learned = ended(learner(LONGER).learn(TRAIN, VALID, seed=5))
    best = min(progress, key=lambda item: item.loss)
    assert [item.done for item in progress] == list(range(1, len(progress) + 1))
    assert best.loss < 0.35
    assert (learned.facts["best_epoch"], learned.facts["valid_bce"]) == (best.done, best.loss)
    assert bce(learned.artefact, VALID) == pytest.approx(best.loss, rel=1e-5)


def test_quantiles_are_learned_beside_the_direction() -> None:
    _, learned = ended(learner(LONGER).learn(TRAIN, VALID, seed=5))
    quantiles = NHITSMember(SHAPE, NHITSArrays.of(SHAPE, load(learned.artefact))).opine(VALID.evidence).quantiles
    assert quantiles is not None
    covered = (VALID.ret[:, None] <= quantiles).mean(axis=0)
    assert covered == pytest.approx(QUANTILES, abs=0.12)


def test_a_training_that_gets_no_better_stops() -> None:
    noise = learner(TrainingPlan(epochs_max=50, batch=64, rate=1e-2, patience=2))
    progress, learned = ended(noise.learn(sample(300, 3, told=0.0), sample(100, 4, told=0.0), seed=1))
    assert len(progress) == learned.facts["best_epoch"] + 2 < 50


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others() -> None:
    one, two, other = (ended(learner().learn(TRAIN, VALID, seed=seed))[1] for seed in (5, 5, 6))
    assert one == two
    assert one.artefact != other.artefact


def test_a_training_leaves_dice_and_threads_of_others_alone() -> None:
    threads, before = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(2)
    stream = learner().learn(TRAIN, VALID, seed=5)
    next(stream)
    assert torch.get_num_threads() == 2
    ended(stream)
    assert torch.equal(torch.get_rng_state(), before)
    torch.set_num_threads(threads)


@pytest.mark.parametrize("paths", [False, True])
@pytest.mark.parametrize("epochs", [1, 3, 4])
def test_a_killed_training_ends_with_the_bytes_of_an_undisturbed_one(tmp_path: Path, epochs: int, paths: bool) -> None:
    taught = learner(shape=FAR, paths=paths)
    train, valid = circling(200, 1, FAR.horizon), circling(100, 2, FAR.horizon)
    progress, undisturbed = ended(taught.learn(train, valid, seed=5))
    killed = list(islice(taught.learn(train, valid, 5, tmp_path), epochs))
    rest, resumed = ended(taught.learn(train, valid, 5, tmp_path))
    assert killed + rest == progress
    assert resumed == undisturbed


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    _, first = ended(learner().learn(TRAIN, VALID, 5, tmp_path))
    progress, second = ended(learner().learn(TRAIN, VALID, 5, tmp_path))
    assert progress == []
    assert second == first


@pytest.mark.parametrize("change", ["seed", "plan", "network", "symmetry", "paths", "train", "valid"])
def test_the_checkpoint_of_another_training_is_refused(tmp_path: Path, change: str) -> None:
    next(learner().learn(TRAIN, VALID, 5, tmp_path))
    plan = replace(PLAN, rate=2e-2) if change == "plan" else PLAN
    train = sample(600, 8) if change == "train" else TRAIN
    valid = VALID.take(slice(1, None)) if change == "valid" else VALID
    dropout = 0.2 if change == "network" else 0.1
    changed = learner(plan, dropout, symmetric=change != "symmetry", paths=change == "paths")
    with pytest.raises(Invalid, match=r"^a checkpoint is resumed by the training that wrote it, was [^\n]+$"):
        next(changed.learn(train, valid, 6 if change == "seed" else 5, tmp_path))


def test_a_torn_checkpoint_is_refused(tmp_path: Path) -> None:
    next(learner().learn(TRAIN, VALID, 5, tmp_path))
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(Invalid, match=r"^a checkpoint is a whole safetensors file, was [^\n]+$"):
        next(learner().learn(TRAIN, VALID, 5, tmp_path))


def test_a_bar_that_is_no_number_ends_a_training_in_one_line() -> None:
    bars = TRAIN.evidence.tape.copy()
    bars[300] = np.nan
    spoiled = replace(TRAIN, evidence=replace(TRAIN.evidence, tape=bars))
    with pytest.raises(Invalid, match=r"^nhits: a loss is finite, was nan in step \d+, epoch 1$"):
        next(learner().learn(spoiled, VALID, 5))
    with pytest.raises(Invalid, match=r"^nhits: a loss is finite, was nan on valid, epoch 1$"):
        next(learner().learn(VALID, spoiled, 5))


def test_a_sample_that_cannot_teach_is_refused() -> None:
    rising = replace(TRAIN, up=np.ones_like(TRAIN.up))
    early = replace(TRAIN, evidence=replace(TRAIN.evidence, ends=TRAIN.evidence.ends - 1))
    unknown = replace(TRAIN, evidence=replace(TRAIN.evidence, ends=TRAIN.evidence.ends - 12))
    for spoiled, said in [
        (TRAIN.take(slice(0, 0)), "a sample has rows, {} was empty"),
        (rising, "a sample has both directions, {} was 1 throughout"),
        (early, "a row has 12 bars, one of {} had 11"),
        (unknown, "a row has 12 bars, one of {} had 0"),
    ]:
        for name, train, valid in (("train", spoiled, VALID), ("valid", TRAIN, spoiled)):
            with pytest.raises(Invalid, match=f"^nhits: {said.format(name)}$"):
                next(learner().learn(train, valid, 5))


def test_the_way_a_market_went_is_not_learned_where_outcomes_are_symmetric() -> None:
    rising = replace(sample(600, 1, told=0.0), up=np.ones(600, np.float32))
    rising.up[::10] = 0.0

    def mean_up(*, symmetric: bool) -> float:
        _, learned = ended(learner(LONGER, symmetric=symmetric).learn(rising, rising, seed=5))
        member = NHITSMember(SHAPE, NHITSArrays.of(SHAPE, load(learned.artefact)))
        return float(member.opine(VALID.evidence).up.mean())

    assert mean_up(symmetric=True) == pytest.approx(0.5, abs=0.1)
    assert mean_up(symmetric=False) > 0.8


@pytest.mark.parametrize("symmetric", [False, True])
def test_a_path_of_one_step_teaches_what_its_end_does_to_the_byte(symmetric: bool) -> None:
    path, end = (ended(learner(symmetric=symmetric, paths=paths).learn(TRAIN, VALID, 5)) for paths in (True, False))
    assert path == end


def test_a_way_that_bends_is_learned_by_whoever_is_taught_it() -> None:
    train, valid = circling(600, 1, FAR.horizon), circling(200, 2, FAR.horizon)

    def missed(*, paths: bool) -> float:
        _, learned = ended(learner(LONGER, shape=FAR, paths=paths).learn(train, valid, seed=5))
        network = NHITS(FAR).eval()
        network.load_state_dict({name: torch.tensor(value) for name, value in load(learned.artefact).items()})
        windows, up, ret = Lessons.of(valid, FAR.lookback, FAR.horizon).batch(slice(None))
        with torch.no_grad():
            return float(losses(network.paths(windows), windows, up, ret, FAR.horizon)[1])

    assert missed(paths=True) < 0.6 * missed(paths=False)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5_000))
def test_the_rate_rises_once_and_falls_once_and_never_passes_its_plan(steps: int) -> None:
    rates = [PLAN.rate_at(step, steps) for step in range(steps)]
    peak = rates.index(max(rates))
    assert min(rates) > 0.0
    assert max(rates) == PLAN.rate
    assert rates == sorted(rates[:peak]) + sorted(rates[peak:], reverse=True)


@pytest.mark.parametrize(("rows", "steps"), [(1, 1), (31, 1), (32, 1), (63, 1), (64, 2), (10**9, 1_000)])
def test_an_epoch_is_whole_batches_and_bounded(rows: int, steps: int) -> None:
    assert PLAN.steps(rows) == steps


@pytest.mark.parametrize(
    "bad",
    [
        *({name: 0} for name in ("epochs_max", "batch", "patience", "steps_per_epoch_max", "rate", "clip")),
        *({name: np.nan} for name in ("rate", "clip", "weight_decay", "pinball")),
        {"weight_decay": -1.0},
        {"clip": np.inf},
    ],
)
def test_a_plan_without_end_or_measure_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(Invalid, match=r"^training: [^\n]+, was [^\n]+$"):
        replace(PLAN, **bad)
