"""Carry: what it costs to hold, and how far the mark stands from the trade.

Funding is known from the bar that opens with a settlement; basis from the bar's own mark. Where the data
has never been seen, or a mark is missing, the columns are NaN and nothing is assumed.
"""

from math import inf, nan, sqrt

from qt_ray.core.compiled import inlined
from qt_ray.market.features.at import At
from qt_ray.market.features.state import FeatureState, Floats

FUNDING_PERIOD_MS = 28_800_000
FUNDING_MEAN_BARS = 21
BASIS_BARS = 60
BASIS_VARIANCE_MIN = 1e-20


@inlined
def settle_funding(state: FeatureState, ts: int, rate: float) -> None:
    """Take in the rate settled at `ts`; the period between settlements is learned, eight hours at most."""
    if not -1.0 < rate < 1.0:
        return
    gap = ts - state.settled_ts
    if state.settled == 0:
        state.funding_period = FUNDING_PERIOD_MS
    elif 0 < gap <= FUNDING_PERIOD_MS:
        state.funding_period = gap
    state.settled += 1
    state.settled_ts = ts
    state.funding = rate
    weight = max(2.0 / (FUNDING_MEAN_BARS + 1.0), 1.0 / float(state.settled))
    state.funding_mean += weight * (rate - state.funding_mean)


@inlined
def write_funding(state: FeatureState, known_at: int, out: Floats) -> None:
    """Write the last rate, its mean, how they differ, and the wait for the next as a share of eight hours."""
    if state.settled == 0:
        out[At.FUNDING_RATE] = nan
        out[At.FUNDING_MEAN] = nan
        out[At.FUNDING_SURPRISE] = nan
        out[At.FUNDING_COUNTDOWN] = nan
        return
    wait = state.settled_ts + state.funding_period - known_at
    out[At.FUNDING_RATE] = state.funding
    out[At.FUNDING_MEAN] = state.funding_mean
    out[At.FUNDING_SURPRISE] = state.funding - state.funding_mean
    out[At.FUNDING_COUNTDOWN] = float(max(wait, 0)) * (1.0 / FUNDING_PERIOD_MS)


@inlined
def write_basis(state: FeatureState, mark: float, close: float, out: Floats) -> None:
    """Take in a mark and write the basis, its mean and how unusual it is."""
    if not 0.0 < mark < inf:
        out[At.BASIS] = nan
        out[At.BASIS_MEAN] = nan
        out[At.BASIS_ZSCORE] = nan
        return
    state.marked += 1
    basis = (mark - close) / close
    weight = max(2.0 / (BASIS_BARS + 1.0), 1.0 / float(state.marked))
    away = basis - state.basis_mean
    state.basis_mean += weight * away
    state.basis_variance = (1.0 - weight) * (state.basis_variance + weight * away * away)
    warm = state.marked >= BASIS_BARS
    usual = state.basis_variance > BASIS_VARIANCE_MIN
    score = (basis - state.basis_mean) / sqrt(state.basis_variance) if usual else 0.0
    out[At.BASIS] = basis
    out[At.BASIS_MEAN] = state.basis_mean if warm else nan
    out[At.BASIS_ZSCORE] = score if warm else nan
