import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.market.features.at import At
from qt_ray.market.features.catalogue import CATALOGUE, Source, Unit
from qt_ray.market.features.schema import FeatureSchema

pytestmark = pytest.mark.unit

CLASSIC = (
    "price_change",
    "high_low_range",
    "volume_change",
    "volume_ma_ratio",
    "ema_10",
    "ema_20",
    "ema_50",
    "ema_10_20_cross",
    "ema_10_50_cross",
    "rsi_14",
    "volatility_20",
    "macd",
    "macd_signal",
    "macd_hist",
)
NAMES = FeatureSchema().names


def test_the_fourteen_classic_features_lead_at_least_sixty() -> None:
    assert NAMES[:14] == CLASSIC
    assert len(NAMES) >= 60
    assert len(FeatureSchema().scale_free()) >= 60


def test_the_catalogue_lists_every_column_in_its_place() -> None:
    assert [feature.at for feature in CATALOGUE] == list(At)
    assert [int(at) for at in At] == list(range(len(At)))


@pytest.mark.parametrize(
    ("columns", "digest"),
    [
        (91, "29e0cd8e49fa5ab31393c3972aea7ea7f9fe1f58a31e61a589501bddcc755985"),
        (92, "9bed484da091fcb083e26240807e5944debee0d63c935553b4ea56526b04dba7"),
    ],
)
def test_a_column_that_joins_changes_nothing_about_those_before_it(columns: int, digest: str) -> None:
    assert FeatureSchema().subset(NAMES[:columns]).hash == digest


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=8, unique=True), st.randoms())
def test_the_hash_knows_names_and_their_order(names: list[str], dice: object) -> None:
    schema = FeatureSchema().subset(names)
    assert schema.names == tuple(names)
    assert [schema.index(name) for name in names] == list(range(len(names)))
    assert schema.hash == FeatureSchema().subset(names).hash
    if len(names) > 1:
        assert schema.hash != FeatureSchema().subset(names[::-1]).hash
        assert schema.hash != FeatureSchema().subset(names[:-1]).hash


@pytest.mark.parametrize("change", [{"warmup": 3}, {"unit": Unit.PRICE}, {"source": Source.MARK}])
def test_the_hash_knows_what_a_column_is(change: dict[str, object]) -> None:
    first = CATALOGUE[0]
    assert FeatureSchema((first,)).hash != FeatureSchema((replace(first, **change),)).hash


def test_a_schema_without_a_source_holds_no_column_that_needs_it() -> None:
    bare = FeatureSchema().without(Source.FUNDING, Source.MARK)
    assert {feature.source for feature in bare.features} == {Source.BAR}
    assert set(NAMES) - set(bare.names) == {
        "funding_rate",
        "funding_mean",
        "funding_surprise",
        "funding_countdown",
        "basis",
        "basis_mean",
        "basis_zscore",
    }


@pytest.mark.requirement("S5 Ensemble")
def test_a_model_of_another_schema_is_refused_and_named() -> None:
    schema = FeatureSchema()
    schema.require(schema.hash, "model trend-7")
    other = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(Invalid, match=rf"^features: model trend-7 speaks schema .*, spoke {other[:12]}"):
        schema.require(other, "model trend-7")
    with pytest.raises(Invalid, match="spoke none"):
        schema.require("", "model trend-7")


@pytest.mark.parametrize("names", [[], ["rsi_14", "rsi_14"], ["rsi_15"]])
def test_a_subset_names_known_features_once(names: list[str]) -> None:
    with pytest.raises(Invalid, match=r"^features: "):
        FeatureSchema().subset(names)


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(Invalid, match="was 'rsi_15'"):
        FeatureSchema().index("rsi_15")
    with pytest.raises(Invalid, match="was 'rsi_14'"):
        FeatureSchema().subset(["macd"]).index("rsi_14")
