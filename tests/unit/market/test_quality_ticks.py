import numpy as np
import pytest

from qt_ray.market.quality_rules import Rule
from qt_ray.market.quality_ticks import inspect_funding, inspect_trades

pytestmark = pytest.mark.unit

HOUR = 3_600_000
START = 1_700_006_400_000 // (8 * HOUR) * 8 * HOUR


def test_two_settlements_within_a_minute_are_one_and_must_agree() -> None:
    ts = START + np.array([0, 7, 8 * HOUR, 8 * HOUR + 3, 16 * HOUR])
    result = inspect_funding(ts, np.array([1e-4, 1e-4, 2e-4, 3e-4, 1e-4]))
    assert result.clean.tolist() == [0, 4]
    assert result.report.dropped == 1
    assert result.reasons == (Rule.CONFLICT, Rule.CONFLICT)


def test_a_funding_rate_in_percent_is_kept_out() -> None:
    result = inspect_funding(START + np.arange(3) * 8 * HOUR, np.array([1e-4, 0.5, np.nan]))
    assert result.clean.tolist() == [0]
    assert result.report.of(Rule.FUNDING_IMPOSSIBLE) == 2


def test_trades_of_one_moment_are_all_kept_and_copies_by_id_are_dropped() -> None:
    ts = START + np.array([5, 5, 6, 5, 9, 10])
    ids = np.array([1.0, 2.0, 3.0, 2.0, 6.0, 7.0])
    price = np.array([10.0, 11.0, 12.0, 11.0, 0.0, 13.0])
    result = inspect_trades(ts, price, np.ones(6), ids)
    assert result.clean.tolist() == [0, 1, 2, 5]
    assert result.reasons == (Rule.PRICE_NOT_POSITIVE,)
    assert result.report.dropped == 1
    assert result.report.of(Rule.GAP) == 3
    assert result.report.rows == result.report.clean + result.report.quarantined + result.report.dropped


def test_trades_without_ids_are_sorted_and_counted() -> None:
    result = inspect_trades(START + np.array([3, 1, 2]), np.ones(3), np.array([1.0, 1.0, -1.0]), None)
    assert result.clean.tolist() == [1, 0]
    assert result.report.of(Rule.OUT_OF_ORDER) == 2
    assert result.report.of(Rule.VOLUME_NEGATIVE) == 1
