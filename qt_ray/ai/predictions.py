"""Predictions: an opinion as it is told to whoever keeps score, symbol by symbol, with every member's vote.

A member that was silent has no vote, and a symbol on which nobody spoke is not told of: an abstention foretells
nothing. Votes are calibrated probabilities of a higher price.
"""

from collections.abc import Iterator, Sequence
from math import isfinite

from qt_ray.ai.forecast import Forecasts
from qt_ray.core.payloads import PredictionReady


def predictions(
    symbols: Sequence[str], close_ms: int, forecasts: Forecasts, names: Sequence[str] = ()
) -> Iterator[PredictionReady]:
    """Yield what the last bar of `forecasts` foretells; members bear their names where each has one."""
    told = names if len(names) == forecasts.members else [str(number) for number in range(forecasts.members)]
    for column, symbol in enumerate(symbols):
        score = _known(forecasts.score[-1, column])
        if score is None:
            continue
        confidence, votes = _known(forecasts.confidence[-1, column]), _votes(forecasts, column, told)
        yield PredictionReady(symbol, close_ms, score, confidence, votes)


def _votes(forecasts: Forecasts, column: int, names: Sequence[str]) -> dict[str, float | None]:
    if forecasts.ballot is None:
        return {}
    row = forecasts.ballot.votes[-1, column]["calibrated"]
    return {name: _known(row[at]) for at, name in enumerate(names)}


def _known(value: float) -> float | None:
    number = float(value)
    return number if isfinite(number) else None
