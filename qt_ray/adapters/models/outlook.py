"""Outlook: what an ensemble thinks of one bar, with everybody's reasons, to the bits of a backtest that came this far.

Features are made from the first bar on and the ensemble only remembers the past, so one opinion does not cost a
million. Reasons are in log-odds before calibration: what each feature, or each channel of the window, adds to a model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, nan

import numpy as np

from qt_ray.adapters.models.assembly import MODEL_FILES, network
from qt_ray.adapters.models.model_set import MINUTE_MS, ModelSet
from qt_ray.adapters.models.reference import contributions
from qt_ray.adapters.models.registry import Registry
from qt_ray.ai.ensemble.ensemble import Ensemble
from qt_ray.ai.ensemble.spec import SeatSpec
from qt_ray.ai.forecast import Floats, Forecasts, Predictor, Snapshot
from qt_ray.ai.history import CHANNELS
from qt_ray.ai.members.member import Evidence, Member, Silence
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.engine.backtest import BLOCK_BARS
from qt_ray.engine.pipeline import Remembering
from qt_ray.market.bars import Bars
from qt_ray.market.features.engine import FeatureEngine

TOP = 8


@dataclass(frozen=True, slots=True)
class Voice:
    """One member on one bar: its vote, and with reasons asked for the greatest of them first."""

    kind: str
    version: str
    raw: float
    calibrated: float
    weight: float
    silence: str
    reasons: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is thought of one symbol at one close."""

    symbol: str
    known_ms: int
    up: float
    confidence: float
    score: float
    agreement: int
    members: int
    disagreement: float
    move: float
    low: float
    high: float
    voices: tuple[Voice, ...]


@dataclass(frozen=True, slots=True)
class Manner:
    """How models are asked: with reasons, or in haste."""

    reasons: bool = False
    in_haste: bool = False


PLAIN = Manner()


def outlook(bars: Bars, models: ModelSet, at: int, symbols: tuple[str, ...], reasons: bool = False) -> list[Outlook]:
    """Return what an ensemble thinks of `symbols` at the close of bar `at`."""
    if not 0 <= at < len(bars):
        raise Invalid(f"bars 0 to {len(bars) - 1} are there, was asked for {at}")
    if strange := [symbol for symbol in symbols if symbol not in bars.symbols]:
        raise InvalidConfig(f"symbols of {', '.join(bars.symbols)}, was asked for {', '.join(strange)}")
    if models.spec is None:
        raise InvalidConfig(f"predictor.kind: ensemble, which has votes to show, was {models.recipe.kind}")
    return thoughts(bars.window(0, at + 1), models, symbols, Manner(reasons))


def thoughts(bars: Bars, models: ModelSet, symbols: tuple[str, ...], manner: Manner = PLAIN) -> list[Outlook]:
    """Return what models think of `symbols` at the last close, to the bits of a stream that came this far."""
    predictor, last, schema = models.predictor(bars.symbols, bars.interval_ms), len(bars) - 1, models.schema
    features = np.zeros((1, len(bars.symbols), 0))
    engine = None if schema is None else FeatureEngine(schema, bars.symbols, bars.interval_ms)
    for block in bars.window(0, last).blocks(BLOCK_BARS):
        if engine is not None:
            engine.block(block)
        if isinstance(predictor, Remembering):
            predictor.remember(block)
    if engine is not None:
        features = engine.block(bars.window(last, last + 1))
    return _asked(models, predictor, Snapshot(bars.window(last, last + 1), features), symbols, manner)


def thoughts_of(
    rows: Floats, ts: int, models: ModelSet, symbols: tuple[str, ...], manner: Manner = PLAIN
) -> list[Outlook]:
    """Return what models think of rows `[symbol, feature]` alone; whoever needs a window is silent."""
    interval_ms = models.interval_ms or MINUTE_MS
    nothing = np.full((1, len(symbols)), np.nan)
    bars = Bars(symbols, interval_ms, np.array([ts], dtype=np.int64), *(nothing,) * 5)
    return _asked(models, models.predictor(symbols, interval_ms), Snapshot(bars, rows[None]), symbols, manner)


def _asked(
    models: ModelSet, predictor: Predictor, snapshot: Snapshot, symbols: tuple[str, ...], manner: Manner
) -> list[Outlook]:
    if not isinstance(predictor, Ensemble):
        forecasts, why = predictor.predict(snapshot), None
    else:
        evidence, forecasts = predictor.ask(snapshot, manner.in_haste)
        root = models.recipe.root if manner.reasons else None
        why = Reasons(predictor, evidence, Registry(root)) if root else None
    placed = predictor.placed if isinstance(predictor, Ensemble) else ()
    places = [snapshot.bars.symbols.index(symbol) for symbol in symbols]
    return [_outlook(placed, forecasts, snapshot.bars, i, why) for i in places]


def _outlook(placed: tuple[SeatSpec, ...], forecasts: Forecasts, bars: Bars, i: int, why: "Reasons | None") -> Outlook:
    """Return one symbol's outlook; a rule has no votes, and says nothing of how far it will move."""
    ballot = forecasts.ballot
    row, votes = (ballot.outlook[0, i], ballot.votes[0, i]) if ballot else (None, ())
    return Outlook(
        symbol=bars.symbols[i],
        known_ms=int(bars.ts[0]) + bars.interval_ms,
        score=float(forecasts.score[0, i]),
        confidence=float(forecasts.confidence[0, i]),
        agreement=int(forecasts.agreement[0, i]),
        members=forecasts.members,
        voices=tuple(
            Voice(
                kind=spec.kind,
                version=spec.version,
                raw=float(vote["raw"]),
                calibrated=float(vote["calibrated"]),
                weight=float(vote["weight"]),
                silence=Silence(int(vote["silence"])).name.lower(),
                reasons=why.of(at, i) if why else {},
            )
            for at, (spec, vote) in enumerate(zip(placed, votes, strict=True))
        ),
        **{name: nan if row is None else float(row[name]) for name in ("up", "disagreement", "move", "low", "high")},
    )


@dataclass(frozen=True, slots=True)
class Reasons:
    """What moved the members of an ensemble over some evidence."""

    ensemble: Ensemble
    evidence: Evidence
    registry: Registry

    def of(self, seat: int, row: int) -> dict[str, float]:
        """Return the greatest parts of one member's opinion of one row, the greatest first."""
        member, spec = self.ensemble.seats[seat].member, self.ensemble.placed[seat]
        features = self.evidence.features[row]
        if member is None or not np.isfinite(features).all():
            return {}
        model = self.registry.artefact(spec.version, MODEL_FILES[spec.kind])
        if (
            member.lookback
        ):  # without its bounds: a window with a channel turned round is unlike any it has learned from
            told = channel_parts(network(spec.kind, model), self.evidence, row)
        else:
            told = dict(contributions(spec.kind, model, self.ensemble.needs, features))
        ranked = sorted(told.items(), key=lambda item: (-abs(item[1]), item[0]))
        return {name: value for name, value in ranked[:TOP] if value == value}


def channel_parts(member: Member, evidence: Evidence, i: int) -> dict[str, float]:
    """Return what each channel of the window adds: the log-odds less those with the channel read backwards.

    Backwards it has the same level and spread, which a network measures everything by, and no recent past.
    """
    stop = int(evidence.ends[i]) + 1
    if stop < member.lookback:
        return {}
    window = evidence.tape[stop - member.lookback : stop]
    tapes = [window]
    for channel in range(window.shape[1]):
        held = window.copy()
        held[:, channel] = held[::-1, channel]
        tapes.append(held)
    ends = np.arange(1, len(tapes) + 1, dtype=np.int64) * member.lookback - 1
    blank = np.zeros((len(tapes), evidence.features.shape[1]), np.float32)
    said = member.opine(Evidence(blank, np.concatenate(tapes), ends)).up
    odds = [log(p / (1.0 - p)) if 0.0 < p < 1.0 else float("nan") for p in said]
    return {name: odds[0] - odds[at + 1] for at, name in enumerate(CHANNELS)}


def closed_by(bars: Bars, at_ms: int | None) -> int:
    """Return the last bar that is closed by that moment; without one, the last there is."""
    if at_ms is None:
        return len(bars) - 1
    at = int(np.searchsorted(bars.ts + bars.interval_ms, at_ms, side="right")) - 1
    if at < 0:
        first = int(bars.ts[0]) + bars.interval_ms
        raise Invalid(f"at: a moment from the first close on, {first} ms, was {at_ms}")
    return at
