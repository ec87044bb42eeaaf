"""Scorecards: what was foretold, joined with what followed, by model and by regime.

An opinion and the two closes it is about may arrive in any order and again; each is joined once. What came out is known
only when both closes are; an opinion whose close never came is counted as lost and judged neither way. Nothing is held
against a model that abstained.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any, Final

import numpy as np

from qt_ray.ai.scores import accuracy, brier, ece, log_loss
from qt_ray.core.errors import Invalid

OUTCOMES_MAX: Final = 5_000
WAITING_MAX: Final = 50_000
CLOSES_MAX: Final = 3_000
BINS: Final = 10
BPS: Final = 10_000
ALL: Final = "all"
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a model said at a close: the probability that the price is higher at the horizon, in which regime."""

    model: str
    symbol: str
    at_ms: int
    up: float
    regime: str = UNKNOWN

    def __post_init__(self) -> None:
        if not 0 <= self.up <= 1:
            raise Invalid(f"{self.model}: a probability is from 0 to 1, was {self.up}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """An opinion and the return that followed."""

    said: Opinion
    move: float


class Scorecards:
    """Opinions and what followed them, at one horizon, bounded; the oldest are forgotten."""

    def __init__(self, horizon_ms: int, outcomes_max: int = OUTCOMES_MAX) -> None:
        """Begin with nothing said."""
        if horizon_ms <= 0:
            raise Invalid(f"horizon_ms: positive, was {horizon_ms}")
        self.horizon_ms = horizon_ms
        self.lost: Counter[str] = Counter()
        self._outcomes_max = outcomes_max
        self._closes: dict[str, OrderedDict[int, float]] = {}
        self._waiting: OrderedDict[tuple[str, str, int], Opinion] = OrderedDict()
        self._judged: OrderedDict[tuple[str, str, int], None] = OrderedDict()
        self._outcomes: dict[str, deque[Outcome]] = {}
        self._newest_ms = 0

    def hear(self, said: Opinion) -> None:
        """Take in an opinion; what was said first about a close counts."""
        key = (said.model, said.symbol, said.at_ms)
        if key in self._judged or key in self._waiting:
            return
        self._waiting[key] = said
        self._judge([said])
        while len(self._waiting) > WAITING_MAX:
            self._lose(next(iter(self._waiting)))

    def close(self, symbol: str, at_ms: int, price: float) -> None:
        """Take in a close; a price that is none is not known."""
        if not (isfinite(price) and price > 0):
            return
        closes = self._closes.setdefault(symbol, OrderedDict())
        closes.setdefault(at_ms, price)
        while len(closes) > CLOSES_MAX:
            closes.popitem(last=False)
        self._newest_ms = max(self._newest_ms, at_ms)

    def settle(self) -> None:
        """Join what can be joined since closes came in, and give up what never will be."""
        self._judge(self._waiting.values())
        lost_ms = self._newest_ms - 2 * self.horizon_ms
        for key in [key for key, said in self._waiting.items() if said.at_ms + self.horizon_ms < lost_ms]:
            self._lose(key)

    @property
    def models(self) -> tuple[str, ...]:
        """Return every model that was heard."""
        waiting = {said.model for said in self._waiting.values()}
        return tuple(sorted(self._outcomes.keys() | waiting | self.lost.keys()))

    @property
    def counts(self) -> dict[str, int]:
        """Return over how many outcomes each model is judged; that costs nothing, and a card does."""
        return {model: len(self._outcomes.get(model, ())) for model in self.models}

    def card(self, model: str, regime: str = ALL) -> dict[str, Any]:
        """Return how good a model was, overall or in one regime; a number that nobody can know yet is null."""
        found = [one for one in self._outcomes.get(model, ()) if regime in (ALL, one.said.regime)]
        waiting = sum(s.model == model and regime in (ALL, s.regime) for s in self._waiting.values())
        return {
            "model": model,
            "regime": regime,
            "count": len(found),
            "waiting": waiting,
            **({"lost": self.lost[model]} if regime == ALL else {}),
            **_scores(found),
            "calibration": _bins(found),
        }

    def cards(self) -> list[dict[str, Any]]:
        """Return every model's card, overall and by regime."""
        return [self.card(model, regime) for model in self.models for regime in (ALL, *self._regimes(model))]

    def _regimes(self, model: str) -> list[str]:
        return sorted({one.said.regime for one in self._outcomes.get(model, ())})

    def _judge(self, opinions: Iterable[Opinion]) -> None:
        for said in list(opinions):
            closes = self._closes.get(said.symbol) or OrderedDict[int, float]()
            before, after = closes.get(said.at_ms), closes.get(said.at_ms + self.horizon_ms)
            if before is not None and after is not None:
                key = (said.model, said.symbol, said.at_ms)
                del self._waiting[key]
                self._done(key)
                kept = self._outcomes.setdefault(said.model, deque(maxlen=self._outcomes_max))
                kept.append(Outcome(said, after / before - 1.0))

    def _lose(self, key: tuple[str, str, int]) -> None:
        self.lost[self._waiting.pop(key).model] += 1
        self._done(key)

    def _done(self, key: tuple[str, str, int]) -> None:
        self._judged[key] = None
        while len(self._judged) > WAITING_MAX:
            self._judged.popitem(last=False)


def _scores(found: list[Outcome]) -> dict[str, float | None]:
    """Return the scores of outcomes; a move of nothing went neither way."""
    p = np.array([one.said.up for one in found], dtype=np.float64)
    move = np.array([one.move for one in found], dtype=np.float64)
    up = np.where(move > 0, 1.0, np.where(move < 0, 0.0, nan)).astype(np.float32)
    gained = np.sign(p - 0.5) * move
    won, lost = float(gained[gained > 0].sum()), float(-gained[gained < 0].sum())
    return {
        "win_rate": _known(accuracy(p, up)),
        "brier": _known(brier(p, up)),
        "log_loss": _known(log_loss(p, up)),
        "ece": _known(ece(p, up)),
        "mean_move_bps": _known(float(gained.mean()) * BPS if len(gained) else nan),
        "profit_factor": _known(won / lost if lost else nan),
    }


def _bins(found: list[Outcome]) -> list[dict[str, float | int]]:
    """Return how often what was foretold happened, by tenths of probability; an empty tenth is left out."""
    sides = [one for one in found if one.move != 0]
    tenths = [min(int(one.said.up * BINS), BINS - 1) for one in sides]
    rows = []
    for tenth in sorted(set(tenths)):
        inside = [one for one, at in zip(sides, tenths, strict=True) if at == tenth]
        foretold = sum(one.said.up for one in inside) / len(inside)
        happened = sum(one.move > 0 for one in inside) / len(inside)
        rows.append({"from": tenth / BINS, "count": len(inside), "foretold": foretold, "happened": happened})
    return rows


def _known(value: float) -> float | None:
    return value if isfinite(value) else None
