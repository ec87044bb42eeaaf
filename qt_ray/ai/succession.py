"""Succession: which version serves under each name, which served before it, and by whose word.

A name that was ever served is served by exactly one version from then on: the successor comes and the predecessor
goes in one revision. Every status is what its history replays to, so nobody can write one down without a reason.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from qt_ray.ai.model_status import TRANSITIONS, ModelSignal, ModelStatus
from qt_ray.core.errors import Invalid

NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
VERSION: Final = re.compile(r"[0-9a-f]{64}")
PREFIX: Final = re.compile(r"[0-9a-f]{6,64}")
# The word for what the fund as a whole is served by, and the name that stands behind it.
CHAMPION: Final = "champion"
ENSEMBLE: Final = "ensemble"
TEXT_MAX: Final = 500
STEPS_MAX: Final = 1_000
ENTRIES_MAX: Final = 10_000

TO_SERVE: Final = frozenset({ModelSignal.PROMOTE, ModelSignal.RESTORE})
TO_MAKE_WAY: Final = frozenset({ModelSignal.RETIRE, ModelSignal.WITHDRAW})


@dataclass(frozen=True, slots=True)
class Word:
    """Who says so, why, and when."""

    by: str
    reason: str
    at_ms: int

    def __post_init__(self) -> None:
        for key, text in (("by", self.by), ("reason", self.reason)):
            if not text.strip() or not text.isprintable() or len(text) > TEXT_MAX:
                raise Invalid(f"{key}: one line of 1 to {TEXT_MAX} characters, was {text!r:.60}")
        if self.at_ms < 0:
            raise Invalid(f"at_ms: milliseconds since 1970, was {self.at_ms}")


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a version's status; `revision` is the write that made it."""

    revision: int
    at_ms: int
    signal: ModelSignal
    status: ModelStatus
    by: str
    reason: str

    def __post_init__(self) -> None:
        Word(self.by, self.reason, self.at_ms)


@dataclass(frozen=True, slots=True)
class Entry:
    """A version under its name, and all that became of it."""

    name: str
    version: str
    status: ModelStatus
    history: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise Invalid(f"name: a name is {NAME.pattern}, was {self.name!r:.60}")
        if not VERSION.fullmatch(self.version):
            raise Invalid(f"version: a version is 64 hexadecimal digits, was {self.version!r:.80}")
        if not 1 <= len(self.history) <= STEPS_MAX:
            raise Invalid(f"history: 1 to {STEPS_MAX} steps, was {len(self.history)}")
        if self.status is not _replayed(self.history):
            raise Invalid(f"status: what the history replays to, {self.history[-1].status}, was {self.status}")

    @property
    def last(self) -> Step:
        """Return the latest change."""
        return self.history[-1]

    def heard(self, signal: ModelSignal, word: Word, revision: int) -> "Entry":
        """Return the entry after a signal."""
        status = TRANSITIONS.advance(self.status, signal)
        step = Step(revision, word.at_ms, signal, status, word.by, word.reason)
        return replace(self, status=status, history=(*self.history, step))


@dataclass(frozen=True, slots=True)
class Succession:
    """Every version of every name; a change is a new succession, one revision later."""

    revision: int = 0
    entries: tuple[Entry, ...] = ()

    def __post_init__(self) -> None:
        if len(self.entries) > ENTRIES_MAX:
            raise Invalid(f"entries: at most {ENTRIES_MAX}, was {len(self.entries)}")
        if len({entry.version for entry in self.entries}) != len(self.entries):
            raise Invalid("entries: a version is entered once, one was twice")
        newest = max((entry.last.revision for entry in self.entries), default=0)
        if self.revision < newest:
            raise Invalid(f"revision: not before the newest step's, {newest}, was {self.revision}")
        self._check_service()

    def _check_service(self) -> None:
        served = {e.name for e in self.entries if any(step.status is ModelStatus.ACTIVE for step in e.history)}
        serving = [entry.name for entry in self.entries if entry.status is ModelStatus.ACTIVE]
        for name in sorted(served):
            if serving.count(name) != 1:
                raise Invalid(f"entries: a name once served has one ACTIVE version, {name} had {serving.count(name)}")

    def entry(self, version: str) -> Entry:
        """Return the entry of a version."""
        for entry in self.entries:
            if entry.version == version:
                return entry
        raise Invalid(f"a version is one of the registry's {len(self.entries)}, was {version!r:.80}")

    def knows(self, version: str) -> bool:
        """Return whether the version was ever entered."""
        return any(entry.version == version for entry in self.entries)

    def active(self, name: str) -> Entry | None:
        """Return what serves under a name, if anything does."""
        return next((e for e in self.entries if e.name == name and e.status is ModelStatus.ACTIVE), None)

    def resolve(self, word: str) -> str:
        """Return the version meant by `champion`, a name, a version or its first digits."""
        name = ENSEMBLE if word == CHAMPION else word
        serving = self.active(name)
        if serving is not None:
            return serving.version
        if word == CHAMPION or any(entry.name == name for entry in self.entries):
            raise Invalid(f"{word}: stands for the ACTIVE version of {name}, there is none")
        found = [e.version for e in self.entries if e.version.startswith(word)] if PREFIX.fullmatch(word) else []
        if len(found) != 1:
            raise Invalid(f"a model is {CHAMPION}, a name or 6 digits of one version, {word!r:.80} fits {len(found)}")
        return found[0]

    def enter(self, name: str, version: str, word: Word) -> "Succession":
        """Return the succession with one more candidate."""
        trained, revision = ModelSignal.TRAINED, self.revision + 1
        status = TRANSITIONS.advance(TRANSITIONS.initial, trained)
        step = Step(revision, word.at_ms, trained, status, word.by, word.reason)
        return Succession(revision, (*self.entries, Entry(name, version, status, (step,))))

    def advance(self, version: str, signal: ModelSignal, word: Word) -> "Succession":
        """Return the succession after a signal to one version; one that comes to serve retires its predecessor."""
        entry = self.entry(version)
        if signal in TO_MAKE_WAY:
            raise Invalid(f"what serves is replaced, never taken away, {signal.name} comes with a successor only")
        serving = self.active(entry.name)
        if signal not in TO_SERVE or serving is None or serving is entry:
            return self._after({version: signal}, word)
        if entry.status is ModelStatus.CANDIDATE:
            raise Invalid(
                f"{entry.name} {version[:12]}: a candidate replaces nobody before it was in SHADOW,"
                f" {serving.version[:12]} serves"
            )
        return self._after({serving.version: ModelSignal.RETIRE, version: signal}, word)

    def rollback(self, name: str, word: Word) -> "Succession":
        """Return the succession in which the version replaced last serves again; again goes one further back.

        What a rollback withdrew is passed over, so no later rollback returns to it.
        """
        serving = self.active(name)
        replaced = [e for e in self.entries if e.name == name and e.last.signal is ModelSignal.RETIRE]
        if serving is None or not replaced:
            raise Invalid(f"{name}: a rollback goes to the version that served before, there is none")
        before = max(replaced, key=lambda entry: entry.last.revision)
        return self._after({serving.version: ModelSignal.WITHDRAW, before.version: ModelSignal.RESTORE}, word)

    def _after(self, heard: Mapping[str, ModelSignal], word: Word) -> "Succession":
        revision = self.revision + 1
        entries = (
            entry.heard(heard[entry.version], word, revision) if entry.version in heard else entry
            for entry in self.entries
        )
        return Succession(revision, tuple(entries))


def _replayed(history: tuple[Step, ...]) -> ModelStatus:
    status, revision = TRANSITIONS.initial, 0
    for step in history:
        status = TRANSITIONS.advance(status, step.signal)
        if step.status is not status or step.revision <= revision:
            raise Invalid(f"history: steps follow the table and one another, {step.signal} to {step.status} did not")
        revision = step.revision
    return status
