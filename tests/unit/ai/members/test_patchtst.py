from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.members.member import Evidence, Silence
from qt_ray.ai.members.patchtst import PatchTSTMember, PatchTSTShape, folded
from qt_ray.core.errors import Invalid
from tests.unit.ai.members.patchtst_paper import SMALL, drawn, drawn_tape, paper

pytestmark = pytest.mark.unit

TAPE = drawn_tape(3, 90, SMALL.channels)
MEMBER = PatchTSTMember(SMALL, folded(SMALL, drawn(SMALL, 5)))


def shown(tape: np.ndarray, ends: list[int]) -> Evidence:
    return Evidence(np.zeros((len(ends), 0), np.float32), tape, np.array(ends, np.int64))


def spoken(tape: np.ndarray, ends: list[int], member: PatchTSTMember = MEMBER) -> np.ndarray:
    out, _ = member.raw(shown(tape, ends))
    return out


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("heads", [1, 2, 3])
def test_it_answers_as_the_paper_reads(seed: int, heads: int) -> None:
    shape = replace(SMALL, heads=heads)
    weights = drawn(shape, seed)
    member = PatchTSTMember(shape, folded(shape, weights))
    for end in (20, 50):
        truth = paper(shape, weights, TAPE[end - 20 : end + 1])
        found = spoken(TAPE, [end], member)[0]
        assert found[0] == pytest.approx(truth[0], abs=1e-5)
        assert np.abs(found[1:] - truth[1:]).max() < 1e-5 * (truth[5] - truth[1])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-1, 89), max_size=30), st.integers(0, 30))
def test_a_row_is_the_same_bits_in_any_company_and_order(ends: list[int], cut: int) -> None:
    alone = [MEMBER.raw(shown(TAPE, [end])) for end in ends]
    parts = [MEMBER.raw(shown(TAPE, part)) for part in (ends[:cut], ends[cut:])]
    whole = MEMBER.raw(shown(TAPE, ends[::-1]))
    for place in range(2):
        together = whole[place][::-1].tobytes()
        assert b"".join(answer[place].tobytes() for answer in alone) == together
        assert b"".join(answer[place].tobytes() for answer in parts) == together


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 88))
def test_bars_outside_the_window_change_nothing(seed: int, end: int) -> None:
    changed = drawn_tape(seed, 90, SMALL.channels)
    changed[end - 20 : end + 1] = TAPE[end - 20 : end + 1]
    assert spoken(changed, [end]).tobytes() == spoken(TAPE, [end]).tobytes()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2), st.integers(-6, 12))
def test_the_unit_of_a_channel_scales_the_quantiles_if_it_is_the_return_and_nothing_else(
    channel: int, power: int
) -> None:
    scaled = TAPE.copy()
    scaled[:, channel] *= np.float32(2.0) ** power
    before, after = spoken(TAPE, [40])[0], spoken(scaled, [40])[0]
    unit = 2.0**power if channel == 0 else 1.0
    assert after[0] == pytest.approx(before[0], abs=1e-5)
    assert np.abs(after[1:] / unit - before[1:]).max() < 1e-5 * (before[5] - before[1])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 2), st.integers(-64, 64))
def test_the_level_of_a_channel_changes_nothing_unless_it_is_the_return(channel: int, level: int) -> None:
    # Steps of 2^-15 survive the addition exactly, so that only the level differs.
    coarse = np.round(TAPE * np.float32(2**15)) / np.float32(2**15)
    moved = coarse.copy()
    moved[:, channel] += level
    before, after = spoken(coarse, [40])[0], spoken(moved, [40])[0]
    assert after[0] == pytest.approx(before[0], abs=1e-5)
    assert np.abs(after[1:] - before[1:]).max() < 1e-5 * (before[5] - before[1])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_quantiles_never_cross(seed: int) -> None:
    weights = {name: 5 * values for name, values in drawn(SMALL, seed).items()}
    out = spoken(TAPE, list(range(20, 90)), PatchTSTMember(SMALL, folded(SMALL, weights)))
    assert (np.diff(out[:, 1:], axis=1) >= 0.0).all()


def test_statistics_are_the_means_and_then_the_deviations_of_the_window() -> None:
    _, stats = MEMBER.raw(shown(TAPE, [30]))
    window = TAPE[10:31].astype(np.float64)
    assert stats[0] == pytest.approx(np.concatenate((window.mean(0), window.std(0))), rel=1e-6)


def test_a_market_that_stands_still_is_answered() -> None:
    still = np.tile(TAPE[:1], (90, 1))
    opinions = MEMBER.opine(shown(still, [20, 50]))
    assert opinions.silence.tolist() == [Silence.SPOKE, Silence.SPOKE]
    assert opinions.up[0] == opinions.up[1]


class Quiet:
    """Bounds that a mean of the return above a level lies outside of."""

    def __init__(self, level: float) -> None:
        self.level = level

    def outside(self, rows: np.ndarray) -> np.ndarray:
        assert not np.isnan(rows).any()
        return np.asarray(rows[:, 0] > self.level)


def test_a_silence_has_its_reason_and_no_numbers() -> None:
    tape = TAPE.copy()
    tape[30, 1], tape[60:, 0] = np.nan, 0.01
    member = replace(MEMBER, bounds=Quiet(0.005))
    opinions = member.opine(shown(tape, [-1, 19, 20, 29, 30, 50, 51, 85]))
    history, broken, outside = Silence.HISTORY, Silence.NOT_FINITE, Silence.OUT_OF_DISTRIBUTION
    assert opinions.silence.tolist() == [history, history, 0, 0, broken, broken, 0, outside]
    assert opinions.quantiles is not None
    silent = opinions.silence != Silence.SPOKE
    assert np.isnan(opinions.up[silent]).all()
    assert np.isnan(opinions.quantiles[silent]).all()
    assert ((opinions.up[~silent] > 0.0) & (opinions.up[~silent] < 1.0)).all()
    assert np.isfinite(opinions.quantiles[~silent]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channel", range(SMALL.channels))
@pytest.mark.parametrize("bar", [20, 30, 40])
def test_a_window_with_one_bad_number_is_not_judged(value: float, channel: int, bar: int) -> None:
    tape = TAPE.copy()
    tape[bar, channel] = value
    assert MEMBER.opine(shown(tape, [40])).silence.tolist() == [Silence.NOT_FINITE]


def test_no_row_is_no_opinion() -> None:
    opinions = MEMBER.opine(shown(TAPE, []))
    assert len(opinions.up) == len(opinions.silence) == 0


@pytest.mark.parametrize(
    ("tape", "ends", "rule"),
    [
        (TAPE, [90], "within its tape of 90 bars, was 90"),
        (TAPE[:, :2], [40], "has 3 channels"),
        (TAPE[0], [0], "channels"),
    ],
)
def test_evidence_that_does_not_fit_is_refused(tape: np.ndarray, ends: list[int], rule: str) -> None:
    with pytest.raises(Invalid, match=rf"^patchtst: .*{rule}"):
        MEMBER.opine(shown(tape, ends))


def test_a_shape_survives_a_file() -> None:
    assert PatchTSTShape.of(asdict(SMALL)) == SMALL


@pytest.mark.parametrize(
    "bad",
    [
        {"lookback": 0},
        {"lookback": 2_000},
        {"lookback": 96.0},
        {"channels": True},
        {"patch": 100},
        {"stride": 17},
        {"heads": 5},
        {"lookback": 1_000, "stride": 1},
        {"depth": 2},
    ],
)
def test_a_shape_that_no_network_has_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(Invalid, match=r"^patchtst: [^\n]*$"):
        PatchTSTShape.of(asdict(PatchTSTShape()) | bad)


def test_weights_that_do_not_fit_are_refused() -> None:
    weights = drawn(SMALL, 1)
    name = "layers.1.mix_norm.running_var"
    with pytest.raises(Invalid, match=r"embed.bias is \(6,\), was missing"):
        folded(SMALL, {each: values for each, values in weights.items() if each != "embed.bias"})
    with pytest.raises(Invalid, match=r"position is \(5, 6\), was \(6, 5\)"):
        folded(SMALL, weights | {"position": weights["position"].T})
    with pytest.raises(Invalid, match=r"a variance is 0 at least, was -1\.0 in layers\.1\.mix_norm"):
        folded(SMALL, weights | {name: -np.ones_like(weights[name])})
