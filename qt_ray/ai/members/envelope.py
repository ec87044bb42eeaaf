"""Envelope: the region that a model has learned from, so that it keeps silent elsewhere instead of guessing.

Each column has bounds far outside its usual range; a row that breaks more of them than rows of the same market do is
from another. What the columns mean is nothing to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.members.member import Silence, Singles
from qt_ray.core.compiled import compiled
from qt_ray.core.errors import Invalid

# The bounds are these quantiles, each moved outward by half the distance between the usual ones.
EXTREME = (0.0005, 0.9995)
USUAL = (0.05, 0.95)
WIDENING = 0.5
# Of the rows held out at most this share may be refused, unless that takes more breaches than such a share of columns.
REFUSED_SHARE_MAX = 0.001
BREACHES_SHARE_MAX = 0.25
COLUMNS_MAX = 4_096

_SPOKE, _NOT_FINITE, _OUT = (int(each) for each in (Silence.SPOKE, Silence.NOT_FINITE, Silence.OUT_OF_DISTRIBUTION))


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """Bounds by column, both included, and how many of them a row may break."""

    low: Singles
    high: Singles
    breaches_max: int

    def __len__(self) -> int:
        return len(self.low)

    @classmethod
    def learn(cls, rows: Singles, held_out: Singles) -> Self:
        """Return the envelope of `rows[row, column]` that `held_out` rows of the same market fit in."""
        if rows.ndim != 2 or len(rows) == 0 or not np.isfinite(rows).all():
            raise Invalid(f"an envelope is learned from finite rows, was {rows.shape}")
        if held_out.shape[1:] != rows.shape[1:]:
            raise Invalid(f"an envelope's rows have {rows.shape[1]} columns, was {held_out.shape}")
        low, usual_low, usual_high, high = np.quantile(
            rows.astype(np.float64), (EXTREME[0], *USUAL, EXTREME[1]), axis=0
        )
        reach = WIDENING * (usual_high - usual_low)
        limit = np.finfo(np.float32).max
        low, high = (np.clip(bound, -limit, limit).astype(np.float32) for bound in (low - reach, high + reach))
        return cls(low, high, _breaches_max(low, high, held_out))

    def judge(self, rows: Singles) -> NDArray[np.uint8]:
        """Return why each row is unfit to judge by, or SPOKE where it is fit."""
        if rows.shape[1:] != self.low.shape:
            raise Invalid(f"an envelope's rows have {len(self)} columns, was {rows.shape}")
        silence = np.empty(len(rows), np.uint8)
        _judge(rows, self.low, self.high, self.breaches_max, silence)
        return silence

    def outside(self, rows: Singles) -> NDArray[np.bool_]:
        """Return which rows are unfit to judge by, whatever the reason."""
        return np.not_equal(self.judge(rows), Silence.SPOKE)

    def plain(self) -> dict[str, Any]:
        """Return the envelope as plain data that `restore` reads."""
        return {"low": self.low.tolist(), "high": self.high.tolist(), "breaches_max": self.breaches_max}

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> Self:
        """Return the envelope that plain data describes."""
        if set(data) != {"low", "high", "breaches_max"}:
            raise Invalid(f"an envelope has low, high and breaches_max, had {', '.join(sorted(data)) or 'nothing':.60}")
        low, high = (_bounds(data[side], side) for side in ("low", "high"))
        if low.shape != high.shape or not (low <= high).all():
            raise Invalid(
                f"an envelope's low is at most its high in each column, was {low.size} and {high.size} bounds"
            )
        allowed = data["breaches_max"]
        if type(allowed) is not int or not 0 <= allowed <= len(low):
            raise Invalid(f"an envelope's breaches_max is from 0 to {len(low)}, was {allowed!r:.60}")
        return cls(low, high, allowed)


@compiled
def _judge(rows: Singles, low: Singles, high: Singles, breaches_max: int, silence: NDArray[np.uint8]) -> None:
    for n in range(rows.shape[0]):
        breaches, strange = 0, 0
        for j in range(rows.shape[1]):
            x = rows[n, j]
            strange += not -np.inf < x < np.inf
            breaches += not low[j] <= x <= high[j]
        silence[n] = _NOT_FINITE if strange else _OUT if breaches > breaches_max else _SPOKE


def _breaches_max(low: Singles, high: Singles, held_out: Singles) -> int:
    """Return the fewest breaches to allow so that hardly any row held out is refused."""
    most = int(BREACHES_SHARE_MAX * len(low))
    silence = np.empty(len(held_out), np.uint8)
    for allowed in range(most):
        _judge(held_out, low, high, allowed, silence)
        if np.count_nonzero(silence == _OUT) <= REFUSED_SHARE_MAX * len(held_out):
            return allowed
    return most


def _bounds(given: object, side: str) -> Singles:
    if not isinstance(given, list) or not 1 <= len(given) <= COLUMNS_MAX:
        raise Invalid(f"an envelope's {side} is a list of 1 to {COLUMNS_MAX} numbers, was {given!r:.60}")
    if any(type(bound) not in (int, float) for bound in given):
        raise Invalid(f"an envelope's {side} is a list of numbers, was {given!r:.60}")
    bounds = np.array(given, np.float64)
    if not (np.abs(bounds) <= np.finfo(np.float32).max).all():
        raise Invalid(f"an envelope's {side} is finite in float32, was {given!r:.60}")
    return bounds.astype(np.float32)
