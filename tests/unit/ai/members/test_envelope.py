from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.members.envelope import BREACHES_SHARE_MAX, Envelope
from qt_ray.ai.members.member import Silence, Singles
from qt_ray.core.codec import canonical
from qt_ray.core.errors import Invalid
from qt_ray.market.features.engine import FeatureEngine
from qt_ray.market.features.schema import FeatureSchema
from qt_ray.market.synthetic import synthetic

pytestmark = pytest.mark.unit

HOUR_MS = 3_600_000


def market(seed: int, count: int, columns: int = 30) -> Singles:
    """Return rows of a market: heavy tails that come together, each column in its own unit."""
    dice = np.random.default_rng(seed)
    units = 10.0 ** np.random.default_rng(0).uniform(-3, 3, columns)
    storm = np.sqrt(4.0 / dice.chisquare(4, (count, 1)))
    return (units * (1.0 + storm * dice.standard_normal((count, columns)))).astype(np.float32)


def features(price: float) -> Singles:
    """Return features of one synthetic market, its prices times `price`."""
    bars = synthetic(("AAAUSDT",), HOUR_MS, 5).bars(3_000)
    columns = {name: getattr(bars, name) * price for name in ("open", "high", "low", "close", "mark")}
    engine = FeatureEngine(FeatureSchema(), bars.symbols, bars.interval_ms)
    rows = engine.block(replace(bars, **columns))[:, 0].astype(np.float32)
    return rows[np.isfinite(rows).all(axis=1)]


ENVELOPE = Envelope.learn(market(1, 8_000), market(2, 4_000))


def refused(envelope: Envelope, rows: Singles) -> float:
    return float((envelope.judge(rows) == Silence.OUT_OF_DISTRIBUTION.value).mean())


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_rows_of_the_same_market_are_heard(seed: int) -> None:
    assert refused(ENVELOPE, market(seed, 4_000)) < 0.005


@pytest.mark.parametrize("factor", [10.0, -10.0, 1e6])
def test_rows_in_another_unit_are_recognised(factor: float) -> None:
    assert refused(ENVELOPE, market(3, 500) * np.float32(factor)) > 0.99


def test_another_market_is_recognised() -> None:
    assert refused(ENVELOPE, market(3, 500)[:, ::-1].copy()) > 0.99


@pytest.mark.parametrize("value", [1e5, -7.0, 1e9])
def test_a_constant_that_the_market_never_had_is_recognised(value: float) -> None:
    assert refused(ENVELOPE, np.full((3, 30), value, np.float32)) == 1.0


def test_a_column_that_never_moved_may_not_begin_to() -> None:
    still = np.full((100, 1), 0.3, np.float32)
    envelope = Envelope.learn(still, still)
    assert refused(envelope, still) == 0.0
    assert refused(envelope, np.nextafter(still, np.float32(1))) == 1.0


def test_features_of_a_market_are_heard_and_those_of_a_foreign_one_are_not() -> None:
    own, foreign = features(1.0), features(300.0)
    envelope = Envelope.learn(own[0::2], own[1::4])
    assert refused(envelope, own[3::4]) < 0.02
    assert refused(envelope, foreign[3::4]) > 0.99


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_a_row_with_one_number_missing_is_not_judged_at_all(seed: int, hole: float) -> None:
    rows = market(seed, 40) * np.float32(1 + seed % 20)
    before, at = ENVELOPE.judge(rows), (seed % 40, seed % 30)
    rows[at] = hole
    after = ENVELOPE.judge(rows)
    assert after[at[0]] == Silence.NOT_FINITE.value
    assert np.delete(after, at[0]).tolist() == np.delete(before, at[0]).tolist()


def test_a_row_is_outside_whatever_the_reason() -> None:
    rows = market(3, 3)
    rows[0, 0], rows[1] = np.nan, 1e9
    assert ENVELOPE.outside(rows).tolist() == [True, True, False]


def test_held_out_rows_decide_how_much_is_forgiven_up_to_a_quarter_of_the_columns() -> None:
    rows, calm, rough, alien = np.random.default_rng(1).standard_normal((4, 2_000, 30)).astype(np.float32)
    rough[::10, :5] = 1e9
    alien *= 100
    assert Envelope.learn(rows, calm).breaches_max == 0
    assert Envelope.learn(rows, rough).breaches_max == 5
    assert Envelope.learn(rows, alien).breaches_max == int(BREACHES_SHARE_MAX * 30)


def test_an_envelope_is_written_as_plain_data_and_read_again() -> None:
    data = orjson.loads(canonical(ENVELOPE.plain()))
    again = Envelope.restore(data)
    assert canonical(again.plain()) == canonical(ENVELOPE.plain())
    rows = market(9, 500) * np.float32(2)
    assert again.judge(rows).tolist() == ENVELOPE.judge(rows).tolist()


GOOD: dict[str, Any] = {"low": [0.0, 1.0], "high": [1.0, 1.0], "breaches_max": 1}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"more": 1}, "has low, high and breaches_max, had breaches_max, high, low, more"),
        ({"low": [2.0, 1.0]}, "low is at most its high"),
        ({"low": [0.0]}, "low is at most its high in each column, was 1 and 2 bounds"),
        ({"low": []}, "low is a list of 1 to"),
        ({"low": "0"}, "low is a list of 1 to"),
        ({"low": [0.0, None]}, "low is a list of numbers"),
        ({"low": [0.0, True]}, "low is a list of numbers"),
        ({"high": [1.0, float("nan")]}, "high is finite in float32"),
        ({"high": [1.0, 1e39]}, "high is finite in float32"),
        ({"breaches_max": 3}, "breaches_max is from 0 to 2, was 3"),
        ({"breaches_max": -1}, "breaches_max is from 0 to 2, was -1"),
        ({"breaches_max": 1.0}, "breaches_max is from 0 to 2, was 1.0"),
    ],
)
def test_what_is_no_envelope_is_refused(change: dict[str, Any], complaint: str) -> None:
    assert len(Envelope.restore(GOOD)) == 2
    with pytest.raises(Invalid, match=complaint):
        Envelope.restore({**GOOD, **change})


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(Invalid, match="rows have 30 columns"):
        ENVELOPE.judge(market(1, 3, columns=29))
    with pytest.raises(Invalid, match="rows have 30 columns"):
        Envelope.learn(market(1, 9), market(1, 3, columns=29))


@pytest.mark.parametrize("rows", [np.zeros((0, 3)), np.full((5, 3), np.nan), np.zeros(5)])
def test_nothing_is_learned_from_no_rows(rows: Any) -> None:
    with pytest.raises(Invalid, match="learned from finite rows"):
        Envelope.learn(rows.astype(np.float32), rows.astype(np.float32))
