"""Opinions: what the fund's events say that somebody foretold, each as the probability of a higher price.

A decision foretells the way it wished to go, with the confidence it had; a member of an ensemble foretells by its vote.
Whoever wished for nothing, or was not sure of anything, foretold nothing. The regime is the last one that was told of
the symbol before.
"""

from typing import Final

from qt_ray.core.events import Event
from qt_ray.core.payloads import DecisionMade, PredictionReady, RegimeChanged
from qt_ray.monitoring.scorecards import UNKNOWN, Opinion

DECISIONS: Final = "decisions"
FORECAST: Final = "forecast"
KINDS: Final = frozenset({"decision.made", "model.prediction_ready", "market.regime.changed"})


class Listener:
    """Reads opinions off events, in the order in which they were told."""

    def __init__(self) -> None:
        """Begin with no regime known."""
        self.regimes: dict[str, str] = {}

    def opinions(self, event: Event) -> tuple[Opinion, ...]:
        """Return what an event foretells."""
        match event.payload:
            case RegimeChanged() as told:
                self.regimes[told.symbol] = told.new
            case DecisionMade() as made if made.confidence is not None and made.wish:
                up = made.confidence if made.wish > 0 else 1.0 - made.confidence
                return (self._of(DECISIONS, made.symbol, made.cycle_ms, up),)
            case PredictionReady() as ready:
                return self._votes(ready)
        return ()

    def _votes(self, ready: PredictionReady) -> tuple[Opinion, ...]:
        votes = {f"member {name}": vote for name, vote in ready.votes.items()}
        if ready.score and ready.confidence is not None:
            votes[FORECAST] = ready.confidence if ready.score > 0 else 1.0 - ready.confidence
        return tuple(self._of(name, ready.symbol, ready.cycle_ms, up) for name, up in votes.items() if up is not None)

    def _of(self, model: str, symbol: str, at_ms: int, up: float) -> Opinion:
        return Opinion(model, symbol, at_ms, up, self.regimes.get(symbol, UNKNOWN))
