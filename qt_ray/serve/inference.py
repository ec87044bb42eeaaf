"""Inference: forecasts, sizes and reasons, by one version an answer, within the time that its asker gives.

A plain object without HTTP and without Ray. A request takes what serves once, so no answer is of two versions; what
cannot be answered in time is asked in haste, and else refused: a late forecast is worth less than none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from qt_ray.actors.live_models import LiveModels, Served
from qt_ray.adapters.clock import monotonic_ns
from qt_ray.adapters.models.model_set import ModelSet
from qt_ray.adapters.models.outlook import Manner, Outlook, thoughts, thoughts_of
from qt_ray.adapters.settings_serving import Serving
from qt_ray.adapters.workbench import Late, Workbench
from qt_ray.ai.ladder import Ladder, Rung
from qt_ray.ai.sizing import SizerPlan
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.instruments import Instrument
from qt_ray.core.policy import Policy
from qt_ray.engine.sizes import Asked, Size, size_of
from qt_ray.market.regime import Regime
from qt_ray.serve.forecast_bodies import Question, SizeQuestion

NS_PER_MS: Final = 1e6


class NoModels(Retryable):
    """No version serves here yet."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was thought, by which version, and how much of it was asked."""

    name: str
    version: str
    epoch: int
    rung: str
    forecasts: list[Outlook]


@dataclass(frozen=True, slots=True)
class SizingRules:
    """What sizes follow from: the plan, the instruments and the policy that a fund begins with."""

    plan: SizerPlan
    policy: Policy
    instruments: Sequence[Instrument]


class Inference:
    """Answers questions by the models that serve in this process."""

    def __init__(self, models: LiveModels[ModelSet], rules: SizingRules, limits: Serving) -> None:
        """Be ready to be asked."""
        self.models, self.limits = models, limits
        self._rules = {instrument.symbol: instrument for instrument in rules.instruments}, rules
        self._bench, self._ladder = Workbench(limits.waiting_max), Ladder()

    async def predict(self, question: Question, within_ms: float, reasons: bool = False) -> Answer:
        """Return forecasts, with reasons on demand; Late, Crowded or NoModels if there are none in time."""
        self._check(question)
        served = self._served()
        return await self._bench.done(lambda left_ms: self._thought(served, question, reasons, left_ms), within_ms)

    async def size(self, opinions: Sequence[SizeQuestion], within_ms: float) -> list[tuple[str, Size]]:
        """Return what opinions would be worth."""
        if len(opinions) > self.limits.symbols_max:
            raise Invalid(f"opinions: at most {self.limits.symbols_max}, were {len(opinions)}")
        return await self._bench.done(lambda left_ms: [self._sized(one) for one in opinions], within_ms)

    def described(self) -> dict[str, Any]:
        """Return what serves, what it is made of, and what it wants to be told."""
        served = self._served()
        models, spec = served.models, served.models.spec
        return {
            "name": models.recipe.kind,
            "version": served.live.version,
            "epoch": served.live.epoch,
            "interval_ms": models.interval_ms,
            "lookback_bars": models.lookback,
            "warmup_bars": models.warmup,
            "features": list(models.schema.names if models.schema else ()),
            "schema": models.schema.hash if models.schema else None,
            "members": [
                {"kind": seat.kind, "version": seat.version, "trained_to_ms": seat.trained_to_ms}
                for seat in (spec.seats if spec else ())
            ],
            "refused": dict(self.models.refused),
        }

    def rest(self) -> None:
        """Take on no more work."""
        self._bench.rest()

    def _served(self) -> Served[ModelSet]:
        served = self.models.served
        if served is None:
            raise NoModels("a version serves once it is loaded, none does yet")
        return served

    def _check(self, question: Question) -> None:
        if len(question.symbols) > self.limits.symbols_max:
            raise Invalid(f"symbols: at most {self.limits.symbols_max}, were {len(question.symbols)}")
        for symbol, candles in (question.bars or {}).items():
            if len(candles.ts) > self.limits.bars_max:
                raise Invalid(f"bars.{symbol}: at most {self.limits.bars_max} bars, were {len(candles.ts)}")

    def _thought(self, served: Served[ModelSet], question: Question, reasons: bool, left_ms: float) -> Answer:
        rung = Rung.FULL if reasons else self._ladder.rung(left_ms)
        if rung is Rung.ABSTAIN:
            raise Late(f"a forecast takes longer than the {left_ms:.0f} ms that are left")
        began_ns, manner = monotonic_ns(), Manner(reasons, rung is Rung.IN_HASTE)
        found = self._outlooks(served.models, question, manner)
        if not reasons:
            self._ladder.took(rung, (monotonic_ns() - began_ns) / NS_PER_MS)
        return Answer(served.models.recipe.kind, served.live.version, served.live.epoch, rung.name.lower(), found)

    def _outlooks(self, models: ModelSet, question: Question, manner: Manner) -> list[Outlook]:
        if question.features is not None:
            if models.schema is None:
                raise Invalid(f"features: {models.recipe.kind} reads bars alone")
            rows, ts = question.rows(models.schema.hash, len(models.schema))
            return thoughts_of(rows, ts, models, question.symbols, manner)
        found = {one.symbol: one for bars in question.groups() for one in thoughts(bars, models, bars.symbols, manner)}
        return [found[symbol] for symbol in question.symbols]

    def _sized(self, asked: SizeQuestion) -> tuple[str, Size]:
        instruments, rules = self._rules
        if asked.symbol not in instruments:
            raise Invalid(f"symbol: one of {', '.join(instruments)}, was {asked.symbol}")
        equity, mark, position = (Decimal(text) for text in (asked.equity, asked.mark, asked.position))
        told = Asked(asked.score, equity, mark, position, asked.atr_bps, Regime[asked.regime])
        return asked.symbol, size_of(instruments[asked.symbol], rules.plan, rules.policy, told)
