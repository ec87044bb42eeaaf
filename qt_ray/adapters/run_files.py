"""Run files: a run as a folder that can be checked, replayed and shown again.

`run.json` names what the run was made of and its digests; three plain arrays hold what it wrote down. The manifest
is written last and atomically, so a folder with a manifest is whole, and every array must match its digest.
"""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from errno import EACCES
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from qt_ray.adapters.files import replacing, write_atomic
from qt_ray.ai.votes import Ballot, OutlookRow, VoteRow
from qt_ray.core.codec import digest
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.core.records import digest_of, dtype
from qt_ray.engine.rows import CycleRow, DecisionRow
from qt_ray.engine.run import Run
from qt_ray.execution.fills import Fill

SCHEMA = "qt.run/1"
MANIFEST = "run.json"
ROWS: Mapping[str, type] = {"cycles": CycleRow, "decisions": DecisionRow, "fills": Fill}
# Written down as well when an ensemble predicted.
BALLOT: Mapping[str, type] = {"votes": VoteRow, "outlook": OutlookRow}
KEYS: Mapping[str, type] = {"digests": dict, "initial": int, "symbols": list, "parameters": dict, "settings": dict}
DIGESTS = ("bars", "setup", *ROWS)
# What numpy raises over a header of which some bytes were changed.
BROKEN = (OSError, ValueError, EOFError, SyntaxError, TypeError, TokenError)


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A run as it lies on disk."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def symbols(self) -> list[str]:
        """Return the symbols the run traded, in the order of its columns."""
        found: list[str] = self.manifest["symbols"]
        return found

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Return the setup and the predictor, which match their digest."""
        found: Mapping[str, Any] = self.manifest["parameters"]
        return found

    @property
    def digests(self) -> Mapping[str, str]:
        """Return what the run's digests were when it was written."""
        found: Mapping[str, str] = self.manifest["digests"]
        return found

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return the settings the run was made with, by section."""
        found: Mapping[str, Any] = self.manifest["settings"]
        return found

    def rows(self, name: str) -> NDArray[np.void]:
        """Return rows by name, which must match their digest and layout."""
        path = self.folder / f"{name}.npy"
        try:
            rows: NDArray[np.void] = np.load(path, allow_pickle=False)
        except BROKEN as error:
            raise Invalid(f"{path}: a run's rows are a whole array, {error!s:.120}") from error
        width = (len(self.symbols),) if name in ("decisions", *BALLOT) else ()
        layout = dtype({**ROWS, **BALLOT}[name])
        if not isinstance(rows, np.ndarray) or rows.dtype != layout or rows.shape[1 : 1 + len(width)] != width:
            raise Invalid(f"{path}: rows have this version's layout, had another")
        if digest_of(rows) != self.digests[name]:
            raise Invalid(f"{path}: rows match the digest in {MANIFEST}, did not")
        return rows

    def checked(self) -> "Recorded":
        """Return this run once all its rows have been found whole."""
        for name in self.names:
            self.rows(name)
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the rows that were written down."""
        return (*ROWS, *(name for name in BALLOT if name in self.digests))

    @property
    def ballot(self) -> Ballot | None:
        """Return the votes of an ensemble, if there was one."""
        return Ballot(self.rows("votes"), self.rows("outlook")) if "votes" in self.digests else None


def check_place(folder: Path) -> None:
    """Raise unless this user may write into `folder`; asked before the work, not after it."""
    try:
        found = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not found.is_dir():
            raise InvalidConfig(f"{folder}: a folder to write into, {found} is none")
    except PermissionError:
        raise
    except OSError as error:
        raise InvalidConfig(f"{folder}: a folder to write into, was: {error.strerror}") from error
    if not os.access(found, os.W_OK | os.X_OK):
        raise PermissionError(EACCES, os.strerror(EACCES), str(found))


def save_run(folder: Path, run: Run, settings: Mapping[str, Any], summary: Mapping[str, Any]) -> Path:
    """Write a run into `folder` and return the manifest's path."""
    check_place(folder)
    manifest = {
        "schema": SCHEMA,
        "digests": dict(run.digests),
        "initial": run.initial,
        "symbols": list(run.bars.symbols),
        "parameters": run.parameters,
        "settings": settings,
        "summary": summary,
    }
    content = orjson.dumps(manifest, option=orjson.OPT_INDENT_2)
    try:
        _write(folder, run, content)
    except PermissionError:
        raise
    except OSError as error:
        raise Invalid(f"{folder}: a run is written whole, was: {error.strerror or error}") from error
    return folder / MANIFEST


def _write(folder: Path, run: Run, manifest: bytes) -> None:
    """Replace the run in `folder`; until all rows of the new one are on disk, the old one stays whole."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as drafts:
        for name in (*ROWS, *(BALLOT if run.ballot else ())):
            draft = drafts.enter_context(replacing(folder / f"{name}.npy"))
            with draft.open("wb") as stream:
                np.save(stream, getattr(run, name), allow_pickle=False)
        (folder / MANIFEST).unlink(missing_ok=True)
    for name in () if run.ballot else BALLOT:
        (folder / f"{name}.npy").unlink(missing_ok=True)
    write_atomic(folder / MANIFEST, manifest)


def open_run(folder: Path) -> Recorded:
    """Return the run in `folder`, its manifest read and checked."""
    path = folder / MANIFEST
    if not path.is_file():
        raise Invalid(f"{folder}: a run is a folder with a {MANIFEST}, found none")
    try:
        manifest = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Invalid(f"{path}: a manifest is JSON, {error}") from error
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        had = manifest.get("schema") if isinstance(manifest, dict) else manifest
        raise Invalid(f"{path}: a manifest has schema {SCHEMA}, had {had!r:.60}")
    _check(path, manifest)
    return Recorded(folder, manifest)


def _check(path: Path, manifest: Mapping[str, Any]) -> None:
    for key, kind in KEYS.items():
        if not isinstance(manifest.get(key), kind):
            raise Invalid(f"{path}: a manifest has {key}, had {manifest.get(key)!r:.60}")
    for name in DIGESTS:
        if not isinstance(manifest["digests"].get(name), str):
            raise Invalid(f"{path}: digests has {name}, had {manifest['digests'].get(name)!r:.60}")
    if len(BALLOT.keys() & manifest["digests"].keys()) not in (0, len(BALLOT)):
        raise Invalid(f"{path}: digests has all of {', '.join(BALLOT)} or none, had one")
    if _digest(path, manifest["parameters"]) != manifest["digests"]["setup"]:
        raise Invalid(f"{path}: parameters match the digest setup, did not")


def _digest(path: Path, parameters: Mapping[str, Any]) -> str:
    try:
        return digest(parameters)
    except Invalid as error:
        raise Invalid(f"{path}: parameters: {error}") from error
