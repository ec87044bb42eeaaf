"""An opinion is told symbol by symbol with every vote, and an abstention is not told at all."""

from math import nan

import numpy as np
import pytest

from qt_ray.ai.forecast import Forecasts
from qt_ray.ai.predictions import predictions
from qt_ray.ai.votes import Ballot, OutlookRow, VoteRow
from qt_ray.core.payloads import PredictionReady
from qt_ray.core.records import dtype

pytestmark = pytest.mark.unit


def forecasts(scores: list[float], members: int = 1, ballot: Ballot | None = None) -> Forecasts:
    score = np.array([scores])
    return Forecasts(score, np.where(np.isnan(score), 0.0, 0.6), np.ones(score.shape, np.uint8), members, ballot)


def test_an_abstention_is_not_told() -> None:
    told = list(predictions(["A", "B"], 7, forecasts([0.2, nan])))
    assert told == [PredictionReady("A", 7, 0.2, 0.6, {})]


@pytest.mark.parametrize(("names", "keys"), [(("lgb", "xgb"), {"lgb", "xgb"}), (("lgb",), {"0", "1"})])
def test_a_silent_member_has_no_vote_and_members_bear_their_names(names: tuple[str, ...], keys: set[str]) -> None:
    votes = np.zeros((1, 1, 2), dtype(VoteRow))
    votes["calibrated"][0, 0] = (0.75, nan)
    ballot = Ballot(votes, np.zeros((1, 1), dtype(OutlookRow)))
    (told,) = predictions(["A"], 7, forecasts([0.2], 2, ballot), names)
    assert told.votes.keys() == keys
    assert list(told.votes.values()) == [0.75, None]
