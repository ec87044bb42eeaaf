"""Ensemble: the predictor that hears every member, and keeps what each of them said.

It looks at closed bars and their features only, remembers as many bars as its hungriest member needs, and answers one
bar or a million to the same bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.ensemble.blend import Counted, Heard, blend, terms
from qt_ray.ai.ensemble.spec import WEIGHT_MAX, EnsembleSpec, SeatSpec
from qt_ray.ai.forecast import Forecasts, Snapshot
from qt_ray.ai.history import History
from qt_ray.ai.members.member import QUANTILES, Evidence, Floats, Member, Silence
from qt_ray.ai.votes import Ballot, OutlookRow, VoteRow
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.core.records import empty
from qt_ray.market.bars import Bars
from qt_ray.market.features.at import At
from qt_ray.market.regime import RegimeState, observe_columns, regime_params

DAY_MS = 86_400_000
# Every move is measured against this feature's: the deviation of one bar's return.
VOLATILITY = At.VOLATILITY_60.label


@dataclass(frozen=True, slots=True)
class Seat:
    """A member in its place, or why the place is empty."""

    member: Member | None
    silence: Silence = Silence.SPOKE

    def __post_init__(self) -> None:
        if (self.member is None) is (self.silence is Silence.SPOKE):
            raise Invalid("a seat has a member or a reason why it has none")


@dataclass(frozen=True, slots=True)
class Conduct:
    """What may change from day to day without another training: who is asked, trust in them, age, the least edge.

    `supervised` multiplies the weights, in order of seats; no `edge_min_bps` takes the costs the labels were made with.
    """

    panel: str = "all"
    supervised: tuple[float, ...] = ()
    age_max_days: int | None = None
    edge_min_bps: float | None = None


USUAL = Conduct()


class Ensemble:
    """Several calibrated members behind the predictor's port."""

    name = "ensemble"

    def __init__(
        self, spec: EnsembleSpec, seats: Sequence[Seat], symbols: tuple[str, ...], conduct: Conduct = USUAL
    ) -> None:
        named = spec.seats_of(conduct.panel)
        if len(seats) != len(named):
            raise Invalid(f"ensemble: a seat for each of {len(named)} members, were {len(seats)}")
        self.spec, self.seats, self.conduct, self.needs = spec, tuple(seats), conduct, spec.features
        self.symbols = symbols
        self._volatility = _place(spec, VOLATILITY)
        edge = spec.cost_bps if conduct.edge_min_bps is None else conduct.edge_min_bps
        self._terms = terms(spec, conduct.panel, _supervised(conduct, len(named)), edge)
        age = inf if conduct.age_max_days is None else conduct.age_max_days * DAY_MS
        self._stale_ms = np.array([seat.trained_to_ms + age for seat in named])
        lookback = max((seat.member.lookback for seat in seats if seat.member), default=0)
        self._history = History(symbols, lookback) if lookback else None
        self._regimes = empty(RegimeState, len(symbols))

    @property
    def placed(self) -> tuple[SeatSpec, ...]:
        """Return who sits where, in the order of votes."""
        return self.spec.seats_of(self.conduct.panel)

    def predict(self, snapshot: Snapshot) -> Forecasts:
        """Return an opinion for every bar of the snapshot, with everybody's votes."""
        return self.ask(snapshot)[1]

    def ask(self, snapshot: Snapshot, in_haste: bool = False) -> tuple[Evidence, Forecasts]:
        """Return the opinions and the evidence they rest on; in haste only those who need no window are heard."""
        bars, shape = snapshot.bars, (len(snapshot.bars), len(snapshot.bars.symbols))
        self._require(bars)
        if snapshot.features.shape[2] != len(self.needs):
            raise Invalid(f"ensemble: rows of {len(self.needs)} features, were of {snapshot.features.shape[2]}")
        evidence = self._evidence(snapshot)
        counted = self.weigh(evidence, self._regime(bars), self._known(bars), in_haste)
        return evidence, Forecasts(
            counted.score.reshape(shape),
            counted.confidence.reshape(shape),
            counted.agreement.reshape(shape),
            len(self.seats),
            Ballot(counted.votes.reshape((*shape, len(self.seats))), counted.outlook.reshape(shape)),
        )

    def remember(self, bars: Bars) -> None:
        """Take bars as past without an opinion on them; much cheaper than having one."""
        self._require(bars)
        self._regime(bars)
        if self._history:
            self._history.feed(bars)

    def _require(self, bars: Bars) -> None:
        if bars.symbols != self.symbols:
            raise Invalid(f"ensemble: bars of the {len(self.symbols)} symbols it began with, were of others")
        if bars.interval_ms != self.spec.interval_ms:
            raise InvalidConfig(f"ensemble: bars of {self.spec.interval_ms} ms, were of {bars.interval_ms} ms")

    def _evidence(self, snapshot: Snapshot) -> Evidence:
        """Return what members may look at, one row per bar and symbol; remembers the bars for the next call."""
        rows = snapshot.features.reshape(-1, len(self.needs))
        with np.errstate(over="ignore"):  # beyond single precision is not finite, and so is silence
            features = rows.astype(np.float32)
        if self._history is None:
            return Evidence(features, np.zeros((0, 0), np.float32), np.full(len(rows), -1, dtype=np.int64))
        tape, ends = self._history.feed(snapshot.bars)
        return Evidence(features, tape, ends)

    def weigh(
        self, evidence: Evidence, regime: NDArray[np.uint8], known_ms: NDArray[np.int64], in_haste: bool = False
    ) -> Counted:
        """Return every row's votes, counted."""
        counted = _room(len(evidence), len(self.seats))
        blend(self._terms, self._hear(evidence, regime, known_ms, in_haste), counted)
        return counted

    def _hear(
        self, evidence: Evidence, regime: NDArray[np.uint8], known_ms: NDArray[np.int64], in_haste: bool
    ) -> Heard:
        """Return every member's raw opinion of every row."""
        count, members = len(evidence), len(self.seats)
        up = np.full((count, members), np.nan)
        silence = np.zeros((count, members), np.uint8)
        quantiles = np.full((count, members, len(QUANTILES)), np.nan)
        for at, seat in enumerate(self.seats):
            if seat.member is None or (in_haste and seat.member.lookback):
                silence[:, at] = seat.silence or Silence.LATE
                continue
            said = seat.member.opine(evidence)
            up[:, at], silence[:, at] = said.up, said.silence
            if said.quantiles is not None:
                quantiles[:, at] = said.quantiles
            spoke = silence[:, at] == Silence.SPOKE
            silence[spoke & (known_ms > self._stale_ms[at]), at] = Silence.STALE
        volatility = evidence.features[:, self._volatility].astype(np.float64)
        measured = (volatility > 0.0) & (volatility < inf)
        silence[~measured[:, None] & (silence == Silence.SPOKE)] = Silence.NOT_FINITE
        return Heard(up, silence, quantiles, volatility, regime)

    def _regime(self, bars: Bars) -> NDArray[np.uint8]:
        out = np.zeros(bars.close.shape, np.uint8)
        high, low, close = (np.ascontiguousarray(column) for column in (bars.high, bars.low, bars.close))
        observe_columns(self._regimes, regime_params(), high, low, close, out)
        return out.reshape(-1)

    def _known(self, bars: Bars) -> NDArray[np.int64]:
        return np.repeat(bars.ts + bars.interval_ms, len(bars.symbols))


def _place(spec: EnsembleSpec, name: str) -> int:
    if name not in spec.features:
        raise Invalid(f"ensemble: {name} is among its features, was not")
    return spec.features.index(name)


def _supervised(conduct: Conduct, count: int) -> Floats:
    trust = conduct.supervised or (1.0,) * count
    if len(trust) != count or not all(0.0 <= one <= WEIGHT_MAX for one in trust):
        raise InvalidConfig(f"ensemble: a weight from 0 to {WEIGHT_MAX} for each of {count} members, were {trust}")
    return np.array(trust)


def _room(count: int, members: int) -> Counted:
    votes = empty(VoteRow, count * members).reshape(count, members)
    return Counted(votes, empty(OutlookRow, count), np.empty(count), np.empty(count), np.empty(count, dtype=np.uint8))
