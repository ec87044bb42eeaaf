"""What was foretold is joined with what followed, once, in whatever order both are heard."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.core.events import event
from qt_ray.core.payloads import PredictionReady, RegimeChanged
from qt_ray.monitoring.opinions import DECISIONS, FORECAST, Listener
from qt_ray.monitoring.scorecards import UNKNOWN, Opinion, Scorecards
from tests.unit.monitoring.happenings import decided

pytestmark = pytest.mark.unit

BAR = 60_000
PRICES = [100.0, 101.0, 100.0, 100.0, 103.0, 102.0]
OPINIONS = [
    Opinion("lgb", "BTCUSDT", at * BAR, up, "calm" if at < 3 else "wild")
    for at, up in enumerate([0.9, 0.2, 0.6, 0.7, 0.7])
]
Told = tuple[str, int]
TOLD: list[Told] = [("said", at) for at in range(5)] + [("close", at) for at in range(6)]


def cards_of(told: list[Told]) -> Scorecards:
    cards = Scorecards(BAR)
    for what, at in told:
        if what == "said":
            cards.hear(OPINIONS[at])
        else:
            cards.close("BTCUSDT", at * BAR, PRICES[at])
    cards.settle()
    return cards


@pytest.mark.requirement("S5 ModelSupervisor")
def test_a_card_says_how_often_and_how_surely_it_was_right() -> None:
    card = cards_of(TOLD).card("lgb")
    assert (card["count"], card["waiting"], card["lost"]) == (5, 0, 0)
    assert card["win_rate"] == pytest.approx(3 / 4)  # a move of nothing went neither way
    assert card["brier"] == pytest.approx((0.1**2 + 0.2**2 + 0.3**2 + 0.7**2) / 4)
    gains = [0.01, 100 / 101 - 1, 0.0, 0.03, 102 / 103 - 1]
    gained = gains[0] - gains[1] + gains[3]
    assert card["profit_factor"] == pytest.approx(gained / -gains[4])
    assert card["mean_move_bps"] == pytest.approx((gained + gains[4]) / 5 * 10_000)
    assert [(one["from"], one["count"], one["happened"]) for one in card["calibration"]] == [
        (0.2, 1, 0.0),
        (0.7, 2, 0.5),
        (0.9, 1, 1.0),
    ]


@pytest.mark.requirement("S5 ModelSupervisor")
def test_each_regime_has_a_card_of_its_own_and_together_they_are_all() -> None:
    cards = {card["regime"]: card for card in cards_of(TOLD).cards()}
    assert cards.keys() == {"all", "calm", "wild"}
    assert cards["calm"]["count"] + cards["wild"]["count"] == cards["all"]["count"]
    assert "lost" not in cards["calm"]


@settings(max_examples=40)
@given(st.permutations(TOLD), st.lists(st.sampled_from(TOLD), max_size=6))
def test_order_and_repetition_change_no_card(order: list[Told], again: list[Told]) -> None:
    plain, mixed = cards_of(TOLD).card("lgb"), cards_of([*order, *again]).card("lgb")
    for key in ("count", "win_rate", "brier", "mean_move_bps"):
        assert mixed[key] == pytest.approx(plain[key])


@settings(max_examples=40)
@given(st.lists(st.sampled_from(TOLD), max_size=8))
def test_how_much_there_is_to_judge_by_is_known_without_judging(told: list[Told]) -> None:
    cards = cards_of(told)
    assert cards.counts == {model: cards.card(model)["count"] for model in cards.models}


@pytest.mark.requirement("L12", "Sprint5-4")
@pytest.mark.sprint5
def test_what_cannot_be_known_is_null_and_not_zero() -> None:
    cards = Scorecards(BAR)
    cards.hear(OPINIONS[0])
    card = cards.card("lgb")
    assert (card["count"], card["waiting"], card["win_rate"], card["brier"], card["profit_factor"]) == (
        0,
        1,
        *[None] * 3,
    )
    assert card["calibration"] == []
    assert cards.models == ("lgb",)


def test_an_opinion_whose_close_never_came_is_lost_and_held_against_nobody() -> None:
    cards = Scorecards(BAR)
    cards.hear(OPINIONS[0])
    cards.close("BTCUSDT", 9 * BAR, 100.0)
    cards.close("BTCUSDT", 10 * BAR, float("nan"))
    cards.settle()
    cards.hear(OPINIONS[0])
    assert (cards.card("lgb")["lost"], cards.card("lgb")["waiting"]) == (1, 0)


def test_outcomes_are_bounded() -> None:
    cards = Scorecards(BAR, outcomes_max=3)
    for at in range(9):
        cards.hear(Opinion("lgb", "BTCUSDT", at * BAR, 0.6))
        cards.close("BTCUSDT", at * BAR, 100.0 + at)
    cards.settle()
    assert cards.card("lgb")["count"] == 3


@pytest.mark.parametrize("up", [-0.1, 1.1, float("nan")])
def test_a_probability_that_is_none_is_refused(up: float) -> None:
    with pytest.raises(Invalid, match="from 0 to 1"):
        Opinion("lgb", "BTCUSDT", 1, up)
    with pytest.raises(Invalid, match="horizon_ms"):
        Scorecards(0)


def test_a_decision_foretells_the_way_it_wished_to_go() -> None:
    listener = Listener()
    up, down = (listener.opinions(decided(wish=wish, granted=0))[0] for wish in (2, -2))
    assert (up.model, up.up, up.at_ms, up.regime) == (DECISIONS, 0.7, 10, UNKNOWN)
    assert down.up == pytest.approx(0.3)
    assert listener.opinions(decided(wish=0, granted=0)) == ()


def test_members_foretell_by_their_votes_in_the_regime_that_was_told_before() -> None:
    listener = Listener()
    assert listener.opinions(event("market.regime.changed", RegimeChanged("B", "calm", "wild"), "Feed", 1)) == ()
    ready = PredictionReady("B", 2, -0.2, 0.6, {"lgb": 0.3, "xgb": None})
    found = {said.model: said for said in listener.opinions(event("model.prediction_ready", ready, "Desk", 2))}
    assert found.keys() == {"member lgb", FORECAST}
    assert found[FORECAST].up == pytest.approx(0.4)
    assert {said.regime for said in found.values()} == {"wild"}
    silent = PredictionReady("B", 2, None, None, {})
    assert listener.opinions(event("model.prediction_ready", silent, "Desk", 3)) == ()


def test_other_events_foretell_nothing() -> None:
    assert Listener().opinions(event("market.regime.changed", RegimeChanged("B", "a", "b"), "Feed", 1)) == ()
