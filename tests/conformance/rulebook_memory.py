"""A rulebook's store without a disk, as honest as the real ones: entries pass through their bytes."""

from qt_ray.core.errors import Invalid
from qt_ray.governance.rulebook import Rulebook
from qt_ray.governance.rulebook_entries import RulebookEntry
from qt_ray.governance.rulebook_store import (
    GENESIS,
    HISTORY_MAX,
    Kept,
    Overtaken,
    body_of,
    checked,
    entry_of,
    link_of,
    why_not_first,
)


class MemoryRulebook:
    def __init__(self) -> None:
        self.rows: list[tuple[int, str, bytes]] = []

    def load(self) -> tuple[Rulebook | None, int]:
        if not self.rows:
            return None, 0
        return Rulebook.of(entry_of(body) for _, _, body in self.rows), len(self.rows)

    def last(self) -> int:
        return len(self.rows)

    def append(self, entry: RulebookEntry, after: int) -> Kept | Overtaken:
        if (why := why_not_first(entry, after)) is not None:
            raise Invalid(why)
        if after != len(self.rows):
            return Overtaken(len(self.rows))
        body = body_of(entry)
        kept = Kept(after + 1, link_of(self.rows[-1][1] if self.rows else GENESIS, body), entry)
        self.rows.append((kept.sequence, kept.link, body))
        return kept

    def history(self, count: int, before: int | None = None) -> tuple[Kept, ...]:
        below = [row for row in self.rows if before is None or row[0] < before]
        return tuple(Kept(at, link, entry_of(body)) for at, link, body in below[::-1][: min(count, HISTORY_MAX)])

    def verify(self) -> int:
        return checked(self.rows)

    def close(self) -> None:
        pass
