from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.models.torch_lessons import Lessons, losses, mirrored
from qt_ray.ai.dataset import dataset
from qt_ray.ai.labels import Kind, LabelPlan
from qt_ray.ai.members.member import QUANTILES
from tests.unit.adapters.models.leaning import LOOKBACK, circling, sample
from tests.unit.market.feature_bars import MINUTE_MS, with_gaps

pytestmark = pytest.mark.unit

seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=10, deadline=None)
TRAIN = sample(600, 1)
STEPS = 4
WAYS = circling(20, 1, STEPS)
# A window whose spread is 1, and outputs that say nothing.
WINDOWS = torch.tensor([[[1.0], [-1.0]]]).expand(2, 2, 1)
SILENT = torch.zeros(2, 6, STEPS)
UP = torch.ones(2)


def test_a_batch_holds_the_windows_of_its_rows() -> None:
    windows, up, ret = Lessons.of(TRAIN, 12).batch(torch.tensor([3, 0, 598]))
    for row, window in zip((3, 0, 598), windows, strict=True):
        end = TRAIN.evidence.ends[row]
        assert (window.numpy() == TRAIN.evidence.tape[end - 11 : end + 1]).all()
    assert up.tolist() == TRAIN.up[[3, 0, 598]].tolist()
    assert ret[:, 0].numpy() == pytest.approx(TRAIN.ret[[3, 0, 598]])


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


def test_windows_are_a_view_of_one_tape() -> None:
    lessons = Lessons.of(TRAIN, 12)
    assert lessons.windows.untyped_storage().nbytes() == TRAIN.evidence.tape.nbytes


def test_a_miss_costs_what_its_level_says_in_units_of_the_window() -> None:
    windows = torch.tensor([[[0.0], [2.0]]]).expand(2, 2, 1)
    said = torch.zeros(2, 6, 1)
    _, above = losses(said, windows, torch.ones(2), torch.tensor([[2.0], [2.0]]), horizon=4)
    _, below = losses(said, windows, torch.ones(2), torch.tensor([[-2.0], [-2.0]]), horizon=4)
    assert float(above) == pytest.approx(np.mean(QUANTILES))
    assert float(below) == pytest.approx(1.0 - np.mean(QUANTILES))


@quick
@given(seeds, st.integers(1, 8), st.sampled_from([0.0, 0.03]))
def test_the_way_of_a_row_to_its_horizon_is_the_closes_after_it(seed: int, steps: int, share: float) -> None:
    bars = with_gaps(seed, 200, 3, share)
    rows = dataset(bars, ("momentum_10",), LabelPlan(horizon_bars=steps), LOOKBACK)
    _, _, ret = Lessons.of(rows, LOOKBACK, steps).batch(slice(None))
    for row, (ts, symbol) in enumerate(zip(rows.ts, rows.symbol, strict=True)):
        at = int(ts - MINUTE_MS - bars.ts[0]) // MINUTE_MS
        closes = bars.close[at : at + steps + 1, symbol]
        assert ret[row].numpy() == pytest.approx(np.log(closes[1:] / closes[0]), abs=1e-8)


@quick
@given(seeds)
def test_past_a_barrier_that_was_touched_there_is_no_way(seed: int) -> None:
    plan = LabelPlan(Kind.BARRIERS, STEPS, stop_atr=1.0, take_atr=1.0)
    rows = dataset(with_gaps(seed, 200, 3, 0.02), ("momentum_10",), plan, LOOKBACK)
    _, _, ret = Lessons.of(rows, LOOKBACK, STEPS).batch(slice(None))
    early = rows.until - rows.ts < STEPS * MINUTE_MS
    known = ~ret.isnan().numpy()
    assert not known[early, :-1].any()
    assert known[:, -1].all()
    assert ret[:, -1].numpy() == pytest.approx(rows.ret)
    assert early.any()
    assert known[~early].all(axis=1).any()


def test_a_row_whose_tape_goes_on_with_another_symbol_knows_its_horizon_only() -> None:
    tape = WAYS.evidence.tape.copy()
    tape[WAYS.evidence.ends[10] + 2 :] = tape[::-1][: len(tape) - WAYS.evidence.ends[10] - 2]
    spliced = replace(WAYS, evidence=replace(WAYS.evidence, tape=tape))
    _, _, ret = Lessons.of(spliced, LOOKBACK, STEPS).batch(slice(0, 11))
    assert ret[:8].isfinite().all()
    assert ret[8:, :-1].isnan().all()
    assert ret[:, -1].numpy() == pytest.approx(WAYS.ret[:11])


@pytest.mark.parametrize("short", range(1, STEPS + 1))
def test_a_row_whose_tape_ends_too_soon_knows_its_horizon_only(short: int) -> None:
    """Even where the bars that are missing would have changed nothing."""
    tape = WAYS.evidence.tape.copy()
    tape[-short:, 0] = 0.0
    ret = WAYS.ret.copy()
    ret[-1] = tape[-STEPS:, 0].sum(dtype=np.float64)
    ended = replace(WAYS, evidence=replace(WAYS.evidence, tape=tape[:-short]), ret=ret)
    _, _, known = Lessons.of(ended, LOOKBACK, STEPS).batch(slice(len(ret) - 1, None))
    assert known.isnan().tolist() == [[True] * (STEPS - 1) + [False]]


def test_a_way_upside_down_is_as_long_and_as_unknown() -> None:
    windows, up, ret = Lessons.of(WAYS, LOOKBACK, STEPS).batch(slice(0, 2))
    ret[1, :-1] = torch.nan
    _, _, turned = mirrored(windows, up, ret, torch.tensor([True, True]))
    assert torch.equal(turned[0], -ret[0])
    assert turned[1].isnan().tolist() == ret[1].isnan().tolist()


def test_a_step_is_judged_by_what_is_likely_after_it() -> None:
    likely = torch.arange(1.0, STEPS + 1.0).sqrt().expand(2, STEPS)
    _, pinball = losses(SILENT, WINDOWS, UP, likely, STEPS)
    assert float(pinball) == pytest.approx(np.mean(QUANTILES))


def test_every_row_counts_alike_however_many_steps_it_knows() -> None:
    whole = torch.arange(1.0, STEPS + 1.0).sqrt() * torch.tensor([[1.0], [3.0]])
    some = whole.clone()
    some[1, :-1] = torch.nan
    said = SILENT.clone().requires_grad_()
    _, pinball = losses(said, WINDOWS, UP, some, STEPS)
    assert float(pinball.detach()) == pytest.approx(2.0 * np.mean(QUANTILES))
    pinball.backward()
    assert said.grad is not None
    assert said.grad.isfinite().all()
    assert (said.grad[1, 1:, :-1] == 0.0).all()
    assert (said.grad[0, 1:] != 0.0).all()
    assert float(said.grad[1].sum()) == pytest.approx(float(said.grad[0, :, -1].sum() * STEPS))


def test_the_direction_is_that_of_the_last_step() -> None:
    said = SILENT.clone()
    said[:, 0, -1] = 3.0
    said[:, 0, :-1] = -3.0
    bce, _ = losses(said, WINDOWS, UP, torch.ones(2, STEPS), STEPS)
    assert float(bce) == pytest.approx(np.log1p(np.exp(-3.0)), rel=1e-5)
