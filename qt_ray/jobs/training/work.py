"""Work: the folder of one training, where finished members wait and unfinished ones keep their checkpoints.

Nothing here is served: the registry is written once, at the end, from what lies here whole. A member is finished when
its facts are there, and they are written after its artefact.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from qt_ray.adapters.files import sha256_of, write_atomic
from qt_ray.adapters.models.learner import Learned

ARTEFACT = "artefact"
FACTS = "facts.json"


@dataclass(frozen=True, slots=True)
class Work:
    """One training's folder; its name is the digest of plan and bars."""

    folder: Path

    def of(self, kind: str) -> Path:
        """Return the folder of one member."""
        place = self.folder / kind
        place.mkdir(parents=True, exist_ok=True)
        return place

    def finished(self, kind: str) -> Learned | None:
        """Return a member that was trained before, if it is whole."""
        artefact, facts = self.folder / kind / ARTEFACT, self.folder / kind / FACTS
        if not facts.is_file() or not artefact.is_file():
            return None
        told = _told(facts)
        if told.pop("sha256", None) != sha256_of(artefact):
            return None
        return Learned(artefact.read_bytes(), told)

    def finish(self, kind: str, learned: Learned) -> None:
        """Keep a trained member."""
        artefact = self.of(kind) / ARTEFACT
        write_atomic(artefact, learned.artefact)
        facts = {**learned.facts, "sha256": sha256_of(artefact)}
        write_atomic(self.folder / kind / FACTS, orjson.dumps(facts, option=orjson.OPT_INDENT_2))

    def clear(self) -> None:
        """Remove the folder and everything in it, once the registry has what it was for."""
        for path in _deepest_first(self.folder):
            path.rmdir() if path.is_dir() else path.unlink()


def _told(facts: Path) -> dict[str, Any]:
    """Return what a file of facts says; a damaged one says nothing."""
    try:
        told = orjson.loads(facts.read_bytes())
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _deepest_first(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            yield from _deepest_first(path)
    if folder.exists():
        yield folder
