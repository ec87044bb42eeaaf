import json
from dataclasses import asdict, dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qt_ray.ai.members.member import Silence, Singles
from qt_ray.ai.members.nhits import NHITSArrays, NHITSMember, NHITSShape
from qt_ray.ai.members.nhits_forward import explain, pool
from qt_ray.core.errors import Invalid, Invariant
from tests.unit.ai.members.nhits_paper import SHAPES, SMALL, answer, asked, between, tape, weights

pytestmark = pytest.mark.unit

BARS = 120
seeds = st.integers(0, 2**32 - 1)
shapes = st.sampled_from(SHAPES)
quick = settings(max_examples=25, deadline=None)


def member(shape: NHITSShape = SMALL, seed: int = 7, size: float = 1.0) -> NHITSMember:
    return NHITSMember(shape, NHITSArrays.of(shape, weights(shape, seed, size)))


@dataclass(frozen=True)
class Between:
    """Bounds around what a channel averages; an honest region of training."""

    channel: int
    low: float
    high: float

    def outside(self, rows: Singles) -> NDArray[np.bool_]:
        return ~((rows[:, self.channel] >= self.low) & (rows[:, self.channel] <= self.high))


@quick
@given(shapes, seeds)
def test_the_forward_says_what_the_paper_says(shape: NHITSShape, seed: int) -> None:
    bars, ends = tape(shape.channels, BARS, seed), np.arange(shape.lookback - 1, BARS)
    out, stats = member(shape, seed).raw(asked(bars, ends))
    for row, end in zip(range(0, len(ends), 17), ends[::17], strict=True):
        window = bars[end - shape.lookback + 1 : end + 1]
        mean, spread = window.mean(axis=0, dtype=float), window.std(axis=0, dtype=float)
        assert stats[row] == pytest.approx(np.concatenate((mean, spread)), rel=1e-6, abs=1e-9)
        expected = answer(shape, weights(shape, seed), window)
        assert out[row] / np.array([1.0, *[spread[0]] * 5]) == pytest.approx(expected, abs=1e-5)


@quick
@given(shapes, seeds, st.lists(st.integers(-1, BARS - 1), min_size=1, max_size=40))
def test_a_row_is_the_same_bits_in_any_batch(shape: NHITSShape, seed: int, ends: list[int]) -> None:
    asked_member, bars = member(shape), tape(shape.channels, BARS, seed)
    whole = asked_member.opine(asked(bars, np.arange(BARS)))
    some = asked_member.opine(asked(bars, np.array(ends)))
    known = np.array(ends)
    assert whole.quantiles is not None
    assert some.quantiles is not None
    for row in np.flatnonzero(known >= 0):
        assert some.up[row].tobytes() == whole.up[known[row]].tobytes()
        assert some.quantiles[row].tobytes() == whole.quantiles[known[row]].tobytes()
        assert some.silence[row] == whole.silence[known[row]]


@quick
@given(shapes, seeds)
def test_what_lies_outside_a_window_changes_nothing(shape: NHITSShape, seed: int) -> None:
    bars, end = tape(shape.channels, BARS, seed), 60
    other = np.full_like(bars, np.nan)
    window = slice(end - shape.lookback + 1, end + 1)
    other[window] = bars[window]
    one, two = (member(shape).raw(asked(each, np.array([end]))) for each in (bars, other))
    assert one[0].tobytes() == two[0].tobytes()
    assert one[1].tobytes() == two[1].tobytes()


@quick
@given(shapes, seeds, st.floats(0.1, 30.0))
def test_quantiles_never_cross_and_a_probability_is_one(shape: NHITSShape, seed: int, size: float) -> None:
    opinions = member(shape, seed, size).opine(asked(tape(shape.channels, BARS, seed), np.arange(BARS)))
    spoke = opinions.silence == Silence.SPOKE
    assert spoke.sum() == BARS - shape.lookback + 1
    assert opinions.quantiles is not None
    assert (np.diff(opinions.quantiles[spoke], axis=1) >= 0).all()
    assert ((opinions.up[spoke] >= 0) & (opinions.up[spoke] <= 1)).all()


@quick
@given(seeds, st.integers(-8, 8))
def test_quantiles_follow_the_unit_of_the_return_and_the_direction_does_not(seed: int, power: int) -> None:
    bars, ends = tape(4, BARS, seed), np.arange(30, BARS)
    scaled = bars * np.array([2.0**power, 1, 1, 1], np.float32)
    (plain, _), (moved, _) = member().raw(asked(bars, ends)), member().raw(asked(scaled, ends))
    assert (moved[:, 0] == plain[:, 0]).all()
    assert (moved[:, 1:] == plain[:, 1:] * np.float32(2.0**power)).all()


def test_blocks_without_weights_foretell_nothing_but_the_spread_of_the_window() -> None:
    nothing = {name: np.zeros_like(value) for name, value in weights(SMALL, 1).items()}
    bars = tape(4, BARS, 3)
    opinions = NHITSMember(SMALL, NHITSArrays.of(SMALL, nothing)).opine(asked(bars, np.array([60])))
    gap = np.log(2.0) * bars[37:61, 0].std(dtype=float) * np.sqrt(SMALL.horizon)
    assert opinions.up == [0.5]
    assert opinions.quantiles is not None
    assert opinions.quantiles[0] == pytest.approx(gap * np.array([-2, -1, 0, 1, 2]), rel=1e-6)


def test_a_backcast_removes_what_it_explains() -> None:
    residual = tape(1, 24, 5)[:, 0]
    explain(residual[None].copy(), 24, residual)
    assert (residual == 0.0).all()


@quick
@given(seeds, st.integers(1, 24))
def test_a_line_goes_through_its_knots(seed: int, knots: int) -> None:
    theta, residual = tape(1, knots, seed).T.copy(), np.zeros(24, np.float32)
    explain(theta, knots, residual)
    assert -residual == pytest.approx(between(theta[0].astype(float), 24), abs=1e-8)


def test_the_last_pooling_cell_holds_what_is_left() -> None:
    series, pooled = np.arange(14, dtype=np.float32).reshape(2, 7), np.zeros((1, 9), np.float32)
    pool(series, 3, pooled)
    assert pooled[0].tolist() == [2, 5, 6, 9, 12, 13, 0, 0, 0]


def test_short_history_and_unusable_bars_are_silent_and_only_they() -> None:
    bars = tape(4, BARS, 9)
    bars[50, 3], bars[110, 0] = np.inf, np.nan
    opinions = member().opine(asked(bars, np.array([-1, 0, 22, 23, 49, 50, 73, 74, 109, 110])))
    late = Silence.NOT_FINITE
    assert opinions.silence.tolist() == [Silence.HISTORY] * 3 + [0, 0, late, late, 0, 0, late]
    assert opinions.quantiles is not None
    assert (np.isnan(opinions.up) == (opinions.silence > 0)).all()
    assert (np.isnan(opinions.quantiles).any(axis=1) == (opinions.silence > 0)).all()


def test_a_window_unlike_what_was_learned_from_is_silent() -> None:
    bars = tape(4, BARS, 9)
    bars[60:, 3] += 10.0
    bound = NHITSMember(SMALL, member().arrays, bounds=Between(channel=3, low=10.0, high=14.0))
    opinions = bound.opine(asked(bars, np.array([5, 59, 90])))
    assert opinions.silence.tolist() == [Silence.HISTORY, Silence.SPOKE, Silence.OUT_OF_DISTRIBUTION]
    assert np.isnan(opinions.up).tolist() == [True, False, True]


def test_a_market_that_stands_still_has_an_opinion_too() -> None:
    opinions = member().opine(asked(np.full((30, 4), 12.3, np.float32), np.array([29])))
    assert opinions.silence.tolist() == [Silence.SPOKE]
    assert np.isfinite(opinions.up).all()


def test_nobody_asking_is_answered_by_nothing() -> None:
    assert len(member().opine(asked(tape(4, 30, 1), np.array([], np.int64))).up) == 0


def test_a_member_states_its_kind_and_history() -> None:
    assert (member().kind, member().lookback) == ("nhits", 24)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_survives_its_file(shape: NHITSShape) -> None:
    assert NHITSShape.of(json.loads(json.dumps(asdict(shape)))) == shape


@pytest.mark.parametrize(
    "bad",
    [
        {"lookback": 1, "pool": [1, 1, 1]},
        {"lookback": 7},
        {"channels": 0},
        {"horizon": 0},
        {"hidden": 2.5},
        {"layers": -1},
        {"pool": [8, 4]},
        {"pool": [], "behind": [], "ahead": []},
        {"ahead": [8, 0, 1]},
        {"depth": 3},
    ],
)
def test_a_shape_that_is_no_network_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(Invalid, match=r"^nhits: [^\n]+, was [^\n]+$"):
        NHITSShape.of(bad)


def test_weights_of_another_shape_are_refused() -> None:
    right = weights(SMALL, 1)
    name = "blocks.1.theta.bias"
    for wrong in (right[name][:-1], right[name].astype(np.float64), None):
        given_ = {key: value for key, value in right.items() if key != name}
        given_ |= {} if wrong is None else {name: wrong}
        with pytest.raises(Invalid, match=r"^nhits: blocks\.1\.theta\.bias is float32 \(30,\), was "):
            NHITSArrays.of(SMALL, given_)


def test_weights_that_nobody_may_write_to_are_read_as_well() -> None:
    given_ = weights(SMALL, 7)
    given_["blocks.0.hidden.0.bias"].flags.writeable = False
    evidence = asked(tape(4, 30, 1), np.array([29]))
    assert NHITSMember(SMALL, NHITSArrays.of(SMALL, given_)).opine(evidence).up == member().opine(evidence).up


def test_a_tape_of_other_channels_is_refused_and_a_row_beyond_it_is_an_error_of_ours() -> None:
    with pytest.raises(Invalid, match=r"^nhits: a tape has 4 channels, was \(50, 3\)"):
        member().opine(asked(tape(3, 50, 1), np.array([30])))
    with pytest.raises(Invariant, match=r"^a row ends within its tape of 50 bars, was 50"):
        member().opine(asked(tape(4, 50, 1), np.array([50])))
