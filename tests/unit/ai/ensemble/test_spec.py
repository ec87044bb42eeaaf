"""Spec: the same bytes again, and every bad value is one line."""

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.ensemble.spec import BASE_WEIGHTS, MEMBERS_MAX, WEIGHT_MAX, EnsembleSpec, PanelSpec, SeatSpec
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.market.regime import Regime
from tests.unit.ai.ensemble.fakes import KINDS, panel_of, seat, spec_of

pytestmark = pytest.mark.unit

finite = st.floats(-1e6, 1e6)
weight = st.floats(0.001, WEIGHT_MAX)
inside = st.floats(0.001, 0.999)


@st.composite
def seats(draw: st.DrawFn, kind: str) -> SeatSpec:
    scores = sorted(draw(st.sets(inside, min_size=1, max_size=5)))
    shares = sorted(draw(st.lists(inside, min_size=len(scores), max_size=len(scores))))
    regimes = draw(st.tuples(*[st.floats(0.0, WEIGHT_MAX)] * len(Regime)))
    return SeatSpec(kind, "a" * 64, draw(weight), draw(st.integers(0, 2**53)), tuple(scores), tuple(shares), regimes)


@st.composite
def panels(draw: st.DrawFn) -> PanelSpec:
    low, high = sorted((draw(finite), draw(finite)))
    return PanelSpec(KINDS, draw(weight), draw(finite), draw(inside), draw(finite), low, high)


specs = st.builds(
    lambda chosen, panel, ratio, cost: spec_of(seats=chosen, panels={"all": panel}, move_ratio=ratio, cost_bps=cost),
    st.tuples(*map(seats, KINDS)),
    panels(),
    weight,
    st.floats(0.0, 1e4),
)


@settings(max_examples=40, deadline=None)
@given(specs)
def test_what_was_written_is_read_again_and_written_in_the_same_bytes(spec: EnsembleSpec) -> None:
    again = EnsembleSpec.parse(spec.data(), "ensemble.json")
    assert again == spec
    assert again.data() == spec.data()


CULPRITS: list[tuple[Callable[[], Any], str]] = [
    (lambda: seat("nhits", weight=0.0), "nhits: a weight is above 0, 100.0 at most, was 0.0"),
    (lambda: seat("nhits", weight=nan), "a weight is above 0, 100.0 at most, was nan"),
    (lambda: seat("nhits", weight=100.5), "a weight is above 0, 100.0 at most, was 100.5"),
    (lambda: seat("nhits", regimes=(1.0,) * 6), "a multiplier for each of 7 regimes"),
    (lambda: seat("nhits", regimes=(1.0,) * 6 + (-0.1,)), "a multiplier for each of 7 regimes"),
    (lambda: seat("nhits", regimes=(1.0,) * 6 + (nan,)), "a multiplier for each of 7 regimes"),
    (lambda: seat("nhits", scores=(), shares=()), "as many scores as shares, had 0"),
    (lambda: seat("nhits", scores=(0.1,)), "as many scores as shares, had 1"),
    (lambda: seat("nhits", scores=(0.1, inf)), r"a score is finite, was among \(0\.1, inf\)"),
    (lambda: seat("nhits", scores=(nan,), shares=(0.5,)), r"a score is finite, was among \(nan,\)"),
    (lambda: seat("nhits", scores=(0.5, 0.5)), "a calibration ascends, did not"),
    (lambda: seat("nhits", scores=(0.6, 0.5)), "a calibration ascends, did not"),
    (lambda: seat("nhits", shares=(0.6, 0.5)), "a calibration ascends, did not"),
    (lambda: seat("nhits", shares=(0.0, 0.5)), "keeps 1e-06 off 0 and 1, was"),
    (lambda: seat("nhits", shares=(0.5, 1.0)), "keeps 1e-06 off 0 and 1, was"),
    (lambda: seat("nhits", shares=(0.5, 1.0 - 1e-9)), "keeps 1e-06 off 0 and 1, was"),
    (lambda: panel_of(()), "names a member once, and at least one, had "),
    (lambda: panel_of(("nhits", "nhits")), "names a member once, and at least one, had nhits, nhits"),
    (lambda: panel_of(slope=0.0), "slope is above 0, 100.0 at most, was 0.0"),
    (lambda: panel_of(slope=nan), "slope is above 0, 100.0 at most, was nan"),
    (lambda: panel_of(coverage=1.0), "coverage is inside 0 and 1, was 1.0"),
    (lambda: panel_of(shift=nan), "are finite, low at most high, were nan"),
    (lambda: panel_of(margin=inf), "are finite, low at most high, were 0.0, inf"),
    (lambda: panel_of(low=2.0), "are finite, low at most high, were 0.0, 0.0, 2.0, 1.0"),
    (lambda: spec_of(seats=()), "1 to 16 members, were 0"),
    (lambda: spec_of(seats=tuple(seat("nhits") for _ in range(MEMBERS_MAX + 1))), "1 to 16 members, were 17"),
    (lambda: spec_of(seats=(seat("nhits"), seat("nhits"))), "a kind sits once, were nhits, nhits"),
    (lambda: spec_of(features=()), "features are named once, and at least one, were "),
    (lambda: spec_of(features=("rsi_14", "rsi_14")), "features are named once, and at least one, were rsi_14, rsi_14"),
    (lambda: spec_of(interval_ms=0), "interval and horizon are positive, were 0, 4"),
    (lambda: spec_of(horizon_bars=-1), "interval and horizon are positive, were 3600000, -1"),
    (lambda: spec_of(move_ratio=0.0), r"move_ratio above 0, cost from 0, were 0\.0, 0\.0"),
    (lambda: spec_of(move_ratio=inf), r"move_ratio above 0, cost from 0, were inf, 0\.0"),
    (lambda: spec_of(cost_bps=-1.0), r"move_ratio above 0, cost from 0, were 1\.0, -1\.0"),
    (lambda: spec_of(cost_bps=nan), r"move_ratio above 0, cost from 0, were 1\.0, nan"),
    (lambda: spec_of(panels={}), "a panel all, had none"),
    (lambda: spec_of(panels={"trees": panel_of()}), "a panel all, had trees"),
    (lambda: spec_of(panels={"all": panel_of(("nhits", "oracle"))}), "panel all is of its members, had oracle"),
]


@pytest.mark.parametrize(("make", "rule"), CULPRITS, ids=[rule for _, rule in CULPRITS])
def test_a_bad_value_is_one_line(make: Callable[[], Any], rule: str) -> None:
    with pytest.raises(Invalid, match=rule) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_mistake_in_a_file_is_named_by_its_place() -> None:
    written = orjson.loads(spec_of().data())
    written["seats"][1]["weight"] = -1
    with pytest.raises(Invalid, match=r"ensemble\.json\.seats\[1\]\.lightgbm: a weight is above 0"):
        EnsembleSpec.parse(orjson.dumps(written), "ensemble.json")


def test_a_panel_keeps_the_order_of_seats_and_not_its_own() -> None:
    two = panel_of(("lightgbm", "xgboost"))
    spec = spec_of(panels={"all": panel_of(), "trees": two})
    assert [one.kind for one in spec.seats_of("trees")] == ["xgboost", "lightgbm"]
    assert spec.panel("trees") is two


def test_a_panel_that_is_not_there_is_named_beside_those_that_are() -> None:
    with pytest.raises(InvalidConfig, match=r"predictor\.members: one of all, was 'trees'"):
        spec_of().seats_of("trees")


@pytest.mark.requirement("S5 Ensemble")
def test_the_founding_weights_are_the_founding_weights() -> None:
    """SPEC 5: base weights .25/.25/.20/.30."""
    assert [BASE_WEIGHTS[kind] for kind in KINDS] == [0.25, 0.25, 0.20, 0.30]


def test_another_weight_is_another_version() -> None:
    spec = spec_of()
    heavier = replace(spec, seats=(replace(spec.seats[0], weight=0.3), *spec.seats[1:]))
    assert heavier.data() != spec.data()
