"""Stage: one model set with the memory of one fund's bars, which is the first stage of its decisions.

A set that serves next is warmed on a market of its own, so that its first opinion costs what every other does and how
much of it fits a deadline is known beforehand. The fund's own past it is shown with the first question.
"""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from qt_ray.adapters.clock import monotonic_ns
from qt_ray.adapters.models.model_set import ModelSet
from qt_ray.ai.ensemble.ensemble import Ensemble
from qt_ray.ai.forecast import Floats, Forecasts, Predictor
from qt_ray.ai.forecast import Snapshot as Seen
from qt_ray.ai.ladder import Ladder, Rung
from qt_ray.core.errors import Invalid
from qt_ray.engine.backtest import SCHEMA
from qt_ray.engine.pipeline import Forecaster, Opinion, Remembering, Snapshot, abstained
from qt_ray.market.bars import Bars
from qt_ray.market.features.engine import FeatureEngine
from qt_ray.market.synthetic import synthetic

WARM_SEED: Final = 1
WARM_ASKS: Final = 4
NS_PER_MS: Final = 1e6


class Hurried:
    """An ensemble as a predictor that is told beforehand how much of it to ask."""

    def __init__(self, ensemble: Ensemble) -> None:
        self.name, self.needs, self.rung = ensemble.name, ensemble.needs, Rung.FULL
        self._ensemble = ensemble

    def predict(self, seen: Seen) -> Forecasts:
        """Return an opinion of whoever is asked; bars that nobody is asked about are remembered all the same."""
        if self.rung is Rung.ABSTAIN:
            self.remember(seen.bars)
            return abstained(seen.bars)
        return self._ensemble.ask(seen, in_haste=self.rung is Rung.IN_HASTE)[1]

    def remember(self, bars: Bars) -> None:
        """Take bars as past without an opinion on them."""
        self._ensemble.remember(bars)


class Stage:
    """The first stage of decisions about `symbols`; `rung` is how much of the models was asked last."""

    def __init__(
        self,
        models: ModelSet,
        symbols: tuple[str, ...],
        interval_ms: int,
        clock_ns: Callable[[], int] = monotonic_ns,
    ) -> None:
        """Begin without a past; Invalid if these models are about other bars."""
        self.models, self.rung, self.ladder = models, Rung.FULL, Ladder()
        predictor = models.predictor(symbols, interval_ms)
        self._hurried = Hurried(predictor) if isinstance(predictor, Ensemble) else None
        self._forecaster = Forecaster(self._hurried or predictor, models.version)
        self._columns = [SCHEMA.index(name) for name in predictor.needs]
        self._clock_ns = clock_ns

    def opinion(self, snapshot: Snapshot, left_ms: float) -> Opinion:
        """Return what can be thought of a snapshot in the time that is left; features are all, or those needed."""
        self.rung = self.ladder.rung(left_ms)
        if self._hurried is not None:
            self._hurried.rung = self.rung
        began_ns = self._clock_ns()
        found = self._forecaster.predict(
            Snapshot(snapshot.bars, self._needed(snapshot.features), snapshot.world, snapshot.past, snapshot.told)
        )
        if not found.is_behind:
            self.ladder.took(self.rung, (self._clock_ns() - began_ns) / NS_PER_MS)
        return Opinion(snapshot, found.forecasts, found.version, found.is_behind)

    def _needed(self, features: Floats) -> Floats:
        width = features.shape[2]
        if width == len(SCHEMA):
            return features[:, :, self._columns]
        if width != len(self._columns):
            raise Invalid(f"features: all {len(SCHEMA)} or the {len(self._columns)} needed, were {width}")
        return features


def staged(models: ModelSet, symbols: tuple[str, ...], interval_ms: int) -> Stage:
    """Return the stage of a set, warm: it has been asked about a market that never was, on every rung."""
    stage = Stage(models, symbols, interval_ms)
    predictor = models.predictor(symbols, interval_ms)
    hurried = Hurried(predictor) if isinstance(predictor, Ensemble) else None
    rungs = (Rung.FULL, Rung.IN_HASTE) if hurried else (Rung.FULL,)
    for at, seen in enumerate(_rehearsal(hurried or predictor, models, symbols, interval_ms)):
        rung = rungs[at % len(rungs)]
        if hurried:
            hurried.rung = rung
        began_ns = monotonic_ns()
        (hurried or predictor).predict(seen)
        if at >= WARM_ASKS:  # the first ones pay for what is compiled and never paid for again
            stage.ladder.took(rung, (monotonic_ns() - began_ns) / NS_PER_MS)
    return stage


def _rehearsal(predictor: Predictor, models: ModelSet, symbols: tuple[str, ...], interval_ms: int) -> Iterator[Seen]:
    """Yield bars to be asked about, one by one, after a predictor has been shown those before them."""
    bars = synthetic(symbols, interval_ms, WARM_SEED).bars(models.warmup + 2 * WARM_ASKS)
    features = np.zeros((len(bars), len(symbols), 0))
    if models.schema is not None:
        features = FeatureEngine(models.schema, symbols, interval_ms).block(bars)
    first = len(bars) - 2 * WARM_ASKS
    if isinstance(predictor, Remembering):
        predictor.remember(bars.window(0, first))
    for at in range(first, len(bars)):
        yield Seen(bars.window(at, at + 1), features[at : at + 1])
