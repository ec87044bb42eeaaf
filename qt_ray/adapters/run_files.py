"""Run files: a run as a folder that can be checked, replayed and shown again.

`run.json` names what the run was made of and its digests; three plain arrays hold what it wrote down. The manifest
is written last and atomically, so a folder with a manifest is whole, and every array must match its digest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from qt_ray.adapters.files import replacing, write_atomic
from qt_ray.core.errors import Invalid
from qt_ray.core.records import digest_of, dtype
from qt_ray.engine.rows import CycleRow, DecisionRow
from qt_ray.engine.run import Run
from qt_ray.execution.fills import Fill

SCHEMA = "qt.run/1"
MANIFEST = "run.json"
ROWS: Mapping[str, type] = {"cycles": CycleRow, "decisions": DecisionRow, "fills": Fill}


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A run as it lies on disk."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def digests(self) -> Mapping[str, str]:
        """Return what the run's digests were when it was written."""
        found: Mapping[str, str] = self.manifest["digests"]
        return found

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return the settings the run was made with, by dotted key."""
        found: Mapping[str, Any] = self.manifest["settings"]
        return found

    def rows(self, name: str) -> NDArray[np.void]:
        """Return `cycles`, `decisions` or `fills`, which must match their digest and layout."""
        path = self.folder / f"{name}.npy"
        try:
            rows: NDArray[np.void] = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise Invalid(f"{path}: a run's rows are a whole array, {error}") from error
        if rows.dtype != dtype(ROWS[name]):
            raise Invalid(f"{path}: rows have this version's layout, had another")
        if digest_of(rows) != self.digests[name]:
            raise Invalid(f"{path}: rows match the digest in {MANIFEST}, did not")
        return rows


def save_run(folder: Path, run: Run, settings: Mapping[str, Any], summary: Mapping[str, Any]) -> Path:
    """Write a run into `folder` and return the manifest's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    for name in ROWS:
        with replacing(folder / f"{name}.npy") as temporary, temporary.open("wb") as stream:
            np.save(stream, getattr(run, name), allow_pickle=False)
    manifest = {
        "schema": SCHEMA,
        "digests": dict(run.digests),
        "initial": run.initial,
        "symbols": list(run.bars.symbols),
        "parameters": run.parameters,
        "settings": settings,
        "summary": summary,
    }
    write_atomic(folder / MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    return folder / MANIFEST


def open_run(folder: Path) -> Recorded:
    """Return the run in `folder`, its manifest read and its schema checked."""
    path = folder / MANIFEST
    if not path.is_file():
        raise Invalid(f"{folder}: a run is a folder with a {MANIFEST}, found none")
    try:
        manifest = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Invalid(f"{path}: a manifest is JSON, {error}") from error
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise Invalid(f"{path}: a manifest has schema {SCHEMA}, had {manifest.get('schema')!r:.60}")
    for key in ("digests", "settings", "initial"):
        if key not in manifest:
            raise Invalid(f"{path}: a manifest has {key}, had none")
    return Recorded(folder, manifest)
