"""Plan: whatever a training depends on is in its name, and nothing else is."""

import pytest

from qt_ray.core.errors import InvalidConfig
from qt_ray.jobs.training.plan import TrainingPlan
from tests.unit.jobs.training.tiny import bars, loaded, plan_for

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.members", "xgboost"),
        ("train.features", "all"),
        ("train.without", "open_gap,rsi_14"),
        ("train.label", "barriers"),
        ("train.horizon_bars", "2"),
        ("train.cost_bps", "13"),
        ("train.stop_atr", "1"),
        ("train.take_atr", "1"),
        ("train.lookback_bars", "17"),
        ("train.test_start", "2024-02-01"),
        ("train.valid_bps", "1600"),
        ("train.calibrate_bps", "1600"),
        ("train.embargo_bars", "25"),
        ("train.xgboost.rounds", "21"),
        ("train.lightgbm.eta", "0.07"),
        ("run.seed", "8"),
    ],
)
def test_whatever_changes_a_training_changes_its_name(key: str, value: str) -> None:
    assert plan_for({key: value}).name(bars()) != plan_for().name(bars())


@pytest.mark.parametrize(
    ("key", "value"),
    [("train.work", "elsewhere"), ("train.memory_mb", "9000"), ("train.judge", "false"), ("train.nhits.rate", "0.01")],
)
def test_where_and_with_how_much_it_is_done_is_no_part_of_the_name(key: str, value: str) -> None:
    assert plan_for({key: value}).name(bars()) == plan_for().name(bars())


def test_other_bars_make_another_training() -> None:
    assert plan_for().name(bars().window(0, len(bars()) - 1)) != plan_for().name(bars())


def test_a_plan_is_written_down_with_every_number_of_every_learner() -> None:
    plain = plan_for().plain()
    assert set(plain) == set(TrainingPlan.__slots__)
    assert plain["learners"]["xgboost"]["rounds"] == 20
    assert set(plain["learners"]["xgboost"]) > {"depth", "eta", "l2"}
    assert "open_gap" not in plain["features"]


def test_without_a_start_the_last_fifth_is_judged() -> None:
    assert plan_for().parts.test_start_ms == bars().ts[len(bars()) * 4 // 5]


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        (
            "train.members",
            "xgboost,oracle",
            "train.members: some of xgboost, lightgbm, catboost, patchtst, nhits, each once",
        ),
        ("train.members", "xgboost,xgboost", "each once, were xgboost, xgboost"),
        ("train.without", "open_gap,moon_phase", "train.without: names of features, had moon_phase"),
        ("train.xgboost.round", "5", r"train.xgboost.round: unknown, nearest is rounds"),
        ("train.horizon_bars", "20000", "labels: horizon_bars is from 1 to"),
    ],
)
def test_a_wrong_word_is_one_line(key: str, value: str, rule: str) -> None:
    with pytest.raises(InvalidConfig, match=rule) as found:
        plan_for({key: value})
    assert "\n" not in str(found.value)


def test_nobody_at_all_is_no_training() -> None:
    with pytest.raises(InvalidConfig, match=r"train.members: .*were none"):
        plan_for({"train.members": ","})


def test_the_settings_of_a_kind_are_its_own() -> None:
    asked = loaded({"train.nhits.hidden": "16"}).settings.train
    assert set(asked.numbers("nhits")) == {"epochs_max", "hidden"}
    assert asked.numbers("catboost") == {}
