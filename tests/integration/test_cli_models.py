import json
from pathlib import Path
from typing import Any

import pytest

from qt_ray.adapters.models.registry import Registry
from qt_ray.core.codec import decode
from tests.integration.shell import qt, refused
from tests.unit.adapters.models.stores import FILE, HOUR_MS, SAYS, manifest, put, served, unmoved, weights

pytestmark = pytest.mark.integration

WHY = ("--reason", "the gate passed", "--by", "ada")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Return a registry with a champion and one candidate for its member."""
    made, _ = served(tmp_path / "models")
    put(made, 1)
    return made


def models(registry: Registry, *words: object) -> Any:
    return qt("models", *words, "--root", registry.root)


def broken(registry: Registry) -> str:
    """Flip a bit of the member that serves; return its version."""
    path = registry.root / "objects" / manifest().artefacts[FILE].sha256
    path.write_bytes(weights().replace(b"0", b"1"))
    return manifest().version


def test_list_shows_who_serves_and_what_is_known(registry: Registry) -> None:
    ended = models(registry, "list")
    assert (ended.code, ended.err) == (0, "")
    rows = [line.split() for line in ended.out.splitlines() if "ACTIVE" in line or "CANDIDATE" in line]
    version = manifest().version[:12]
    assert rows[0] == ["xgboost", version, "ACTIVE", "2021-12-20T11:33", "4", "×", "1h", "0.68750"]
    assert [row[2] for row in rows] == ["ACTIVE", "ACTIVE", "CANDIDATE"]


def test_list_for_programs_is_the_registry_and_what_its_manifests_say(registry: Registry) -> None:
    registry.put(manifest(2, metrics={}), {FILE: weights(2)}, *SAYS)
    data = models(registry, "list", "--json").data
    assert (data["schema"], data["revision"]) == ("qt.models/1", registry.succession().revision)
    assert [row["status"] for row in data["entries"]] == ["ACTIVE", "ACTIVE", "CANDIDATE", "CANDIDATE"]
    assert data["entries"][0]["trained_to"] == "2021-12-20T11:33:20.000Z"
    assert (data["entries"][0]["interval_ms"], data["entries"][0]["horizon_bars"]) == (HOUR_MS, 4)
    assert [row["oos_log_loss"] for row in data["entries"]] == [0.6875, 0.6875, 0.6875, None]
    assert data["entries"][0]["history"][-1]["reason"] == "the gate passed"


def test_list_names_a_manifest_it_cannot_read_and_shows_the_others(registry: Registry) -> None:
    (registry.root / "manifests" / f"{manifest(1).version}.json").write_bytes(b"{}")
    ended = models(registry, "list")
    assert ended.code == 6
    assert len(ended.errors) == 1
    assert "bytes whose SHA-256 is the name" in ended.errors[0]
    assert ended.out.count("ACTIVE") == 2
    (row,) = (line.split() for line in ended.out.splitlines() if "CANDIDATE" in line)
    assert row[2:] == ["CANDIDATE", "unknown", "unknown", "unknown"]


def test_an_empty_registry_is_a_remark(tmp_path: Path) -> None:
    ended = qt("models", "list", "--root", tmp_path)
    assert (ended.code, ended.out) == (0, "")
    assert "is empty" in ended.err


def test_show_tells_all_of_a_version(registry: Registry) -> None:
    ended = models(registry, "show", "xgboost")
    assert (ended.code, ended.err) == (0, "")
    for part in ("ACTIVE", "plan.rate = 0.1", "features = rsi_14 atr_14", "by ada: the gate passed", "every byte"):
        assert part in ended.out
    data = models(registry, "show", "champion", "--json").data
    assert (data["schema"], data["name"], data["status"]) == ("qt.model/1", "ensemble", "ACTIVE")
    assert data["manifest"] == decode(registry.manifest(data["version"]).content)
    assert (data["whole"], data["flaws"]) == (True, [])


def test_show_of_a_broken_version_says_so(registry: Registry) -> None:
    version = broken(registry)
    ended = models(registry, "show", version[:8])
    assert ended.code == 6
    assert f"BROKEN xgboost {version[:12]}: {FILE}: " in ended.out
    assert models(registry, "show", version[:8], "--json").data["whole"] is False


def test_diff_says_key_by_key_what_differs(registry: Registry) -> None:
    change = {"plan": {"depth": 5, "rate": 0.1, "rounds": [200, 100]}, "features": ("rsi_14", "basis")}
    other = registry.put(manifest(0, **change, parents=(manifest().version,)), {FILE: weights()}, *SAYS)
    ended = models(registry, "diff", "xgboost", other)
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "features: -atr_14 +basis",
        f"parents: +{manifest().version}",
        "plan.depth: 4 -> 5",
        "plan.rounds: in another order",
    ]
    data = models(registry, "diff", "xgboost", other, "--json").data
    assert (data["schema"], data["before"], data["after"]) == ("qt.models.diff/1", manifest().version, other)
    assert {"key": "plan.depth", "before": 4, "after": 5} in data["differences"]
    assert models(registry, "diff", "champion", "xgboost").out.count("members.xgboost") == 1
    assert models(registry, "diff", other, other).out == ""


def test_verify_reads_every_byte(registry: Registry) -> None:
    ended = models(registry, "verify")
    assert (ended.code, ended.out) == (0, f"{registry.root}: 3 versions, every byte is what it was\n")
    version = broken(registry)
    ended = models(registry, "verify")
    assert ended.code == 6
    assert ended.out.startswith(f"xgboost {version[:12]}: {FILE}: ")
    data = json.loads(models(registry, "verify", "--json").out)
    assert (data["schema"], data["whole"], len(data["flaws"])) == ("qt.models.verify/1", False, 1)


def test_a_candidate_walks_through_the_shadow_into_service_and_back(registry: Registry) -> None:
    old, new = manifest(0).version, manifest(1).version
    refused(models(registry, "promote", new, *WHY), 6, "a candidate replaces nobody before it was in SHADOW")
    assert models(registry, "shadow", new, *WHY).out == f"xgboost {new[:12]} SHADOW\n"
    assert models(registry, "promote", new[:6], *WHY).out == f"xgboost {new[:12]} ACTIVE\n"
    assert models(registry, "rollback", "xgboost", *WHY).out == f"xgboost {old[:12]} ACTIVE\n"
    refused(models(registry, "rollback", "xgboost", *WHY), 6, "there is none")
    assert models(registry, "promote", new, *WHY).out == f"xgboost {new[:12]} ACTIVE\n"
    last = registry.entry(new).last
    assert (last.by, last.reason, last.signal) == ("ada", "the gate passed", "restore")
    assert last.at_ms > SAYS[2]


@pytest.mark.parametrize("verb", ["shadow", "promote", "rollback"])
def test_who_changes_what_is_served_says_why(registry: Registry, verb: str) -> None:
    with unmoved(registry):
        refused(models(registry, verb, "xgboost", "--by", "ada"), 2, "--reason")
        refused(models(registry, verb, "xgboost", "--by", "ada", "--reason", " "), 6, "reason: one line")


def test_whoever_is_logged_in_says_so(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "grace")
    assert models(registry, "shadow", manifest(1).version, "--reason", "looks well").code == 0
    assert registry.entry(manifest(1).version).last.by == "grace"
    monkeypatch.delenv("USER")
    refused(models(registry, "promote", manifest(1).version, "--reason", "looks well"), 2, "--by")


@pytest.mark.parametrize("words", [("show", "../../x"), ("show", "nhits"), ("diff", "xgboost", "ffffff")])
def test_a_word_for_no_model_is_one_line(registry: Registry, words: tuple[str, ...]) -> None:
    refused(models(registry, *words), 6, "fits 0")


@pytest.mark.parametrize("verb", [("list",), ("show", "champion"), ("promote", "champion", *WHY)])
def test_a_half_written_registry_is_one_line_and_stays(registry: Registry, verb: tuple[str, ...]) -> None:
    path = registry.root / "registry.json"
    path.write_bytes(path.read_bytes()[:-40])
    before = path.read_bytes()
    refused(models(registry, *verb), 6, "registry.json", "JSON")
    assert models(registry, "verify").code == 6
    assert path.read_bytes() == before
