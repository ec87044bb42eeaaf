"""Blend: calibrated votes into one probability, one count of agreement and one interval, row by row.

A silent member has no weight, so the others share what was its part, but it still counts among those who might
have agreed: three of four stays three of four when one is missing.
"""

from math import exp, log, nan, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.ensemble.spec import EnsembleSpec
from qt_ray.ai.members.member import QUANTILES, Floats, Ints
from qt_ray.ai.votes import OutlookRow, VoteRow
from qt_ray.core.compiled import compiled, inlined

LAST = len(QUANTILES) - 1
Bytes = NDArray[np.uint8]


class Terms(NamedTuple):
    """How votes are counted, as compiled code reads it: an ensemble's spec with the weights in force."""

    weights: Floats
    scores: Floats
    shares: Floats
    knots: Ints
    slope: float
    shift: float
    move_ratio: float
    margin: float
    low: float
    high: float
    root: float
    edge_min: float


class Heard(NamedTuple):
    """What the members said: raw P(up) and silence `[row, member]`, and quantiles `[row, member, level]`."""

    up: Floats
    silence: Bytes
    quantiles: Floats
    volatility: Floats
    regime: Bytes


class Counted(NamedTuple):
    """Where the result goes, one place per row; `votes` is `[row, member]`."""

    votes: Any
    outlook: Any
    score: Floats
    confidence: Floats
    agreement: Bytes


def terms(spec: EnsembleSpec, panel: str, supervised: Floats, edge_min_bps: float) -> Terms:
    """Return the terms of a panel; `supervised` multiplies each member's weight, in every regime alike."""
    seats, voice = spec.seats_of(panel), spec.panel(panel)
    width = max(len(seat.scores) for seat in seats)
    scores, shares = (np.zeros((len(seats), width)) for _ in range(2))
    for at, seat in enumerate(seats):
        scores[at, : len(seat.scores)], shares[at, : len(seat.shares)] = seat.scores, seat.shares
    weights = np.array([seat.regimes for seat in seats]).T * np.array([seat.weight for seat in seats]) * supervised
    return Terms(
        # As single as votes record them, so that a ballot adds up to its outlook.
        weights=np.ascontiguousarray(weights.astype(np.float32), np.float64),
        scores=scores,
        shares=shares,
        knots=np.array([len(seat.scores) for seat in seats], dtype=np.int64),
        slope=voice.slope,
        shift=voice.shift,
        move_ratio=spec.move_ratio,
        margin=voice.margin,
        low=voice.low,
        high=voice.high,
        root=sqrt(spec.horizon_bars),
        edge_min=edge_min_bps / 1e4,
    )


@inlined
def calibrated(x: float, scores: Floats, shares: Floats, knots: int) -> float:
    """Return the share of ups at score `x`: linear between knots, constant outside them."""
    if x <= scores[0]:
        return float(shares[0])
    if x >= scores[knots - 1]:
        return float(shares[knots - 1])
    low, high = 0, knots - 1
    while high - low > 1:
        middle = (low + high) // 2
        if scores[middle] <= x:
            low = middle
        else:
            high = middle
    slope = (shares[high] - shares[low]) / (scores[high] - scores[low])
    # The upper bound is against rounding: a higher score never means less.
    return float(min(shares[low] + slope * (x - scores[low]), shares[high]))


@inlined
def _vote(terms: Terms, heard: Heard, n: int, m: int, vote: VoteRow) -> float:
    """Write one member's vote and return its weight."""
    vote.silence = heard.silence[n, m]
    if heard.silence[n, m] != 0:
        vote.raw, vote.calibrated, vote.weight = nan, nan, 0.0
        return 0.0
    vote.raw = heard.up[n, m]
    vote.calibrated = calibrated(heard.up[n, m], terms.scores[m], terms.shares[m], terms.knots[m])
    weight = float(terms.weights[heard.regime[n], m])
    vote.weight = weight
    return weight


@inlined
def _interval(terms: Terms, heard: Heard, n: int, size: float, outlook: OutlookRow) -> None:
    """Write the interval of the return: the members' outer quantiles, widened, else what is usual."""
    total, low, high = 0.0, 0.0, 0.0
    for m in range(heard.up.shape[1]):
        weight = terms.weights[heard.regime[n], m]
        if heard.silence[n, m] == 0 and heard.quantiles[n, m, 0] == heard.quantiles[n, m, 0]:
            total += weight
            low += weight * heard.quantiles[n, m, 0]
            high += weight * heard.quantiles[n, m, LAST]
    if total > 0.0:
        low, high = low / total - terms.margin * size, high / total + terms.margin * size
        middle = 0.5 * (low + high)  # a margin below zero may not turn an interval inside out
        outlook.low, outlook.high = min(low, middle), max(high, middle)
    else:
        outlook.low, outlook.high = terms.low * size, terms.high * size


@compiled
def blend(terms: Terms, heard: Heard, counted: Counted) -> None:
    """Count every row's votes."""
    members = heard.up.shape[1]
    for n in range(heard.up.shape[0]):
        outlook: OutlookRow = counted.outlook[n]
        total, pooled = 0.0, 0.0
        for m in range(members):
            weight = _vote(terms, heard, n, m, counted.votes[n, m])
            if weight > 0.0:
                total += weight
                pooled += weight * counted.votes[n, m].calibrated
        counted.agreement[n], counted.score[n], counted.confidence[n] = 0, nan, 0.0
        if not total > 0.0:
            outlook.up, outlook.disagreement, outlook.move, outlook.low, outlook.high = nan, nan, nan, nan, nan
            continue
        pooled /= total
        apart = 0.0
        for m in range(members):
            if counted.votes[n, m].weight > 0.0:
                apart += counted.votes[n, m].weight * (counted.votes[n, m].calibrated - pooled) ** 2
        size = heard.volatility[n] * terms.root
        up = 1.0 / (1.0 + exp(-(terms.shift + terms.slope * log(pooled / (1.0 - pooled)))))
        outlook.up, outlook.disagreement, outlook.move = up, sqrt(apart / total), terms.move_ratio * size
        _interval(terms, heard, n, size, outlook)
        edge = abs(2.0 * up - 1.0) * terms.move_ratio * size
        if up == 0.5 or edge < terms.edge_min:  # no side is no wish, not even to be flat
            continue
        counted.score[n], counted.confidence[n] = 2.0 * up - 1.0, max(up, 1.0 - up)
        for m in range(members):
            vote = counted.votes[n, m]
            if vote.weight > 0.0 and (vote.calibrated - 0.5) * (up - 0.5) > 0.0:
                counted.agreement[n] += 1
