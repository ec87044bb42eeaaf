from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from qt_ray.adapters.models.torch_patchtst import ForecastPatchTST, PatchTST, RevIN, patchtst, tensors
from qt_ray.adapters.models.weights import pack, unpack
from qt_ray.ai.members.member import Evidence
from qt_ray.ai.members.patchtst import PatchTSTMember, PatchTSTShape, folded
from tests.unit.ai.members.patchtst_paper import SMALL, drawn, drawn_tape, paper

pytestmark = pytest.mark.unit

BARS = 200


def with_weights(shape: PatchTSTShape, weights: dict[str, np.ndarray]) -> PatchTST:
    network = patchtst(shape, 1)
    state = {name: torch.from_numpy(values) for name, values in weights.items()}
    missing, surplus = network.load_state_dict(state, strict=False)
    assert not surplus
    assert all(name.endswith("num_batches_tracked") for name in missing)
    return network.eval()


def windows(tape: np.ndarray, ends: np.ndarray, lookback: int) -> torch.Tensor:
    return torch.from_numpy(np.stack([tape[end - lookback + 1 : end + 1] for end in ends]))


def eager(network: PatchTST, tape: np.ndarray, ends: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network(windows(tape, ends, network.shape.lookback)).double().numpy()


def chance(logits: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-logits))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_what_the_paper_says(seed: int) -> None:
    weights, tape = drawn(SMALL, seed), drawn_tape(seed, BARS, SMALL.channels)
    ends = np.array([20, 61, 199])
    for end, found in zip(ends, eager(with_weights(SMALL, weights), tape, ends), strict=True):
        truth = paper(SMALL, weights, tape[end - 20 : end + 1])
        assert abs(found[0] - truth[0]) < 1e-5
        assert np.abs(found[1:] - truth[1:]).max() < 1e-5 * (truth[5] - truth[1])


@pytest.mark.parametrize(
    "shape",
    [
        SMALL,
        PatchTSTShape(horizon=12),
        replace(SMALL, channels=1, heads=1, layers=1),
        replace(SMALL, features=9, heads=3),
    ],
)
def test_what_is_served_answers_like_what_was_trained(shape: PatchTSTShape) -> None:
    weights, tape = drawn(shape, 7), drawn_tape(7, BARS, shape.channels)
    ends = np.arange(shape.lookback - 1, BARS)
    trained = eager(with_weights(shape, weights), tape, ends)
    served = PatchTSTMember(shape, folded(shape, weights)).opine(Evidence(np.empty((len(ends), 0)), tape, ends))
    assert served.quantiles is not None
    assert np.abs(served.up - chance(trained[:, 0])).max() < 1e-5
    assert (np.abs(served.quantiles - trained[:, 1:]) < 1e-5 * (trained[:, 5:] - trained[:, 1:2])).all()


def test_a_network_survives_its_file() -> None:
    network = patchtst(SMALL, 3)
    blob = pack("patchtst", asdict(SMALL), tensors(network))
    shape, weights = unpack(blob, "patchtst", lambda given: PatchTSTShape.of(given).tensors())
    again = with_weights(PatchTSTShape.of(shape), weights)
    assert pack("patchtst", asdict(again.shape), tensors(again)) == blob


def test_a_seed_is_a_network_and_leaves_other_dice_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, same, other = (tensors(patchtst(SMALL, seed)) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(np.array_equal(first[name], same[name]) for name in first)
    assert not np.array_equal(first["embed.weight"], other["embed.weight"])


def test_every_weight_learns() -> None:
    network = patchtst(SMALL, 1).train()
    out = network(windows(drawn_tape(1, BARS, SMALL.channels), np.arange(20, 60), SMALL.lookback))
    (out[:, 0].mean() + 1e3 * out[:, 1:].square().sum()).backward()
    still = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert still == []


def test_dropout_moves_answers_only_while_it_learns() -> None:
    network = patchtst(SMALL, 1, dropout=0.5)
    shown = windows(drawn_tape(1, BARS, SMALL.channels), np.arange(20, 60), SMALL.lookback)
    torch.manual_seed(1)
    assert not torch.equal(network.train()(shown), network(shown))
    assert torch.equal(network.eval()(shown), network(shown))


def planted(dice: np.random.Generator, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return windows in which two channels drift, and whether they drift the same way."""
    sides = dice.choice([-1.0, 1.0], (rows, 1, 2))
    shown = dice.standard_normal((rows, 16, 2)) + sides * np.linspace(-2.0, 2.0, 16)[:, None]
    return torch.from_numpy(shown.astype(np.float32)), torch.from_numpy((sides.prod(2)[:, 0] > 0.0).astype(np.float32))


def test_it_learns_what_only_two_channels_together_say() -> None:
    dice = np.random.default_rng(1)
    shape = PatchTSTShape(lookback=16, channels=2, patch=8, stride=4, features=8, heads=2, layers=1, inner=8, hidden=16)
    network = patchtst(shape, 2)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(80):
        shown, same = planted(dice, 128)
        optimiser.zero_grad()
        functional.binary_cross_entropy_with_logits(network(shown)[:, 0], same).backward()
        optimiser.step()
    shown, same = planted(dice, 512)
    with torch.no_grad():
        right = (network.eval()(shown)[:, 0] > 0.0) == (same > 0.0)
    assert right.float().mean() > 0.95


def test_a_normalised_window_is_restored() -> None:
    revin, shown = RevIN(3), torch.from_numpy(drawn_tape(1, 40, 3)).view(2, 20, 3)
    with torch.no_grad():
        revin.weight.copy_(torch.tensor([0.5, 2.0, -1.0]))
        revin.bias.copy_(torch.tensor([0.1, -0.3, 2.0]))
        normal, mean, deviation = revin(shown)
        assert torch.allclose(revin.restore(normal, mean, deviation), shown, atol=1e-5)


def test_the_published_head_forecasts_every_channel_by_itself() -> None:
    network = ForecastPatchTST(replace(SMALL, horizon=4)).eval()
    shown = windows(drawn_tape(1, BARS, SMALL.channels), np.array([40, 50]), SMALL.lookback)
    other = shown.clone()
    other[:, :, 1] += torch.linspace(0.0, 1.0, SMALL.lookback)
    with torch.no_grad():
        before, after = network(shown), network(other)
    assert before.shape == (2, 4, SMALL.channels)
    assert torch.equal(before[..., [0, 2]], after[..., [0, 2]])
    assert not torch.equal(before[..., 1], after[..., 1])
