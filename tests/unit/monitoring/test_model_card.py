"""The model card claims what its numbers permit, and no more."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.monitoring.model_card import Subject, card, sentences

pytestmark = pytest.mark.unit

BEGIN_MS, JUDGED_MS = 1_577_836_800_000, 1_735_689_600_000
METRICS = {
    "parity.xgboost": 8e-8,
    "test.blend.ic": 0.04,
    "test.blend.ic_low": 0.01,
    "test.blend.ic_high": 0.07,
    "test.blend.log_loss": 0.6920,
    "test.blend.log_loss_low": 0.6900,
    "test.blend.log_loss_high": 0.6925,
    "test.coin.log_loss": 0.6931,
    "test.xgboost.log_loss": 0.6922,
    "test.blend.interval_coverage": 0.79,
    "test.money.costs.net": -343.67,
    "test.money.costs.return": -0.0344,
    "test.money.costs.buy_and_hold": 0.21,
    "test.money.costs.trips": 326.0,
}


def manifest(**metrics: float) -> dict[str, Any]:
    return {
        "name": "ensemble",
        "horizon_bars": 8,
        "interval_ms": 3_600_000,
        "data": {
            "symbols": ["BTCUSDT"],
            "start_ms": BEGIN_MS,
            "end_ms": JUDGED_MS,
            "digest": "d" * 64,
        },
        "features": ["rsi_14"],
        "feature_schema": "f" * 64,
        "trained_to_ms": 1_735_603_200_000,
        "plan": {"parts": {"test_start_ms": JUDGED_MS}},
        "seed": 7,
        "code": {"version": "0.1.0", "digest": "c" * 64},
        "members": {"xgboost": "a" * 64},
        "metrics": metrics or METRICS,
    }


def told(**changes: float) -> str:
    return " ".join(sentences({**METRICS, **changes}))


@given(low=st.floats(-0.5, 0.5), value=st.floats(-0.5, 0.5))
def test_an_edge_is_claimed_only_where_all_of_its_doubt_is_above_zero(low: float, value: float) -> None:
    said = told(**{"test.blend.ic_low": low, "test.blend.ic": value})
    assert ("No edge is shown" in said) is (not low > 0.0)


def test_a_saving_that_may_be_luck_is_called_so() -> None:
    assert "saves 0.00115" in told()
    assert "beyond doubt" in told()
    assert "may be luck" in told(**{"test.blend.log_loss_high": 0.6935})
    assert "loses" in told(**{"test.blend.log_loss": 0.70})


def test_a_loss_is_a_loss_and_is_held_against_doing_nothing() -> None:
    assert "the fund lost 343.67 (-3.44 %) where staying flat gives 0" in told()
    assert "returned +21.0 %" in told()
    assert "won 10.00" in told(**{"test.money.costs.net": 10.0, "test.money.costs.return": 0.001})


def test_nothing_is_said_of_what_was_not_measured() -> None:
    assert list(sentences({})) == []
    page = card(Subject("9" * 64, "CANDIDATE", manifest(**{"test.blend.log_loss": 0.69})))
    assert "Money" not in page
    assert "served within" not in page


def test_the_card_names_versions_data_dates_and_each_member() -> None:
    page = card(Subject("9" * 64, "ACTIVE", manifest()))
    for words in ("# Model card: ensemble 999999999999", "Status ACTIVE", "1 h ahead", "2020-01-01 to 2025-01-01"):
        assert words in page
    for words in ("judged from 2025-01-01", "`aaaaaaaaaaaa`, served within 8.0e-08", "held 79.0 %", "| 326 |"):
        assert words in page
    assert "| | blend | xgboost | coin |" in page
