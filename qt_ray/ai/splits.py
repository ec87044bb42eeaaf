"""Splits: who may learn from what. Nothing is learned from that was still open when judging began, less an embargo.

Rows come in order of the time they were known. Rows of one moment stay together, because they share a market; a row
whose outcome came too late for the next part is in no part at all.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from qt_ray.ai.members.member import Ints
from qt_ray.core.errors import Invalid, InvalidConfig

FOLDS_MAX = 100


class Fold(NamedTuple):
    """Rows to learn from and the later rows to be judged by."""

    train: Ints
    test: Ints


class Parts(NamedTuple):
    """Rows that teach, that stop the teaching, that calibrate and that judge, in this order of time."""

    train: Ints
    valid: Ints
    calibrate: Ints
    test: Ints


@dataclass(frozen=True, slots=True)
class HoldoutPlan:
    """When judging begins, and the shares of what lies before it that validate and calibrate."""

    test_start_ms: int
    valid_share: float = 0.15
    calibrate_share: float = 0.15
    embargo_ms: int = 0

    def __post_init__(self) -> None:
        shares = (self.valid_share, self.calibrate_share)
        if not (min(shares) > 0.0 and sum(shares) < 1.0):
            raise InvalidConfig(f"splits: shares are above 0 and leave some to train on, were {shares}")
        if self.embargo_ms < 0:
            raise InvalidConfig(f"splits: embargo_ms is not negative, was {self.embargo_ms}")


def walk_forward(ts: Ints, until: Ints, folds: int, embargo_ms: int) -> tuple[Fold, ...]:
    """Cut time into `folds` + 1 parts of about equal rows; each but the first is the test of all that came before."""
    _check(ts, until)
    if not 1 <= folds <= FOLDS_MAX:
        raise Invalid(f"splits: folds are from 1 to {FOLDS_MAX}, were {folds}")
    if embargo_ms < 0:
        raise Invalid(f"splits: embargo_ms is not negative, was {embargo_ms}")
    edges = [_moment(ts, len(ts) * part // (folds + 1)) for part in range(folds + 1)] + [len(ts)]
    return tuple(
        Fold(_known(ts, until, 0, first, embargo_ms, "train"), _rows(first, stop, "test"))
        for first, stop in pairwise(edges[1:])
    )


def holdout(ts: Ints, until: Ints, plan: HoldoutPlan) -> Parts:
    """Cut time into four parts, each known before the next begins less the embargo."""
    _check(ts, until)
    test = int(np.searchsorted(ts, plan.test_start_ms))
    calibrate = _moment(ts, round(test * (1.0 - plan.calibrate_share)))
    valid = _moment(ts, round(test * (1.0 - plan.calibrate_share - plan.valid_share)))
    return Parts(
        train=_known(ts, until, 0, valid, plan.embargo_ms, "train"),
        valid=_known(ts, until, valid, calibrate, plan.embargo_ms, "valid"),
        calibrate=_known(ts, until, calibrate, test, plan.embargo_ms, "calibrate"),
        test=_rows(test, len(ts), "test"),
    )


def _check(ts: Ints, until: Ints) -> None:
    if (np.diff(ts) < 0).any():
        raise Invalid(f"splits: rows come in order of time, row {int(np.argmax(np.diff(ts) < 0)) + 1} does not")
    if (until < ts).any():
        raise Invalid(f"splits: an outcome is known after its row, row {int(np.argmax(until < ts))} has it before")


def _moment(ts: Ints, row: int) -> int:
    """Return the first row of the moment that `row` belongs to."""
    return int(np.searchsorted(ts, ts[row])) if row < len(ts) else len(ts)


def _known(ts: Ints, until: Ints, first: int, stop: int, embargo_ms: int, part: str) -> Ints:
    """Return the rows of [first, stop) whose outcome was known an embargo before row `stop`."""
    rows = _rows(first, stop, part)
    if stop < len(ts):
        rows = rows[until[rows] <= ts[stop] - embargo_ms]
    if not len(rows):
        raise Invalid(f"splits: every part keeps a row, {part} of {stop - first} rows kept none")
    return rows


def _rows(first: int, stop: int, part: str) -> Ints:
    if first >= stop:
        raise Invalid(f"splits: every part has a row, {part} had none")
    return np.arange(first, stop, dtype=np.int64)
