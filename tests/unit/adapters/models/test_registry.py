import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.models.manifest import Manifest
from qt_ray.adapters.models.registry import REGISTRY, SCHEMA, Registry, find_registry
from qt_ray.ai.model_status import ModelSignal, ModelStatus
from qt_ray.core.errors import Invalid
from tests.unit.adapters.models.stores import FILE, HOUR_MS, SAYS, ensemble, manifest, promoted, put, served, weights

pytestmark = pytest.mark.unit

Act = tuple[Any, Any]
acts = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 3)),
        st.tuples(st.just("rollback"), st.just("xgboost")),
        st.tuples(st.integers(0, 3), st.sampled_from(ModelSignal)),
    ),
    max_size=25,
)


def act(registry: Registry, doing: Any, what: Any) -> None:
    if doing == "put":
        put(registry, what)
    elif doing == "rollback":
        registry.rollback(what, *SAYS)
    else:
        registry.advance(manifest(doing).version, what, *SAYS)


@settings(max_examples=12, deadline=None)
@given(acts)
def test_whatever_is_asked_one_version_serves_and_all_of_it_is_provable(acts: list[Act]) -> None:
    with TemporaryDirectory() as folder:
        registry = Registry(Path(folder))
        for doing, what in acts:
            before = registry.succession()
            try:
                act(registry, doing, what)
            except Invalid:
                assert registry.succession() == before
            active = [entry.status for entry in registry.entries()].count(ModelStatus.ACTIVE)
            assert active == 1 or (active == 0 and before.active("xgboost") is None)
        assert registry.verify() == []


def test_what_is_put_is_a_candidate_that_can_be_read_back(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    version = put(registry)
    assert registry.manifest(version) == manifest()
    assert registry.artefact(version, FILE) == weights()
    (entry,) = registry.entries()
    assert (entry.name, entry.version, entry.status) == ("xgboost", version, ModelStatus.CANDIDATE)
    assert (entry.last.by, entry.last.reason, entry.last.at_ms) == SAYS
    assert registry.active("xgboost") is None


def test_the_folder_is_as_it_is_documented(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    version = put(registry)
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {REGISTRY, ".lock", f"manifests/{version}.json", f"objects/{manifest().artefacts[FILE].sha256}"}
    assert (tmp_path / "manifests" / f"{version}.json").read_bytes() == manifest().content
    step = {"revision": 1, "at_ms": SAYS[2], "signal": "trained", "status": "CANDIDATE", "by": "ada"}
    assert json.loads((tmp_path / REGISTRY).read_bytes()) == {
        "schema": "qt.models/1",
        "revision": 1,
        "entries": [
            {
                "name": "xgboost",
                "version": version,
                "status": "CANDIDATE",
                "history": [step | {"reason": "the gate passed"}],
            }
        ],
    }


def test_the_same_model_again_changes_nothing_and_mends_what_broke(tmp_path: Path) -> None:
    registry, _ = served(tmp_path)
    before = (tmp_path / REGISTRY).read_bytes()
    (tmp_path / "objects" / manifest().artefacts[FILE].sha256).write_bytes(b"broken")
    assert registry.verify() != []
    assert put(registry) == manifest().version
    assert registry.verify() == []
    assert (tmp_path / REGISTRY).read_bytes() == before


def test_a_content_that_two_versions_share_lies_there_once(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    put(registry)
    registry.put(manifest(0, plan={}), {FILE: weights()}, *SAYS)
    assert len(registry.entries()) == 2
    assert len(list((tmp_path / "objects").iterdir())) == 1


def test_a_champion_is_known_by_every_word_for_it(tmp_path: Path) -> None:
    registry, champion = served(tmp_path)
    assert {registry.resolve(word) for word in ("champion", "ensemble", champion, champion[:6])} == {champion}
    assert registry.resolve("xgboost") == registry.manifest(champion).members["xgboost"]


def test_a_promotion_retires_and_a_rollback_returns_in_one_write_each(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    old, new = promoted(registry, 0), promoted(registry, 1)
    assert (registry.entry(old).status, registry.entry(new).status) == (ModelStatus.RETIRED, ModelStatus.ACTIVE)
    revision = registry.succession().revision
    assert registry.rollback("xgboost", "bob", "it lost money", 5).version == old
    assert registry.succession().revision == revision + 1
    assert [(step.by, step.status) for step in registry.entry(new).history[-2:]] == [
        ("ada", ModelStatus.ACTIVE),
        ("bob", ModelStatus.RETIRED),
    ]


def test_who_saw_another_revision_is_refused(tmp_path: Path) -> None:
    registry, champion = served(tmp_path)
    seen = registry.succession().revision
    version = put(registry, 1)
    with pytest.raises(Invalid, match=rf"{REGISTRY}: revision {seen} was expected, is {seen + 1}"):
        registry.advance(version, ModelSignal.SHADOW, *SAYS, expected_revision=seen)
    registry.advance(version, ModelSignal.SHADOW, *SAYS, expected_revision=seen + 1)
    assert registry.resolve("champion") == champion


def member_of(registry: Registry, **change: Any) -> Callable[[Manifest], Manifest]:
    version = put(registry)
    return lambda made: replace(made, members={"xgboost": version}, **change)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"interval_ms": HOUR_MS // 2}, "members.xgboost: interval_ms of the ensemble, 1800000, was another"),
        ({"horizon_bars": 9}, "members.xgboost: horizon_bars of the ensemble, 9, was another"),
        ({"trained_to_ms": 1_639_999_999_999}, "trained_to_ms: not before its members'"),
    ],
)
def test_an_ensemble_looks_as_far_ahead_and_knows_as_much_as_its_members(
    tmp_path: Path, change: dict[str, Any], rule: str
) -> None:
    registry = Registry(tmp_path)
    made = replace(ensemble(xgboost=put(registry)), **change)
    with pytest.raises(Invalid, match=rule):
        registry.put(made, {}, *SAYS)


def test_a_member_is_in_the_registry_under_its_name_and_no_ensemble(tmp_path: Path) -> None:
    registry, champion = served(tmp_path)
    member = manifest().version
    for members, rule in (
        ({"xgboost": "0" * 64}, "a version is one of the registry's 2"),
        ({"nhits": member}, "members.nhits: a single model of that name, was xgboost, xgboost"),
        ({"ensemble": champion}, "members.ensemble: a single model of that name, was ensemble, ensemble"),
    ):
        with pytest.raises(Invalid, match=rule):
            registry.put(ensemble(1, **members), {}, *SAYS)


def test_an_ensemble_with_a_member_that_failed_never_serves(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    member = put(registry)
    version = registry.put(ensemble(xgboost=member), {}, *SAYS)
    registry.advance(member, ModelSignal.REJECT, *SAYS)
    with pytest.raises(Invalid, match="no member has failed, xgboost has"):
        registry.advance(version, ModelSignal.PROMOTE, *SAYS)
    assert registry.active("ensemble") is None


def test_a_sweep_removes_only_what_nobody_speaks_of(tmp_path: Path) -> None:
    registry, champion = served(tmp_path)
    for name in ("objects", "manifests"):
        ending = ".json" if name == "manifests" else ""
        (tmp_path / name / ("0" * 64 + ending)).write_bytes(b"orphan")
    assert registry.sweep() == [f"objects/{'0' * 64}", f"manifests/{'0' * 64}.json"]
    assert registry.sweep() == registry.verify() == []
    assert registry.resolve("champion") == champion


def test_a_lost_registry_makes_no_orphans(tmp_path: Path) -> None:
    registry, champion = served(tmp_path)
    (tmp_path / REGISTRY).unlink()
    with pytest.raises(Invalid, match=r"registry\.json says what is kept, there is none"):
        registry.sweep()
    assert (tmp_path / "manifests" / f"{champion}.json").exists()


def test_a_sweep_in_doubt_removes_nothing(tmp_path: Path) -> None:
    registry, champion = served(tmp_path)
    orphan = tmp_path / "objects" / ("0" * 64)
    orphan.touch()
    (tmp_path / "manifests" / f"{champion}.json").write_bytes(b"{}")
    with pytest.raises(Invalid):
        registry.sweep()
    assert orphan.exists()


def test_an_empty_place_is_an_empty_registry_and_stays_untouched(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    assert registry.entries() == ()
    assert registry.active("ensemble") is None
    assert registry.verify() == []
    with pytest.raises(Invalid, match="champion: stands for the ACTIVE version of ensemble, there is none"):
        registry.resolve("champion")
    with pytest.raises(Invalid, match="No such file or directory"):
        registry.rollback("ensemble", *SAYS)
    assert not registry.root.exists()


def test_the_nearest_registry_is_this_folders_else_the_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_registry(Path("other")).root == Path("other")
    assert find_registry().root.resolve() != tmp_path / "other"
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / REGISTRY).write_text(json.dumps({"schema": SCHEMA, "revision": 0, "entries": []}))
    assert find_registry().root.resolve() == tmp_path / "models"
