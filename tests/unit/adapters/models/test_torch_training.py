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
from qt_ray.adapters.models.torch_nhits import NHITS, tensors
from qt_ray.adapters.models.torch_training import Lessons, NetworkLearner, TrainingPlan, losses, mirrored
from qt_ray.ai.members.member import QUANTILES, Evidence
from qt_ray.ai.members.nhits import NHITSArrays, NHITSMember, NHITSShape
from qt_ray.ai.sample import Sample
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

SHAPE = NHITSShape(lookback=12, hidden=8, layers=1, pool=(4, 1), behind=(4, 1), ahead=(1, 1))
PLAN = TrainingPlan(epochs_max=4, batch=32, rate=1e-2, patience=4)
LONGER = replace(PLAN, epochs_max=12)


def export(network: nn.Module) -> bytes:
    return save(tensors(network))


def learner(plan: TrainingPlan = PLAN, dropout: float = 0.1, *, symmetric: bool = True) -> NetworkLearner:
    build = partial(NHITS, SHAPE, dropout)
    return NetworkLearner("nhits", SHAPE.lookback, SHAPE.horizon, build, export, plan, symmetric)


def sample(rows: int, seed: int, told: float = 2.0) -> Sample:
    """Return bars whose return leans against the last one by `told` times the spread of its chance."""
    dice = np.random.default_rng(seed)
    bars = dice.standard_normal((rows + 12, 4))
    for at in range(1, len(bars)):
        bars[at, 0] -= told * np.sign(bars[at - 1, 0])
    bars = (bars * [1e-3, 1, 1, 1]).astype(np.float32)
    ends = np.arange(11, rows + 11)
    ret = bars[ends + 1, 0].astype(np.float64)
    return Sample(
        evidence=Evidence(np.zeros((rows, 0), np.float32), bars, ends),
        up=(ret > 0).astype(np.float32),
        ret=ret,
        ts=ends * 60_000,
        until=(ends + 1) * 60_000,
        symbol=np.zeros(rows, np.int32),
        regime=np.zeros(rows, np.uint8),
    )


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


@pytest.mark.parametrize("epochs", [1, 3, 4])
def test_a_killed_training_ends_with_the_bytes_of_an_undisturbed_one(tmp_path: Path, epochs: int) -> None:
    progress, undisturbed = ended(learner().learn(TRAIN, VALID, seed=5))
    killed = list(islice(learner().learn(TRAIN, VALID, 5, tmp_path), epochs))
    rest, resumed = ended(learner().learn(TRAIN, VALID, 5, tmp_path))
    assert killed + rest == progress
    assert resumed == undisturbed


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    _, first = ended(learner().learn(TRAIN, VALID, 5, tmp_path))
    progress, second = ended(learner().learn(TRAIN, VALID, 5, tmp_path))
    assert progress == []
    assert second == first


@pytest.mark.parametrize("change", ["seed", "plan", "network", "symmetry", "train", "valid"])
def test_the_checkpoint_of_another_training_is_refused(tmp_path: Path, change: str) -> None:
    next(learner().learn(TRAIN, VALID, 5, tmp_path))
    plan = replace(PLAN, rate=2e-2) if change == "plan" else PLAN
    train = sample(600, 8) if change == "train" else TRAIN
    valid = VALID.take(slice(1, None)) if change == "valid" else VALID
    changed = learner(plan, dropout=0.2 if change == "network" else 0.1, symmetric=change != "symmetry")
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


def test_a_batch_holds_the_windows_of_its_rows() -> None:
    windows, up, ret = Lessons.of(TRAIN, 12).batch(torch.tensor([3, 0, 598]))
    for row, window in zip((3, 0, 598), windows, strict=True):
        end = TRAIN.evidence.ends[row]
        assert (window.numpy() == TRAIN.evidence.tape[end - 11 : end + 1]).all()
    assert up.tolist() == TRAIN.up[[3, 0, 598]].tolist()
    assert ret.numpy() == pytest.approx(TRAIN.ret[[3, 0, 598]])


def test_a_row_upside_down_is_itself_when_turned_again() -> None:
    batch = Lessons.of(TRAIN, 12).batch(slice(0, 4))
    turned = torch.tensor([True, False, True, False])
    windows, up, ret = mirrored(*batch, turned)
    assert torch.equal(windows[0], batch[0][0] * torch.tensor([-1.0, 1.0, -1.0, 1.0]))
    assert torch.equal(up[turned], 1.0 - batch[1][turned])
    assert torch.equal(ret[turned], -batch[2][turned])
    for part, before, again in zip((windows, up, ret), batch, mirrored(windows, up, ret, turned), strict=True):
        assert torch.equal(part[~turned], before[~turned])
        assert torch.equal(again, before)


def test_the_way_a_market_went_is_not_learned_where_outcomes_are_symmetric() -> None:
    rising = replace(sample(600, 1, told=0.0), up=np.ones(600, np.float32))
    rising.up[::10] = 0.0

    def mean_up(*, symmetric: bool) -> float:
        _, learned = ended(learner(LONGER, symmetric=symmetric).learn(rising, rising, seed=5))
        member = NHITSMember(SHAPE, NHITSArrays.of(SHAPE, load(learned.artefact)))
        return float(member.opine(VALID.evidence).up.mean())

    assert mean_up(symmetric=True) == pytest.approx(0.5, abs=0.1)
    assert mean_up(symmetric=False) > 0.8


def test_windows_are_a_view_of_one_tape() -> None:
    lessons = Lessons.of(TRAIN, 12)
    assert lessons.windows.untyped_storage().nbytes() == TRAIN.evidence.tape.nbytes


def test_a_miss_costs_what_its_level_says_in_units_of_the_window() -> None:
    windows = torch.tensor([[[0.0], [2.0]]]).expand(2, 2, 1)
    said = torch.zeros(2, 6)
    _, above = losses(said, windows, torch.ones(2), torch.tensor([2.0, 2.0]), horizon=4)
    _, below = losses(said, windows, torch.ones(2), torch.tensor([-2.0, -2.0]), horizon=4)
    assert float(above) == pytest.approx(np.mean(QUANTILES))
    assert float(below) == pytest.approx(1.0 - np.mean(QUANTILES))


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
