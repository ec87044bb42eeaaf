"""Faults: whatever happens to the files, the registry and the champion stay, or nothing is said to be served."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from qt_ray.adapters.models.manifest import Artefact
from qt_ray.adapters.models.registry import REGISTRY, Registry
from qt_ray.ai.model_status import ModelSignal, ModelStatus
from qt_ray.core.errors import Invalid
from tests.unit.adapters.models.stores import FILE, SAYS, ensemble, manifest, put, race, served, unmoved, weights

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[4]
PUT = "put(registry, 1)"
PRELUDE = """
    import os, resource, sys
    from pathlib import Path
    from qt_ray.ai.model_status import ModelSignal
    from qt_ray.core.errors import Invalid
    from tests.unit.adapters.models.stores import FILE, SAYS, Registry, manifest, put
    registry = Registry(Path())
"""


def elsewhere(root: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    """Run lines of Python in a process of its own whose folder is the registry's."""
    code = "\n".join((dedent(PRELUDE), *map(dedent, lines)))
    world = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=world, capture_output=True, text=True, check=False, timeout=60
    )


def refused(ended: subprocess.CompletedProcess[str], rule: str) -> None:
    assert ended.returncode == 1, ended
    assert rule in ended.stderr.splitlines()[-1], ended


def shadowed(registry: Registry) -> tuple[str, Path]:
    """Return a version that waits in SHADOW and the path of its artefact."""
    version = put(registry, 1)
    registry.advance(version, ModelSignal.SHADOW, *SAYS)
    return version, registry.root / "objects" / manifest(1).artefacts[FILE].sha256


@pytest.mark.parametrize("step", range(3))
def test_a_crash_between_two_writes_leaves_orphans_that_harm_nobody(tmp_path: Path, step: int) -> None:
    registry, _ = served(tmp_path)
    crash = f"""
        left = [{step}]
        def hook(event, _):
            if event == "os.rename":
                if not left[0]:
                    os._exit(9)
                left[0] -= 1
        sys.addaudithook(hook)
    """
    before = (tmp_path / REGISTRY).read_bytes()
    assert elsewhere(tmp_path, crash, PUT).returncode == 9
    assert (tmp_path / REGISTRY).read_bytes() == before
    assert registry.verify() == []
    assert len(registry.sweep()) == step + 1  # what was written, and the draft of what was not
    assert not list(tmp_path.rglob("*.tmp"))
    assert registry.entry(put(registry, 1)).status is ModelStatus.CANDIDATE


def test_a_disk_that_fills_up_while_saving_is_one_line(tmp_path: Path) -> None:
    registry, _ = served(tmp_path)
    full = "resource.setrlimit(resource.RLIMIT_FSIZE, ({}, {}))"
    with unmoved(registry):
        refused(elsewhere(tmp_path, full.format(8, 8), PUT), "a registry is written whole, was: File too large")
    with unmoved(registry):  # contents and manifest find room, the registry does not
        size = (tmp_path / REGISTRY).stat().st_size
        assert size > len(manifest().content)
        refused(elsewhere(tmp_path, full.format(size, size), PUT), "was: File too large")


def test_a_folder_that_may_only_be_read_is_still_read(tmp_path: Path) -> None:
    registry, champion = served(tmp_path)
    folders = [tmp_path, *(path for path in tmp_path.iterdir() if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    (tmp_path / ".lock").chmod(0o444)
    leave_root = "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)"
    with unmoved(registry):
        ended = elsewhere(tmp_path, leave_root, "print(registry.resolve('champion'))", "sys.stdout.flush()", PUT)
        assert ended.stdout.strip() == champion
        refused(ended, "PermissionError")
    for folder in folders:
        folder.chmod(0o755)


def test_a_file_in_place_of_the_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "models").write_bytes(b"mine")
    registry = Registry(tmp_path / "models")
    for ask in (lambda: put(registry), registry.entries, registry.sweep):
        with pytest.raises(Invalid, match=r"models"):
            ask()
    assert (tmp_path / "models").read_bytes() == b"mine"


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    registry, _ = served(tmp_path)
    (tmp_path / "objects" / manifest(1).artefacts[FILE].sha256).mkdir()
    with unmoved(registry), pytest.raises(Invalid, match="Is a directory"):
        put(registry, 1)


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def other_schema(content: bytes) -> bytes:
    return content.replace(b"qt.models/1", b"qt.models/2")


def told_otherwise(**change: Any) -> Callable[[bytes], bytes]:
    return lambda content: json.dumps(json.loads(content) | change).encode()


def promoted_by_hand(content: bytes) -> bytes:
    data = json.loads(content)
    data["entries"][-1]["status"] = "ACTIVE"
    return json.dumps(data).encode()


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (half, "JSON"),
        (lambda _: b"", "JSON"),
        (lambda _: b"\x00" * 100, "JSON"),
        (lambda _: b"[]", "has schema qt.models/1"),
        (lambda _: pickle.dumps({"schema": "qt.models/1"}), "JSON"),
        (other_schema, "has schema qt.models/1, had 'qt.models/2'"),
        (told_otherwise(owner="eve"), "registry.owner: unknown"),
        (told_otherwise(revision="7"), "registry.revision: a whole number"),
        (told_otherwise(revision=1), "revision: not before the newest step's"),
        (promoted_by_hand, r"status: what the history replays to, CANDIDATE, was ACTIVE"),
        (lambda _: b'{"schema":"qt.models/1","revision":3}', "registry.entries: required, was missing"),
        (lambda _: b'{"schema":"qt.models/1","entries":[]}', "registry.revision: required, was missing"),
    ],
)
def test_a_registry_that_is_not_whole_serves_nobody_and_is_not_written_over(
    tmp_path: Path, spoil: Callable[[bytes], bytes], rule: str
) -> None:
    registry, champion = served(tmp_path)
    put(registry, 2)
    spoilt = spoil((tmp_path / REGISTRY).read_bytes())
    (tmp_path / REGISTRY).write_bytes(spoilt)
    asks: list[Callable[[], object]] = [
        registry.entries,
        lambda: registry.resolve("champion"),
        lambda: registry.artefact(champion, FILE),
        lambda: put(registry, 1),
        lambda: registry.rollback("ensemble", *SAYS),
        registry.sweep,
    ]
    for ask in asks:
        with pytest.raises(Invalid, match=rf"registry\.json: .*{rule}"):
            ask()
    assert len(registry.verify()) == 1
    assert (tmp_path / REGISTRY).read_bytes() == spoilt


def test_a_registry_behind_a_link_or_too_large_is_refused(tmp_path: Path) -> None:
    registry, _ = served(tmp_path / "models")
    path = registry.root / REGISTRY
    path.rename(tmp_path / "outside.json")
    path.symlink_to(tmp_path / "outside.json")
    with pytest.raises(Invalid, match=r"registry\.json: a file in real folders"):
        put(registry, 1)
    assert path.is_symlink()
    path.unlink()
    with path.open("wb") as stream:
        stream.truncate((16 << 20) + 1)
    with pytest.raises(Invalid, match=r"registry\.json: at most 16777216 bytes"):
        put(registry, 1)


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def oversize(path: Path) -> None:
    with path.open("ab") as stream:
        stream.truncate((64 << 20) + 1)


def linked(path: Path) -> None:
    outside = path.parents[2] / "outside"
    path.rename(outside)
    path.symlink_to(outside)


SPOILERS = [
    (flipped, "bytes whose SHA-256 is the name"),
    (truncated, r"\d+ bytes, was \d+|bytes whose SHA-256 is the name"),
    (oversize, "at most"),
    (linked, "a file in real folders"),
    (Path.unlink, "a file that is there, was missing"),
]


@pytest.mark.parametrize(("spoil", "rule"), SPOILERS)
@pytest.mark.parametrize("place", ["object", "manifest"])
def test_a_spoilt_file_is_never_served_and_its_version_never_promoted(
    tmp_path: Path, spoil: Callable[[Path], None], rule: str, place: str
) -> None:
    registry, _ = served(tmp_path / "models")
    version, path = shadowed(registry)
    spoil(path if place == "object" else registry.root / "manifests" / f"{version}.json")
    with unmoved(registry):
        with pytest.raises(Invalid, match=rule):
            registry.artefact(version, FILE)
        with pytest.raises(Invalid, match=rule):
            registry.advance(version, ModelSignal.PROMOTE, *SAYS)
        (flaw,) = registry.verify()
        assert flaw.startswith(f"xgboost {version[:12]}: ")


def test_a_rollback_to_a_spoilt_version_is_refused(tmp_path: Path) -> None:
    registry, _ = served(tmp_path)
    version, path = shadowed(registry)
    registry.advance(version, ModelSignal.PROMOTE, *SAYS)
    flipped(path.with_name(manifest(0).artefacts[FILE].sha256))
    with unmoved(registry), pytest.raises(Invalid, match="bytes whose SHA-256 is the name"):
        registry.rollback("xgboost", *SAYS)


def test_an_ensemble_of_a_spoilt_member_is_not_promoted(tmp_path: Path) -> None:
    registry, champion = served(tmp_path)
    version, path = shadowed(registry)
    other = registry.put(ensemble(9, xgboost=version), {}, *SAYS)
    registry.advance(other, ModelSignal.SHADOW, *SAYS)
    flipped(path)
    with unmoved(registry), pytest.raises(Invalid, match=f"^xgboost {version[:12]}: {FILE}: "):
        registry.advance(other, ModelSignal.PROMOTE, *SAYS)
    assert registry.resolve("champion") == champion


@pytest.mark.parametrize("file", ["../../x", "/etc/passwd", "..", "", "a/b", ".hidden", f"{FILE}\n", "nothing.json"])
def test_a_name_leads_to_a_file_of_the_version_or_nowhere(tmp_path: Path, file: str) -> None:
    registry, _ = served(tmp_path)
    with unmoved(registry), pytest.raises(Invalid, match="a file is"):
        registry.artefact(manifest().version, file)


@pytest.mark.parametrize("version", ["../../x", "", "0" * 64, "0" * 63, "champion"])
def test_a_version_is_one_that_was_put_in(tmp_path: Path, version: str) -> None:
    registry, _ = served(tmp_path)
    with unmoved(registry):
        for ask in (registry.manifest, registry.flaws, lambda v: registry.advance(v, ModelSignal.SHADOW, *SAYS)):
            with pytest.raises(Invalid, match="a version is one of the registry's 2"):
                ask(version)


def test_a_manifest_that_nobody_entered_is_not_vouched_for(tmp_path: Path) -> None:
    registry, _ = served(tmp_path)
    orphan = manifest(5)
    (tmp_path / "manifests" / f"{orphan.version}.json").write_bytes(orphan.content)
    with pytest.raises(Invalid, match="a version is one of the registry's 2"):
        registry.manifest(orphan.version)


def test_a_manifest_under_another_name_is_found_out(tmp_path: Path) -> None:
    registry, _ = served(tmp_path)
    path = tmp_path / REGISTRY
    path.write_bytes(path.read_bytes().replace(b'"xgboost"', b'"nhits"'))
    with pytest.raises(Invalid, match=r"name: nhits as in registry\.json, was xgboost"):
        registry.manifest(manifest().version)
    assert len(registry.verify()) == 1


def test_a_member_that_left_the_registry_is_found_out(tmp_path: Path) -> None:
    registry, champion = served(tmp_path)
    path = tmp_path / REGISTRY
    data = json.loads(path.read_bytes())
    path.write_text(json.dumps(data | {"entries": data["entries"][1:]}))
    assert registry.verify() == [
        f"ensemble {champion[:12]}: a member is in the registry, xgboost {manifest().version[:12]} is not"
    ]


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return sys.exit, ("the registry ran a pickle",)


@pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])
def test_a_pickle_is_refused_and_never_run(tmp_path: Path, protocol: int) -> None:
    registry, _ = served(tmp_path)
    content = pickle.dumps(Bomb(), protocol)
    made = manifest(1, artefacts={FILE: Artefact.of(content)})
    with unmoved(registry), pytest.raises(Invalid, match=rf"artefacts\.{FILE}: data, was a pickle"):
        registry.put(made, {FILE: content}, *SAYS)


@pytest.mark.parametrize(
    "contents", [{}, {FILE: weights(2)}, {FILE: weights(1)[:-1]}, {FILE: weights(1), "more.json": b"{}"}]
)
def test_contents_are_those_that_the_manifest_names(tmp_path: Path, contents: dict[str, bytes]) -> None:
    registry, _ = served(tmp_path)
    with unmoved(registry), pytest.raises(Invalid, match=r"^artefacts"):
        registry.put(manifest(1), contents, *SAYS)


def test_of_two_processes_one_wins_each_revision_and_no_step_is_lost(tmp_path: Path) -> None:
    registry, champion = served(tmp_path)
    versions = [put(registry, seed) for seed in range(1, 13)]
    start = registry.succession().revision
    with get_context("spawn").Pool(2) as pool:
        won = pool.starmap(race, [(tmp_path, versions), (tmp_path, versions[::-1])])
    assert sorted(won[0] + won[1]) == list(range(start + 1, start + 13))
    assert {registry.entry(version).status for version in versions} == {ModelStatus.SHADOW}
    assert registry.verify() == []
    assert registry.resolve("champion") == champion
