from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.models.manifest import ARTEFACT_BYTES_MAX, MANIFEST_BYTES_MAX, Artefact, Kind, parse
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from tests.unit.adapters.models.stores import manifest

pytestmark = pytest.mark.unit

WHOLE = manifest()
PLAIN: dict[str, Any] = decode(WHOLE.content)
NAN, INF = float("nan"), float("inf")

leaves = st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False) | st.text()
finite = leaves.filter(lambda leaf: not isinstance(leaf, float) or abs(leaf) != INF)
plans = st.dictionaries(
    st.text(max_size=9), st.recursive(finite, lambda inner: st.lists(inner, max_size=3)), max_size=5
)


def without(*path: str) -> dict[str, Any]:
    """Return the plain manifest without the key at the end of a path."""
    return changed(*path, to=...)


def changed(*path: str, to: Any) -> dict[str, Any]:
    """Return the plain manifest with another value at the end of a path."""
    data: dict[str, Any] = decode(WHOLE.content)
    table = data
    for key in path[:-1]:
        table = table[key]
    if to is ...:
        del table[path[-1]]
    else:
        table[path[-1]] = to
    return data


@settings(max_examples=60, deadline=None)
@given(plans, st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.integers(-9, 9) | st.floats(-1, 1)))
def test_what_is_written_is_read_back_under_the_same_version(plan: dict[str, Any], metrics: dict[str, float]) -> None:
    made = manifest(plan=plan, metrics=metrics)
    again = parse(made.content)
    assert again == made
    assert again.version == made.version == sha256(made.content).hexdigest()


def test_numbers_of_numpy_and_a_callers_later_change_make_no_other_version() -> None:
    plan = {"depth": 4, "rates": [0.1]}
    made = manifest(plan=plan, metrics={"loss": np.float64(0.5)})
    before = made.version
    plan["rates"].append(0.2)  # type: ignore[attr-defined] # a list inside of a plan of objects
    assert replace(made).version == made.version == before == manifest(plan=made.plan, metrics={"loss": 0.5}).version


@pytest.mark.parametrize("key", PLAIN)
def test_every_key_belongs_to_the_version_and_none_may_be_missing(key: str) -> None:
    with pytest.raises(Invalid, match=rf"^manifest\.{key}: required, was missing$"):
        parse(canonical(without(key)))


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (PLAIN | {"author": "eve"}, r"^manifest\.author: unknown"),
        (PLAIN | {"feature": []}, r"^manifest\.feature: unknown, nearest is features$"),
        (changed("data", "venue", to="x"), r"^manifest\.data\.venue: unknown"),
        (without("artefacts", "trees.json", "sha256"), r"^manifest\.artefacts\.trees\.json\.sha256: required"),
        (changed("seed", to="0"), r"^manifest\.seed: a whole number, was '0'"),
        (changed("seed", to=True), r"^manifest\.seed: a whole number, was True"),
        (changed("seed", to=0.0), r"^manifest\.seed: a whole number, was 0\.0"),
        (changed("metrics", "rows", to="many"), r"^manifest\.metrics\.rows: a number, was 'many'"),
        (changed("metrics", "rows", to=None), r"^manifest\.metrics\.rows: a number, was None"),
        (changed("kind", to="arima"), r"^manifest\.kind: one of xgboost, .* was 'arima'"),
        (changed("features", to="rsi_14"), r"^manifest\.features: a list, was 'rsi_14'"),
        (changed("plan", to=[]), r"^manifest\.plan: a table, was \[\]"),
        ([], r"^manifest: a table of Manifest, was \[\]"),
        (None, r"^manifest: a table of Manifest, was None"),
    ],
)
def test_a_manifest_of_another_form_is_refused_by_its_key(data: Any, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        parse(canonical(data))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        WHOLE.content[:-1],
        WHOLE.content + b"}",
        b"\xff" + WHOLE.content,
        WHOLE.content.replace(b"0.6875", b"NaN"),
        WHOLE.content.replace(b"0.6875", b"Infinity"),
        b"[" * 100_000,
    ],
)
def test_bytes_that_are_no_json_are_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        parse(data)


@pytest.mark.parametrize(
    "data",
    [
        WHOLE.content + b"\n",
        WHOLE.content.replace(b'"seed":0', b'"seed": 0'),
        WHOLE.content.replace(b'"seed":0', b'"seed":1,"seed":0'),
        WHOLE.content.replace(b"0.6875", b"6.875e-1"),
        WHOLE.content.replace(b"1000.0", b"1000"),
        WHOLE.content.replace(b"BTC", b"\\u0042TC"),
    ],
)
def test_a_manifest_has_one_spelling(data: bytes) -> None:
    assert data != WHOLE.content
    with pytest.raises(Invalid, match="canonical bytes, was another spelling"):
        parse(data)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"name": "XGBoost"}, "name"),
        ({"name": "../../x"}, "name"),
        ({"name": "champion"}, "name"),
        ({"name": "x" * 41}, "name"),
        ({"artefacts": {}}, "artefacts"),
        ({"artefacts": {f"a{i}": Artefact.of(b"x") for i in range(65)}}, "artefacts"),
        ({"artefacts": {"../../x": Artefact.of(b"x")}}, "artefacts"),
        ({"artefacts": {"a/b": Artefact.of(b"x")}}, "artefacts"),
        ({"artefacts": {".hidden": Artefact.of(b"x")}}, "artefacts"),
        ({"artefacts": {"x\n": Artefact.of(b"x")}}, "artefacts"),
        ({"members": {"xgboost": "0" * 64}}, "members"),
        ({"kind": Kind.ENSEMBLE}, "members"),
        ({"kind": Kind.ENSEMBLE, "members": {"xgboost": "latest"}}, "members.xgboost"),
        ({"kind": Kind.ENSEMBLE, "members": {"X": "0" * 64}}, "members"),
        ({"features": ("rsi_14", "rsi_14")}, "features"),
        ({"features": ("a b",)}, "features"),
        ({"features": tuple(f"f{i}" for i in range(1_001))}, "features"),
        ({"feature_schema": "short"}, "feature_schema"),
        ({"interval_ms": 0}, "interval_ms"),
        ({"interval_ms": 1}, "interval_ms"),
        ({"interval_ms": 7_000_000}, "interval_ms"),
        ({"interval_ms": 172_800_000}, "interval_ms"),
        ({"horizon_bars": 0}, "horizon_bars"),
        ({"horizon_bars": 10_001}, "horizon_bars"),
        ({"trained_to_ms": 0}, "trained_to_ms"),
        ({"seed": -1}, "seed"),
        ({"parents": ("x",)}, "parents"),
        ({"parents": ("0" * 64,) * 65}, "parents"),
        ({"metrics": {"loss": NAN}}, "metrics.loss"),
        ({"metrics": {"loss": -INF}}, "metrics.loss"),
        ({"metrics": {"a b": 1.0}}, "metrics"),
        ({"metrics": {f"m{i}": 0.0 for i in range(1_001)}}, "metrics"),
        ({"plan": {"rate": NAN}}, "plan"),
        ({"plan": {"note": "x" * 70_000}}, "plan"),
        ({"plan": {1: "x"}}, "plan"),
        ({"plan": {"f": len}}, "plan"),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused_by_its_key(change: dict[str, Any], key: str) -> None:
    with pytest.raises(Invalid, match=rf"^{key}: "):
        manifest(**change)


@pytest.mark.parametrize(
    "forge",
    [
        lambda: replace(WHOLE.data, digest="x"),
        lambda: replace(WHOLE.data, symbols=()),
        lambda: replace(WHOLE.data, symbols=("BTCUSDT", "BTCUSDT")),
        lambda: replace(WHOLE.data, end_ms=WHOLE.data.start_ms),
        lambda: replace(WHOLE.code, version=""),
        lambda: replace(WHOLE.code, digest="x"),
        lambda: Artefact("x", 1),
        lambda: Artefact("0" * 64, 0),
        lambda: Artefact("0" * 64, ARTEFACT_BYTES_MAX + 1),
        lambda: replace(WHOLE.data, symbols=tuple(f"S{number}" for number in range(5_001))),
    ],
)
def test_its_parts_have_rules_too(forge: Any) -> None:
    with pytest.raises(Invalid):
        forge()


def test_the_largest_manifest_is_one_that_a_reader_still_reads() -> None:
    most = [f"{'x' * 76}{number:04}" for number in range(5_000)]
    members = {f"{'m' * 36}{number:04}": "0" * 64 for number in range(32)}
    files = {f"{'f' * 36}{number:04}.{'g' * 20}.{'h' * 20}.{'i' * 20}": Artefact("0" * 64, 1) for number in range(64)}
    largest = manifest(
        kind=Kind.ENSEMBLE,
        artefacts=files,
        members=members,
        features=tuple(most[:1_000]),
        data=replace(WHOLE.data, symbols=tuple(most)),
        plan={"note": "x" * 65_000},
        metrics=dict.fromkeys(most[:1_000], -2.2250738585072014e-308),
        parents=("0" * 64,) * 64,
    )
    assert len(largest.content) < MANIFEST_BYTES_MAX
    assert parse(largest.content) == largest
