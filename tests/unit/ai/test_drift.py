"""What drifts is named, measured and dated; what does not is left in peace, and what is unknown is no alarm."""

from math import nan

import numpy as np
import pytest

from qt_ray.ai.drift import FORECAST, LOSS, Drift, DriftFinding, DriftLimits, DriftWatch, Part
from qt_ray.ai.drift_shape import learned
from qt_ray.ai.members.member import Floats
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

BAR_MS, SYMBOLS, BEGIN, BARS = 60_000, 4, 500, 1_200
LIMITS = DriftLimits(window_bars=320, bars_min=100)


class Market:
    """Columns of a model that was trained on the first of them; from BEGIN on one of them may be another."""

    def __init__(self, seed: int, bars: int = BARS) -> None:
        dice = np.random.default_rng(seed)
        shape = (bars, SYMBOLS)
        self.features = dice.normal(0.0, 1.0, (*shape, 2))
        self.forecasts = np.clip(dice.normal(0.5, 0.1, shape), 0.0, 1.0)
        self.losses = np.clip(dice.normal(0.25, 0.1, shape), 0.0, 1.0)
        self.past = dice.normal(0.0, 1.0, (1_000, SYMBOLS)), np.clip(dice.normal(0.5, 0.1, (1_000, SYMBOLS)), 0, 1)

    def findings(self, limits: DriftLimits = LIMITS) -> list[DriftFinding]:
        features, forecast = (learned(column) for column in self.past)
        watch = DriftWatch({"a": features, "b": features}, forecast, limits)
        columns = zip(self.features, self.forecasts, self.losses, strict=True)
        return [watch.see(bar * BAR_MS, *column) for bar, column in enumerate(columns)]


def first(found: list[DriftFinding]) -> tuple[int, Drift]:
    """Return the first drift, and in which bar it was told."""
    return next((bar, finding.drifts[0]) for bar, finding in enumerate(found) if finding.drifts)


def test_a_market_that_stays_as_it_was_drifts_in_no_part() -> None:
    alarmed = sum(any(found.drifts for found in Market(seed).findings()) for seed in range(8))
    assert alarmed == 0


def test_a_feature_that_moved_is_named_with_its_distance_and_since_when() -> None:
    market = Market(1)
    market.features[BEGIN:, :, 1] += 1.0
    found = market.findings()
    bar, drift = first(found)
    assert (drift.part, drift.name, drift.since_ms) == (Part.FEATURES, "b", bar * BAR_MS)
    assert BEGIN < bar < BEGIN + LIMITS.window_bars
    assert drift.amount > drift.limit >= LIMITS.psi_max
    assert found[-1].parts == {Part.FEATURES}
    assert found[-1].drifts[0].since_ms == drift.since_ms


def test_forecasts_that_moved_are_the_models() -> None:
    market = Market(2)
    market.forecasts[BEGIN:] += 0.15
    bar, drift = first(market.findings())
    assert (drift.part, drift.name) == (Part.FORECASTS, FORECAST)
    assert BEGIN < bar < BEGIN + LIMITS.window_bars


def test_losses_that_rose_are_the_funds_until_they_fall_again() -> None:
    market = Market(3, 2_400)
    market.losses[BEGIN : 2 * BEGIN] += 0.10
    found = market.findings()
    bar, drift = first(found)
    assert (drift.part, drift.name) == (Part.PERFORMANCE, LOSS)
    assert BEGIN < bar < BEGIN + 60
    assert abs(drift.since_ms / BAR_MS - BEGIN) <= 20
    assert found[2 * BEGIN - 1].of(Part.PERFORMANCE)[0].amount == pytest.approx(0.10, abs=0.03)
    assert found[-1].drifts == ()


def test_a_better_result_is_no_drift() -> None:
    market = Market(4)
    market.losses[BEGIN:] -= 0.10
    assert not any(found.of(Part.PERFORMANCE) for found in market.findings())


def test_a_bar_of_nothing_known_raises_no_alarm_and_half_a_window_of_holes_does() -> None:
    market = Market(5)
    for columns in (market.features, market.forecasts, market.losses):
        columns[BEGIN] = nan
    assert not any(found.drifts for found in market.findings())
    market.features[BEGIN:, ::2, 0] = nan
    _, drift = first(market.findings())
    assert (drift.part, drift.name) == (Part.FEATURES, "a")


def test_losses_that_nobody_knows_are_no_performance() -> None:
    market = Market(6)
    market.losses[BEGIN:] = nan
    assert not any(found.of(Part.PERFORMANCE) for found in market.findings())


def repeated(values: Floats, times: int) -> Floats:
    return np.repeat(values[: len(values) // times], times, axis=0)


def test_bars_that_repeat_each_other_are_no_more_than_one_observation() -> None:
    limits = DriftLimits(window_bars=320, bars_min=100, persistence_bars=12)
    alarmed = 0
    for seed in range(6):
        market = Market(seed)
        market.features, market.forecasts = repeated(market.features, 12), repeated(market.forecasts, 12)
        market.losses = repeated(market.losses, 12)
        alarmed += any(found.drifts for found in market.findings(limits))
    assert alarmed == 0


def test_all_that_drifts_is_told_worst_first_within_its_part() -> None:
    market = Market(7)
    market.features[BEGIN:, :, 0] += 0.8
    market.features[BEGIN:, :, 1] += 2.0
    market.losses[BEGIN:] += 0.2
    last = market.findings()[-1]
    assert [(drift.part, drift.name) for drift in last.drifts] == [
        (Part.FEATURES, "b"),
        (Part.FEATURES, "a"),
        (Part.PERFORMANCE, LOSS),
    ]


def test_distances_are_told_before_they_are_much() -> None:
    reference = learned(np.arange(100.0))
    watch = DriftWatch({"a": reference}, reference)
    assert set(watch.distances()) == {"a", FORECAST}


def test_bars_come_in_order_and_limits_make_sense() -> None:
    reference = learned(np.arange(100.0))
    watch = DriftWatch({"a": reference}, reference)
    nothing = np.empty(0)
    watch.see(1, np.empty((0, 1)), nothing, nothing)
    with pytest.raises(Invalid, match="after the one before"):
        watch.see(1, np.empty((0, 1)), nothing, nothing)
    with pytest.raises(Invalid, match="psi_max"):
        DriftLimits(psi_max=0.0)
    with pytest.raises(Invalid, match="bars_min"):
        DriftLimits(window_bars=160, bars_min=151)
