"""Ensemble: who sits where, why somebody is silent, and what is kept of what they said."""

from dataclasses import replace

import numpy as np
import pytest

from qt_ray.ai.ensemble.ensemble import Conduct, Ensemble, Seat
from qt_ray.ai.forecast import Forecasts, Snapshot
from qt_ray.ai.members.member import Silence
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.market.regime import Regime, regimes
from tests.unit.ai.ensemble.fakes import (
    DAY_MS,
    FEATURES,
    HOUR_MS,
    KINDS,
    NAMES,
    Told,
    Watching,
    ensemble_of,
    panel_of,
    seat,
    snapshot,
    spec_of,
)

pytestmark = pytest.mark.unit

FOUR = [Told(kind, up) for kind, up in zip(KINDS, (0.6, 0.7, 0.65, 0.4), strict=True)]
SEEN = snapshot()


def said(ensemble: Ensemble, shown: Snapshot = SEEN) -> Forecasts:
    return ensemble.predict(shown)


def silences(forecasts: Forecasts, member: int) -> np.ndarray:
    assert forecasts.ballot is not None
    found: np.ndarray = forecasts.ballot.votes["silence"][..., member]
    return found


def test_every_members_vote_is_kept_with_the_forecast() -> None:
    """SPEC 5: agreement and per-member votes are kept with every forecast."""
    forecasts = said(ensemble_of(FOUR))
    assert forecasts.ballot is not None
    votes, outlook = forecasts.ballot.votes, forecasts.ballot.outlook
    assert votes.shape == (*SEEN.bars.close.shape, 4)
    assert outlook.shape == SEEN.bars.close.shape
    assert forecasts.members == 4
    assert (forecasts.agreement == 3).all()
    for at, member in enumerate(FOUR):
        assert (votes["raw"][..., at] == np.float32(member.up)).all()
    assert np.allclose(forecasts.score, 2.0 * outlook["up"].astype(float) - 1.0, atol=1e-6)


@pytest.mark.requirement("Sprint5-4")
@pytest.mark.sprint5
@pytest.mark.parametrize("reason", [Silence.MISSING, Silence.SCHEMA, Silence.STALE])
def test_an_empty_seat_says_why_and_counts_among_those_who_might_agree(reason: Silence) -> None:
    forecasts = said(ensemble_of([*FOUR[:3], reason]))
    assert (silences(forecasts, 3) == reason).all()
    assert (forecasts.members, set(forecasts.agreement.flat)) == (4, {3})


def test_an_ensemble_of_empty_seats_has_no_opinion_at_all() -> None:
    forecasts = said(ensemble_of([Silence.MISSING] * 4))
    assert np.isnan(forecasts.score).all()
    assert (forecasts.agreement == 0).all()
    assert (forecasts.confidence == 0.0).all()


@pytest.mark.parametrize("reason", [Silence.HISTORY, Silence.NOT_FINITE, Silence.OUT_OF_DISTRIBUTION])
def test_a_members_own_reason_is_kept(reason: Silence) -> None:
    forecasts = said(ensemble_of([Told("xgboost", 0.9, silence=reason), *FOUR[1:]]))
    assert (silences(forecasts, 0) == reason).all()


def test_a_seat_has_a_member_or_a_reason_and_not_both() -> None:
    for member, silence in ((None, Silence.SPOKE), (FOUR[0], Silence.STALE)):
        with pytest.raises(Invalid, match="a seat has a member or a reason why it has none"):
            Seat(member, silence)


def test_there_is_a_seat_for_each_member() -> None:
    with pytest.raises(Invalid, match="a seat for each of 4 members, were 3"):
        ensemble_of(FOUR[:3])


def test_a_member_falls_silent_when_its_training_is_too_long_ago_and_no_bar_earlier() -> None:
    known = SEEN.bars.ts + HOUR_MS
    trained = int(known[10]) - 7 * DAY_MS
    spec = spec_of(
        seats=(seat("xgboost", trained_to_ms=trained), *(seat(k, trained_to_ms=trained + DAY_MS) for k in KINDS[1:]))
    )
    forecasts = said(ensemble_of(FOUR, spec, Conduct(age_max_days=7)))
    assert (silences(forecasts, 0) == np.where(known > known[10], Silence.STALE, Silence.SPOKE)[:, None]).all()
    assert (silences(forecasts, 1)[:35] == Silence.SPOKE).all()
    assert (silences(forecasts, 1)[35:] == Silence.STALE).all()
    assert (silences(said(ensemble_of(FOUR, spec)), 0) == Silence.SPOKE).all()


def test_a_silence_of_its_own_comes_before_old_age() -> None:
    lost = Told("xgboost", 0.5, silence=Silence.OUT_OF_DISTRIBUTION)
    forecasts = said(ensemble_of([lost, *FOUR[1:]], conduct=Conduct(age_max_days=1)))
    assert (silences(forecasts, 0) == Silence.OUT_OF_DISTRIBUTION).all()
    assert (silences(forecasts, 1) == Silence.STALE).all()


@pytest.mark.parametrize("volatility", [0.0, -1.0, float("nan"), float("inf"), 1e300])
def test_where_volatility_is_not_known_nobody_speaks(volatility: float) -> None:
    """A move is a multiple of volatility: without it no edge can be weighed and no interval drawn."""
    forecasts = said(ensemble_of(FOUR), snapshot(4, volatility))
    assert (silences(forecasts, 2) == Silence.NOT_FINITE).all()
    assert np.isnan(forecasts.score).all()


def test_only_the_seats_of_the_panel_are_asked_and_counted() -> None:
    spec = spec_of(panels={"all": panel_of(), "trees": panel_of(KINDS[:2])})
    trees = ensemble_of(FOUR[:2], spec, Conduct("trees"))
    assert [one.kind for one in trees.placed] == ["xgboost", "lightgbm"]
    assert (said(trees).members, set(said(trees).agreement.flat)) == (2, {2})


def test_a_supervisor_who_trusts_nobody_else_leaves_one_opinion() -> None:
    forecasts = said(ensemble_of(FOUR, conduct=Conduct(supervised=(0.0, 0.0, 0.0, 1.0))))
    assert np.allclose(forecasts.score, 2.0 * 0.4 - 1.0, atol=1e-6)
    assert (forecasts.agreement == 1).all()


@pytest.mark.parametrize("trust", [(1.0,), (1.0,) * 5, *((1.0, 1.0, 1.0, bad) for bad in (-0.1, 100.1, float("nan")))])
def test_trust_is_a_number_from_nothing_for_each_member(trust: tuple[float, ...]) -> None:
    with pytest.raises(InvalidConfig, match=r"a weight from 0 to 100\.0 for each of 4 members, were"):
        ensemble_of(FOUR, conduct=Conduct(supervised=trust))


def test_the_least_edge_is_what_the_labels_cost_unless_conduct_says_another() -> None:
    """Votes of .61 on moves of two percent have an edge of .44 %."""
    dear = spec_of(cost_bps=60.0)
    sure = [Told(kind, 0.61) for kind in KINDS]
    assert np.isnan(said(ensemble_of(sure, dear)).score).all()
    assert (said(ensemble_of(sure, dear, Conduct(edge_min_bps=40.0))).score > 0.0).all()
    assert np.isnan(said(ensemble_of(sure, conduct=Conduct(edge_min_bps=50.0))).score).all()


def test_a_vote_weighs_what_it_weighs_in_the_regime_of_its_bar() -> None:
    shown = snapshot(300)
    weights = tuple(0.1 + at for at in range(len(Regime)))
    spec = spec_of(seats=(seat("xgboost", regimes=weights), *(seat(kind) for kind in KINDS[1:])))
    forecasts = said(ensemble_of(FOUR, spec), shown)
    assert forecasts.ballot is not None
    found = regimes(shown.bars)
    assert len(np.unique(found)) > 1
    expected = 0.25 * np.array(weights)[found]
    assert np.allclose(forecasts.ballot.votes["weight"][..., 0], expected)


def test_members_are_shown_single_precision_rows_bar_after_bar_and_no_tape_if_none_reads_it() -> None:
    watching = Watching(FOUR[0])
    said(ensemble_of([watching, *FOUR[1:]]))
    (evidence,) = watching.shown
    assert evidence.features.dtype == np.float32
    assert (evidence.features == SEEN.features.reshape(-1, len(FEATURES)).astype(np.float32)).all()
    assert evidence.tape.size == 0
    assert (evidence.ends == -1).all()


def test_the_tape_is_as_long_as_its_hungriest_reader_wants() -> None:
    watching = Watching(Told("nhits", 0.4, lookback=8))
    ensemble = ensemble_of([*FOUR[:2], Told("patchtst", 0.6, lookback=3), watching])
    said(ensemble)
    (evidence,) = watching.shown
    ends = evidence.ends.reshape(SEEN.bars.close.shape)
    assert (ends[:8] == -1).all()
    assert (ends[8:] >= 7).all()


def test_what_was_remembered_is_as_good_as_what_was_judged() -> None:
    members = [Watching(Told(kind, 0.6, lookback=8)) for kind in KINDS]
    asked, told = ensemble_of(members), ensemble_of(members)
    early, late = SEEN.bars.window(0, 30), Snapshot(SEEN.bars.window(30, 40), SEEN.features[30:])
    asked.predict(Snapshot(early, SEEN.features[:30]))
    told.remember(early)
    one, other = (ensemble.ask(late) for ensemble in (asked, told))
    assert one[0].tape.tobytes() == other[0].tape.tobytes()
    assert one[0].ends.tobytes() == other[0].ends.tobytes()
    assert one[1].ballot is not None
    assert other[1].ballot is not None
    assert one[1].ballot.votes.tobytes() == other[1].ballot.votes.tobytes()


def test_bars_of_another_interval_or_of_other_symbols_are_refused() -> None:
    """Averages are kept by place: other symbols in those places would be judged by strangers' pasts."""
    for bars in (SEEN.bars, SEEN.bars.window(0, 0)):
        slow, alone = replace(bars, interval_ms=2 * HOUR_MS), replace(bars, symbols=NAMES[::-1])
        for other, error, rule in (
            (slow, InvalidConfig, "bars of 3600000 ms, were of 7200000 ms"),
            (alone, Invalid, "bars of the 2 symbols it began with, were of others"),
        ):
            with pytest.raises(error, match=rule):
                said(ensemble_of(FOUR), Snapshot(other, SEEN.features[: len(other)]))
            with pytest.raises(error, match=rule):
                ensemble_of(FOUR).remember(other)


def test_rows_of_another_width_are_refused_and_never_padded() -> None:
    """SPEC 5: a mismatch of the feature schema is an error."""
    with pytest.raises(Invalid, match="rows of 2 features, were of 1"):
        said(ensemble_of(FOUR), Snapshot(SEEN.bars, SEEN.features[..., :1]))


def test_an_ensemble_that_does_not_ask_for_volatility_is_refused() -> None:
    with pytest.raises(Invalid, match="volatility_60 is among its features, was not"):
        ensemble_of(FOUR, spec_of(features=("rsi_14",)))
