"""Register: a version is what it is made of, and an ensemble's members are there before it."""

from dataclasses import replace
from pathlib import Path

import pytest

from qt_ray.adapters.models.assembly import assemble
from qt_ray.adapters.models.registry import Registry
from qt_ray.ai.model_status import ModelStatus
from qt_ray.core.errors import Invalid
from qt_ray.jobs.training.fit import Fitted
from qt_ray.jobs.training.register import register
from qt_ray.jobs.training.train import Trained
from tests.integration.shell import files_of
from tests.unit.jobs.training.tiny import tiny

pytestmark = pytest.mark.unit

METRICS = {
    "parity.xgboost": 1e-8,
    "parity.lightgbm": 0.0,
    "test.xgboost.log_loss": 0.61,
    "test.lightgbm.log_loss": 0.62,
    "test.blend.log_loss": 0.6,
}


def registered(
    root: Path, fitted: Fitted | None = None, metrics: dict[str, float] | None = None, by: str = "ada"
) -> str:
    made = tiny()
    told = METRICS if metrics is None else metrics
    return register(Registry(root), made.plan, made.bars, fitted or made.fitted, made.learned, told, by)


def test_the_members_come_first_and_all_are_candidates(tmp_path: Path) -> None:
    version = registered(tmp_path)
    entries = Registry(tmp_path).entries()
    assert [entry.name for entry in entries] == ["xgboost", "lightgbm", "ensemble"]
    assert {entry.status for entry in entries} == {ModelStatus.CANDIDATE}
    assert entries[-1].version == version
    assert Registry(tmp_path).verify() == []


def test_a_version_is_a_function_of_content_and_not_of_who_where_or_when(tmp_path: Path) -> None:
    assert registered(tmp_path / "a") == registered(tmp_path / "b", by="grace")
    slower = {**METRICS, "test.blend.log_loss": 0.61}
    assert registered(tmp_path / "a", metrics=slower) != registered(tmp_path / "a")
    bent = replace(tiny().fitted.spec, cost_bps=99.0)
    assert registered(tmp_path / "a", fitted=replace(tiny().fitted, spec=bent)) != registered(tmp_path / "a")


def test_registering_the_same_again_changes_no_byte(tmp_path: Path) -> None:
    version = registered(tmp_path)
    before = files_of(tmp_path)
    assert registered(tmp_path) == version
    assert files_of(tmp_path) == before


def test_a_manifest_vouches_for_bars_plan_scores_and_what_the_library_said(tmp_path: Path) -> None:
    registry, version = Registry(tmp_path), registered(tmp_path)
    made, ensemble = tiny(), registry.manifest(version)
    assert ensemble.data.digest == made.bars.digest()
    assert ensemble.plan == made.plan.plain()
    assert ensemble.metrics == {"oos_log_loss": 0.6, **METRICS}
    xgboost = registry.manifest(ensemble.members["xgboost"])
    assert xgboost.metrics == {"oos_log_loss": 0.61, "parity.xgboost": 1e-8, "test.xgboost.log_loss": 0.61}
    assert xgboost.plan["facts"]["library"].startswith("xgboost ")
    assert "envelope" not in xgboost.plan["facts"]


def test_what_was_registered_is_what_was_fitted(tmp_path: Path) -> None:
    made, version = tiny(), registered(tmp_path)
    test = made.sample.take(made.parts.test)
    served = assemble(tmp_path, made.bars.symbols, made.bars.interval_ms, version)
    one, other = (
        e.weigh(test.evidence, test.regime, test.ts) for e in (served, made.fitted.ensemble(made.bars.symbols))
    )
    assert one.votes.tobytes() == other.votes.tobytes()
    assert one.outlook.tobytes() == other.outlook.tobytes()


def test_activating_lets_all_of_it_serve_and_retires_what_did(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    first = Trained(registry, registered(tmp_path))
    first.activate("ada", "the first")
    second = Trained(registry, registered(tmp_path, metrics={**METRICS, "test.blend.log_loss": 0.59}))
    second.activate("ada", "better")
    assert (first.status, second.status) == (ModelStatus.RETIRED, ModelStatus.ACTIVE)
    members = registry.manifest(second.version).members
    assert members == registry.manifest(first.version).members
    assert all(registry.entry(version).status is ModelStatus.ACTIVE for version in members.values())
    second.activate("ada", "again")
    first.activate("ada", "it was the better one after all")
    assert (first.status, second.status) == (ModelStatus.ACTIVE, ModelStatus.RETIRED)


@pytest.mark.parametrize("parity", [{}, {"parity.xgboost": 0.0, "parity.lightgbm": 0.1}])
def test_members_that_nobody_compared_with_their_library_do_not_serve(tmp_path: Path, parity: dict[str, float]) -> None:
    trained = Trained(Registry(tmp_path), registered(tmp_path, metrics=parity))
    before = files_of(tmp_path)
    with pytest.raises(Invalid, match="serves within 1e-05 of its library"):
        trained.activate("ada", "hope")
    assert files_of(tmp_path) == before


def test_an_ensemble_with_a_broken_member_comes_to_serve_nowhere(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    trained = Trained(registry, registered(tmp_path))
    member = registry.manifest(trained.version).members["lightgbm"]
    path = tmp_path / "objects" / registry.manifest(member).artefacts["model.txt"].sha256
    path.write_bytes(path.read_bytes()[:-1])
    before = files_of(tmp_path)
    with pytest.raises(Invalid, match="bytes, was"):
        trained.activate("ada", "hope")
    assert files_of(tmp_path) == before
    assert trained.plain()["status"] is ModelStatus.CANDIDATE
