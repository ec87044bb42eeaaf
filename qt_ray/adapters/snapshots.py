"""Snapshot files: written whole or not at all, the newest three kept, each vouched for by the journal.

Recovery reads the journal once. It starts from the newest snapshot that the journal vouches for and replays what
came after; with none it starts from nothing and replays all. Both lead to the same state.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qt_ray.adapters.files import write_atomic
from qt_ray.adapters.journal_file import JournalFile
from qt_ray.core.errors import Invalid
from qt_ray.governance.journal import Record
from qt_ray.governance.snapshots import KEPT, Snapshot, snapshot_of, vouched, vouched_in, why_not

PATTERN: Final = "snapshot-*.qts"


@dataclass(frozen=True, slots=True)
class Recovery:
    """Where to start, what came after, and what was passed over on the way."""

    snapshot: Snapshot | None
    records: tuple[Record, ...]
    words: tuple[str, ...]


class SnapshotFiles:
    """Snapshots in a folder beside their journal."""

    def __init__(self, folder: Path, journal: JournalFile) -> None:
        """Keep snapshots in `folder`; it is made when the first is taken."""
        self._folder, self._journal = folder, journal

    def take(self, state: bytes) -> int:
        """Write `state` as of the journal's last record, let the journal vouch for it, and drop what is too old."""
        snapshot = Snapshot(self._journal.next - 1, state)
        write_atomic(self._folder / f"snapshot-{snapshot.sequence:020d}.qts", snapshot.encoded())
        self._journal.append(vouched(snapshot).encoded())
        for path in self._paths()[KEPT:]:
            path.unlink()
        return snapshot.sequence

    @property
    def oldest(self) -> int | None:
        """Return the sequence of the oldest snapshot once as many are there as are kept, or nothing before."""
        paths = self._paths()
        return int(paths[-1].stem.removeprefix("snapshot-")) if len(paths) >= KEPT else None

    def recover(self) -> Recovery:
        """Return the newest trustworthy snapshot and every record after it but the words about snapshots."""
        held = tuple(self._journal.replay())
        spoken = {record.sequence: vouched_in(record.payload) for record in held}
        first, last = min(spoken, default=1), self._journal.next - 1
        words = frozenset(word for word in spoken.values() if word is not None)
        passed: list[str] = []
        chosen: Snapshot | None = None
        for name, snapshot in self._readable(passed):
            why = why_not(name, snapshot, words, first, last)
            if why is None:
                chosen = snapshot
                break
            passed.append(why)
        after = chosen.sequence if chosen else 0
        if after + 1 < first:
            raise Invalid(f"{self._folder.name}: state is rebuilt from record 1 on, the journal begins at {first}")
        tail = (record for record in held if record.sequence > after and spoken[record.sequence] is None)
        return Recovery(chosen, tuple(tail), tuple(passed))

    def _readable(self, passed: list[str]) -> Iterator[tuple[str, Snapshot]]:
        for path in self._paths():
            try:
                yield path.name, snapshot_of(path.name, path.read_bytes())
            except Invalid as error:
                passed.append(str(error))

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob(PATTERN), reverse=True)
