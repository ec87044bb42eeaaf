import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from qt_ray.adapters.models.torch_lessons import losses
from qt_ray.adapters.models.torch_nhits import NHITS, Hierarchy, tensors
from qt_ray.ai.members.nhits import NHITSArrays, NHITSMember, NHITSShape
from tests.unit.ai.members.nhits_paper import OUTPUTS, SHAPES, SMALL, asked, hierarchy, tape, weights

pytestmark = pytest.mark.unit

seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=20, deadline=None)


def loaded(network: nn.Module, shape: NHITSShape, seed: int) -> nn.Module:
    """Return `network` with known weights, ready to be asked."""
    network.load_state_dict({name: torch.tensor(value) for name, value in weights(shape, seed).items()})
    return network.eval().requires_grad_(requires_grad=False)


@quick
@given(st.sampled_from(SHAPES), seeds)
def test_the_network_is_the_papers(shape: NHITSShape, seed: int) -> None:
    series = np.random.default_rng(seed).standard_normal((shape.channels, shape.lookback))
    network = loaded(Hierarchy(shape, OUTPUTS), shape, seed).double()
    paths, residual = network(torch.tensor(series)[None])
    expected_paths, expected_residual = hierarchy(shape, weights(shape, seed), series)
    assert paths[0].numpy() == pytest.approx(expected_paths, abs=1e-12)
    assert residual[0].numpy() == pytest.approx(expected_residual, abs=1e-12)


@quick
@given(st.sampled_from(SHAPES), seeds)
def test_what_is_served_is_what_was_trained(shape: NHITSShape, seed: int) -> None:
    bars, ends = tape(shape.channels, 100, seed), np.arange(shape.lookback - 1, 100)
    network = loaded(NHITS(shape), shape, seed)
    windows = torch.tensor(bars).unfold(0, shape.lookback, 1).transpose(1, 2)
    out, _ = NHITSMember(shape, NHITSArrays.of(shape, tensors(network))).raw(asked(bars, ends))
    assert out == pytest.approx(network(windows).numpy(), abs=1e-5)


@quick
@given(st.sampled_from([shape for shape in SHAPES if shape.channels == 4]), seeds)
def test_a_path_ends_where_the_forecast_is(shape: NHITSShape, seed: int) -> None:
    network = loaded(NHITS(shape), shape, seed)
    assert isinstance(network, NHITS)
    windows = torch.tensor(tape(shape.channels, 60, seed)).unfold(0, shape.lookback, 1).transpose(1, 2)
    paths = network.paths(windows)
    assert paths.shape == (len(windows), OUTPUTS, shape.horizon)
    assert torch.equal(paths[:, :, -1], network(windows))
    assert (paths[:, 1:].diff(dim=1) >= 0.0).all()


def test_a_network_that_says_zero_foretells_a_normal_return_after_every_step() -> None:
    network = NHITS(SMALL).requires_grad_(requires_grad=False)
    for weight in network.parameters():
        weight.zero_()
    windows = torch.tensor(tape(4, 24, 1))[None]
    quartile = network.paths(windows)[0, 4] / (windows[0, :, 0].std(correction=0) * SMALL.horizon**0.5)
    walked = torch.arange(1.0, SMALL.horizon + 1.0) / SMALL.horizon
    assert quartile.numpy() == pytest.approx(np.log(2.0) * walked.sqrt().numpy(), rel=1e-5)


def test_the_way_teaches_every_knot_and_the_horizon_alone_the_last_ones() -> None:
    shape = NHITSShape(lookback=24, horizon=8, hidden=8, pool=(8, 4, 1), behind=(8, 4, 1), ahead=(4, 2, 1))
    network = NHITS(shape)
    network.load_state_dict({name: torch.tensor(value) for name, value in weights(shape, 3).items()})
    windows = torch.tensor(tape(4, 60, 1)).unfold(0, shape.lookback, 1).transpose(1, 2)
    up, ret = torch.ones(len(windows)), torch.zeros(len(windows), shape.horizon)

    def taught(said: torch.Tensor, ret: torch.Tensor) -> list[list[bool]]:
        """Return, a stack, which knots of its quantiles are moved."""
        network.zero_grad()
        sum(losses(said, windows, up, ret, shape.horizon)).backward()
        knots = [block.theta.bias.grad[block.behind :].unflatten(0, (OUTPUTS, -1)) for block in network.blocks]
        return [(each[1:] != 0.0).all(0).tolist() for each in knots]

    assert taught(network.paths(windows), ret) == [[True] * 2, [True] * 4, [True] * 8]
    last = [[False] * (knots - 1) + [True] for knots in (2, 4, 8)]
    assert taught(network(windows)[:, :, None], ret[:, -1:]) == last


def test_a_block_that_explains_all_leaves_nothing_to_the_next() -> None:
    shape = NHITSShape(lookback=8, channels=1, horizon=2, hidden=2, pool=(1,), behind=(1,), ahead=(1,), blocks=2)
    network = Hierarchy(shape, outputs=1).requires_grad_(requires_grad=False)
    series = torch.tensor([[[3.0, -1.0, 2.0, 0.5, 0.0, -4.0, 1.0, 7.0]]])
    for block in network.blocks:
        block.theta.weight.zero_()
        block.theta.bias.zero_()
    assert torch.equal(network(series)[0], torch.zeros(1, 1, 2))
    assert torch.equal(network(series)[1], series[:, 0])
    network.blocks[0].theta.bias[:8] = series[0, 0]
    assert torch.equal(network(series)[1], torch.zeros(1, 8))


def test_other_channels_are_looked_at_and_never_explained_away() -> None:
    network = loaded(Hierarchy(SMALL, OUTPUTS), SMALL, 3)
    series = torch.randn(2, 4, 24, generator=torch.Generator().manual_seed(1))
    other = series.clone()
    other[:, 2] += 1.0
    (paths, residual), (moved, rest) = network(series), network(other)
    assert not torch.equal(paths, moved)
    assert residual.shape == rest.shape == (2, 24)


def test_a_coarse_stack_forecasts_a_straight_line() -> None:
    shape = NHITSShape(lookback=12, horizon=12, hidden=3, pool=(4,), behind=(4,), ahead=(6,))
    paths, _ = loaded(Hierarchy(shape, OUTPUTS), shape, 5)(torch.ones(1, 4, 12))
    bends = torch.diff(paths[0], n=2, dim=1)
    assert bends[:, 3:7].abs().max() < 1e-6


def test_dropout_is_for_training_only() -> None:
    network = loaded(NHITS(SMALL, dropout=0.5), SMALL, 3)
    windows = torch.tensor(tape(4, 24, 1))[None]
    plain = loaded(NHITS(SMALL), SMALL, 3)(windows)
    assert torch.equal(network(windows), plain)
    assert not torch.equal(network.train()(windows), plain)


def test_two_rhythms_are_forecast_far_better_than_by_the_last_value() -> None:
    horizon, lookback = 24, 96
    shape = NHITSShape(
        lookback=lookback, channels=1, horizon=horizon, hidden=32, pool=(8, 4, 1), behind=(8, 4, 1), ahead=(12, 4, 1)
    )
    at = torch.arange(1_500.0)
    series = torch.sin(2 * torch.pi * at / 70.0) + 0.4 * torch.sin(2 * torch.pi * at / 9.0 + 1.0)
    spans = series.unfold(0, lookback + horizon, 1)
    seen, ahead = spans[:, :lookback], spans[:, lookback:] - spans[:, lookback - 1 : lookback]
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        network = Hierarchy(shape, outputs=1)
        optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
        for _ in range(150):
            rows = torch.randint(0, 1_000, (128,))
            loss = (network(seen[rows].flip(1)[:, None])[0][:, 0] - ahead[rows]).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        missed = network(seen[1_000:].flip(1)[:, None])[0][:, 0] - ahead[1_000:]
    assert missed.square().mean() < 0.05 * ahead[1_000:].square().mean()
