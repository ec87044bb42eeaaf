import pytest

from qt_ray.ai.model_status import TRANSITIONS, ModelSignal, ModelStatus

pytestmark = pytest.mark.unit

INTO_SERVICE = {
    (ModelStatus.CANDIDATE, ModelSignal.PROMOTE),
    (ModelStatus.SHADOW, ModelSignal.PROMOTE),
    (ModelStatus.RETIRED, ModelSignal.RESTORE),
}


def test_every_status_can_be_reached_and_only_failure_is_an_end() -> None:
    assert TRANSITIONS.reachable == set(ModelStatus)
    assert TRANSITIONS.terminal == {ModelStatus.FAILED}


def test_a_version_comes_to_serve_by_promotion_or_by_restoration_only() -> None:
    assert {pair for pair, after in TRANSITIONS.rows.items() if after is ModelStatus.ACTIVE} == INTO_SERVICE


def test_what_is_retired_has_served() -> None:
    assert {at for (at, _), after in TRANSITIONS.rows.items() if after is ModelStatus.RETIRED} == {ModelStatus.ACTIVE}


@pytest.mark.parametrize("signal", ModelSignal)
def test_what_serves_can_only_be_replaced(signal: ModelSignal) -> None:
    makes_way = signal in (ModelSignal.RETIRE, ModelSignal.WITHDRAW)
    assert TRANSITIONS.foresees(ModelStatus.ACTIVE, signal) is makes_way
