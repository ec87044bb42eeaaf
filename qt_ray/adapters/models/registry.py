"""Registry: the models the fund may be served by, each provable to its last byte, and who decided what about them.

Contents come first, then their manifest, then one atomic replacement of `registry.json`: a crash between leaves only
files that nobody speaks of. Nothing comes to serve before all of it was read and found whole; whatever is doubtful
is refused, and what serves stays.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson

from qt_ray.adapters.files import write_atomic
from qt_ray.adapters.models.manifest import (
    ARTEFACT_BYTES_MAX,
    MANIFEST_BYTES_MAX,
    Artefact,
    Kind,
    Manifest,
    check_file,
    parse,
)
from qt_ray.adapters.models.pickles import is_pickle
from qt_ray.adapters.models.vault import Missing, Vault, read_bounded
from qt_ray.ai.model_status import ModelSignal, ModelStatus
from qt_ray.ai.succession import Entry, Succession, Word
from qt_ray.core.codec import decode, plain
from qt_ray.core.errors import Invalid
from qt_ray.core.restore import restore

SCHEMA = "qt.models/1"
REGISTRY = "registry.json"
LOCK = ".lock"
REGISTRY_BYTES_MAX = 16 << 20


class Registry:
    """The models below one folder. Readers need no lock; writers hold one and may name the revision they saw."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._objects = Vault(root, "objects", ARTEFACT_BYTES_MAX)
        self._manifests = Vault(root, "manifests", MANIFEST_BYTES_MAX, ".json")

    def succession(self) -> Succession:
        """Return who serves and who served; a folder without a registry has served nobody yet."""
        try:
            content = read_bounded(self.root, REGISTRY, REGISTRY_BYTES_MAX)
        except Missing:
            return Succession()
        try:
            return _parsed(content)
        except Invalid as error:
            raise Invalid(f"{self.root / REGISTRY}: {error}") from error

    def entries(self) -> tuple[Entry, ...]:
        """Return every version with its history, in the order they came."""
        return self.succession().entries

    def entry(self, version: str) -> Entry:
        """Return a version's entry."""
        return self.succession().entry(version)

    def active(self, name: str) -> Entry | None:
        """Return what serves under a name, if anything does."""
        return self.succession().active(name)

    def resolve(self, word: str) -> str:
        """Return the version meant by `champion`, a name, a version or its first digits."""
        return self.succession().resolve(word)

    def manifest(self, version: str) -> Manifest:
        """Return the manifest of a version of this registry, checked."""
        return self._manifest(self.succession().entry(version))

    def artefact(self, version: str, file: str) -> bytes:
        """Return the bytes of one file of a version; they are those that were put in."""
        check_file(file)
        artefacts = self.manifest(version).artefacts
        if file not in artefacts:
            raise Invalid(f"{version[:12]}: a file is one of {', '.join(artefacts) or 'none'}, was {file!r}")
        return self._objects.get(artefacts[file].sha256, artefacts[file].size_bytes)

    def put(self, manifest: Manifest, artefacts: Mapping[str, bytes], by: str, reason: str, at_ms: int) -> str:
        """Keep a model as a candidate and return its version; the same model again changes nothing."""
        word = Word(by, reason, at_ms)
        _check_artefacts(manifest, artefacts)
        with self._disk():
            self.root.mkdir(parents=True, exist_ok=True)
        with self._alone() as now:
            for name, member in manifest.members.items():
                self._check_member(manifest, name, now.entry(member))
            for content in artefacts.values():
                self._objects.put(content)
            version = self._manifests.put(manifest.content)
            if not now.knows(version):
                self._write(now.enter(manifest.name, version, word))
        return version

    def advance(
        self,
        version: str,
        signal: ModelSignal,
        by: str,
        reason: str,
        at_ms: int,
        expected_revision: int | None = None,
    ) -> Entry:
        """Give a version a signal and return its entry; one that comes to serve retires the one that did."""
        word = Word(by, reason, at_ms)
        after = self._change(lambda now: now.advance(version, signal, word), expected_revision)
        return after.entry(version)

    def rollback(self, name: str, by: str, reason: str, at_ms: int) -> Entry:
        """Let the version serve again that was replaced last, and return its entry."""
        word = Word(by, reason, at_ms)
        after = self._change(lambda now: now.rollback(name, word))
        return next(entry for entry in after.entries if entry.name == name and entry.status is ModelStatus.ACTIVE)

    def flaws(self, version: str) -> list[str]:
        """Return what is wrong with the files of a version."""
        now = self.succession()
        return list(self._flaws(now.entry(version), now))

    def verify(self) -> list[str]:
        """Return what is wrong with anything this registry speaks of, every byte of it read."""
        try:
            now = self.succession()
        except Invalid as error:
            return [str(error)]
        return [flaw for entry in now.entries for flaw in self._flaws(entry, now)]

    def sweep(self) -> list[str]:
        """Remove the files that nobody speaks of and return their places; in doubt about one, remove none."""
        with self._alone() as now:
            if not now.revision:
                raise Invalid(f"{self.root}: {REGISTRY} says what is kept, there is none")
            manifests = {entry.version: self._manifest(entry) for entry in now.entries}
            kept = frozenset(a.sha256 for manifest in manifests.values() for a in manifest.artefacts.values())
            drafts = sorted(self.root.glob(f".{REGISTRY}.*.tmp"))
            for draft in drafts:
                draft.unlink()
            removed = self._objects.sweep(kept) + self._manifests.sweep(frozenset(manifests))
        return [draft.name for draft in drafts] + removed

    def _change(self, change: Callable[[Succession], Succession], expected: int | None = None) -> Succession:
        with self._alone() as now:
            if expected not in (None, now.revision):
                raise Invalid(f"{self.root / REGISTRY}: revision {expected} was expected, is {now.revision}")
            after = change(now)
            for entry in after.entries:
                if entry.status is ModelStatus.ACTIVE and entry.last.revision == after.revision:
                    self._prove(entry, after)
            self._write(after)
        return after

    def _prove(self, entry: Entry, now: Succession) -> None:
        """Raise unless all of what is about to serve is whole, its members too."""
        for version in (entry.version, *self._manifest(entry).members.values()):
            part = now.entry(version)
            if part.status is ModelStatus.FAILED:
                raise Invalid(f"{entry.name} {entry.version[:12]}: no member has failed, {part.name} has")
            for flaw in self._flaws(part, now):
                raise Invalid(flaw)

    def _flaws(self, entry: Entry, now: Succession) -> Iterator[str]:
        try:
            manifest = self._manifest(entry)
        except Invalid as error:
            yield str(error)
            return
        where = f"{entry.name} {entry.version[:12]}"
        for name, member in manifest.members.items():
            if not now.knows(member):
                yield f"{where}: a member is in the registry, {name} {member[:12]} is not"
        for file, artefact in manifest.artefacts.items():
            try:
                self._objects.get(artefact.sha256, artefact.size_bytes)
            except Invalid as error:
                yield f"{where}: {file}: {error}"

    def _manifest(self, entry: Entry) -> Manifest:
        try:
            manifest = parse(self._manifests.get(entry.version))
            if manifest.name != entry.name:
                raise Invalid(f"name: {entry.name} as in {REGISTRY}, was {manifest.name}")
        except Invalid as error:
            raise Invalid(f"{entry.name} {entry.version[:12]}: {error}") from error
        return manifest

    def _check_member(self, ensemble: Manifest, name: str, entry: Entry) -> None:
        """Raise unless an ensemble may consist of a member: one that looks as far ahead and has seen no more."""
        member = self._manifest(entry)
        if entry.name != name or member.kind is Kind.ENSEMBLE:
            raise Invalid(f"members.{name}: a single model of that name, was {entry.name}, {member.kind}")
        for key in ("interval_ms", "horizon_bars"):
            if getattr(member, key) != getattr(ensemble, key):
                raise Invalid(f"members.{name}: {key} of the ensemble, {getattr(ensemble, key)}, was another")
        if member.trained_to_ms > ensemble.trained_to_ms:
            raise Invalid(f"trained_to_ms: not before its members', {name} was trained to {member.trained_to_ms}")

    def _write(self, after: Succession) -> None:
        body = orjson.dumps({"schema": SCHEMA, **plain(after)}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        if len(body) > REGISTRY_BYTES_MAX:
            raise Invalid(f"{self.root / REGISTRY}: at most {REGISTRY_BYTES_MAX} bytes, would be {len(body)}")
        write_atomic(self.root / REGISTRY, body)

    @contextmanager
    def _alone(self) -> Iterator[Succession]:
        """Hold the registry against other writers and yield what it says."""
        with self._disk():
            lock = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield self.succession()
            finally:
                os.close(lock)

    @contextmanager
    def _disk(self) -> Iterator[None]:
        """Turn what a disk refuses into a line of ours; a missing right stays one, because it is for its owner."""
        try:
            yield
        except PermissionError:
            raise
        except OSError as error:
            raise Invalid(f"{self.root}: a registry is written whole, was: {error.strerror or error}") from error


def find_registry(root: Path | None = None) -> Registry:
    """Return the registry in `root`; without one that of this folder's `models`, else the one beside the program."""
    if root is not None:
        return Registry(root)
    package, near = Path(__file__).parents[2], Path("models")
    places = (near, package.parent / "models", package / "models")
    return Registry(next((place for place in places if (place / REGISTRY).is_file()), near))


def _parsed(content: bytes) -> Succession:
    data = decode(content)
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        had = data.get("schema") if isinstance(data, dict) else data
        raise Invalid(f"a registry has schema {SCHEMA}, had {had!r:.60}")
    for key in ("revision", "entries"):
        if key not in data:
            raise Invalid(f"registry.{key}: required, was missing")
    return restore(Succession, {key: value for key, value in data.items() if key != "schema"}, "registry")


def _check_artefacts(manifest: Manifest, artefacts: Mapping[str, bytes]) -> None:
    """Raise unless the contents are those of the manifest, and none of them a program."""
    if set(artefacts) != set(manifest.artefacts):
        raise Invalid(f"artefacts: {', '.join(sorted(manifest.artefacts))}, was {', '.join(sorted(artefacts))}")
    for file, content in artefacts.items():
        if Artefact.of(content) != manifest.artefacts[file]:
            raise Invalid(f"artefacts.{file}: the content its manifest names, was another")
        if is_pickle(content):
            raise Invalid(f"artefacts.{file}: data, was a pickle or an archive that may hold one")
