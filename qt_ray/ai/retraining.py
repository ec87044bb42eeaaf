"""Retraining: whether a model should be trained anew, and why, from its age, the market since, and how it does now.

A reason is a sentence with the number and its limit. What is not known is no reason: a score over a handful of outcomes
says nothing, and a fund that trades without a model has none to train.
"""

from dataclasses import dataclass
from typing import Final

DAY_MS: Final = 86_400_000
BPS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Patience:
    """From when on a model is trained anew; decay is how much worse its Brier score is than when it was judged."""

    age_ms_max: int = 7 * DAY_MS
    new_bars_max: int = 10_000
    decay_bps_max: int = 500
    outcomes_min: int = 200


@dataclass(frozen=True, slots=True)
class Champion:
    """The model that trades: until when its data go, how long a bar is, and the score it was promoted with."""

    name: str
    version: str
    trained_to_ms: int
    interval_ms: int
    brier: float | None


@dataclass(frozen=True, slots=True)
class Form:
    """How a model does now, over so many outcomes; None is not known."""

    brier: float | None
    outcomes: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of a champion, and why it should be trained anew; no reason, no training."""

    champion: Champion
    age_ms: int
    new_bars: int
    decay_bps: int | None
    reasons: tuple[str, ...]


def found(champion: Champion, form: Form, at_ms: int, patience: Patience | None = None) -> Finding:
    """Return how a champion stands at a moment."""
    limits = patience or Patience()
    age_ms = max(at_ms - champion.trained_to_ms, 0)
    bars, decay_bps = age_ms // champion.interval_ms, decay(champion, form, limits.outcomes_min)
    reasons = []
    if age_ms >= limits.age_ms_max:
        reasons.append(f"its data end {age_ms // DAY_MS} days ago, limit {limits.age_ms_max // DAY_MS}")
    if bars >= limits.new_bars_max:
        reasons.append(f"{bars} bars have closed since, limit {limits.new_bars_max}")
    if decay_bps is not None and decay_bps >= limits.decay_bps_max:
        reasons.append(f"its Brier score is {decay_bps} bps worse, limit {limits.decay_bps_max}")
    return Finding(champion, age_ms, bars, decay_bps, tuple(reasons))


def decay(champion: Champion, form: Form, outcomes_min: int) -> int | None:
    """Return how much worse a champion is than it was, in parts of 10,000; nothing where that is not known."""
    if champion.brier is None or form.brier is None or champion.brier <= 0 or form.outcomes < outcomes_min:
        return None
    return round((form.brier / champion.brier - 1.0) * BPS)
