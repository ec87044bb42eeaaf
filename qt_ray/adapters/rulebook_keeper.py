"""Rulebook keeper: one book at work, with its store and its copy; a wish is durable before it is in force.

Recovery believes whichever is newer, book or copy, and says so when it was the copy. Two keepers of one book are a
mistake of ours: the one that finds the other's entry dies. So does one that finds an entry of its own which it was told
could not be written: that nothing is to be done for a wish is true only of a book that ends where we left it.
"""

from collections.abc import Callable

from qt_ray.adapters.policy_copy import PolicyCopy
from qt_ray.core.errors import Invalid, Invariant, Retryable
from qt_ray.core.policy import Policy
from qt_ray.governance.rulebook import Denied, Rulebook, seeded
from qt_ray.governance.rulebook_entries import Author, Revision, RulebookEntry
from qt_ray.governance.rulebook_store import Kept, RulebookStore, believed
from qt_ray.governance.wishes import Wish


class RulebookKeeper:
    """Keeps one fund's rulebook; `warnings` is what a person should know of the way it was recovered and copied."""

    def __init__(self, store: RulebookStore, copy: PolicyCopy, seed: Callable[[], Policy]) -> None:
        """Recover the book from its store or its copy, or begin one with `seed`."""
        self.warnings: list[str] = []
        self._store, self._copy = store, copy
        found, self._last = store.load()
        copied = self._read_copy()
        policy = believed(found.policy if found else None, copied) or seed()
        self.book = found or Rulebook(policy)
        if found is None or policy is not found.policy:
            if copied is not None:
                self.warnings.append(f"a rulebook was behind its copy, whose version {policy.version} is in force")
            self._append(seeded(policy))

    @property
    def policy(self) -> Policy:
        """Return the policy in force."""
        return self.book.policy

    @property
    def last(self) -> int:
        """Return the number of the book's last entry."""
        return self._last

    def decide(self, wish: Wish, author: Author, at_ms: int) -> Denied | None:
        """Carry a wish out, durably; Retryable if it could not be written, and then nothing has changed."""
        for overdue in self.book.overdue(at_ms):
            self._append(overdue)
        found = self.book.decided(wish, author, at_ms)
        if isinstance(found, Denied):
            return found
        if found is None:
            self.confirm()
        else:
            self._append(found)
        return None

    def reload(self) -> None:
        """Read the book again; Invariant if somebody else has written to it."""
        found, last = self._store.load()
        if found is None or (last, found.policy.digest) != (self._last, self.policy.digest):
            raise Invariant(f"a rulebook has one keeper, entry {self._last} was its last, is {last}")

    def confirm(self) -> None:
        """See that the book still ends where we left it; Invariant if somebody else has written to it."""
        last = self._store.last()
        if last != self._last:
            raise Invariant(f"a rulebook has one keeper, entry {self._last} was its last, is {last}")

    def history(self, count: int, before: int | None = None) -> tuple[Kept, ...]:
        """Return what was written, the newest first."""
        return self._store.history(count, before)

    def _append(self, entry: RulebookEntry) -> None:
        kept = self._store.append(entry, self._last)
        if not isinstance(kept, Kept):
            raise Invariant(f"a rulebook has one keeper, entry {self._last} was its last, is {kept.sequence}")
        self.book, self._last = self.book.applied(entry), kept.sequence
        if isinstance(entry, Revision):
            self._write_copy(entry.policy)

    def _read_copy(self) -> Policy | None:
        try:
            return self._copy.read()
        except (Invalid, Retryable) as error:
            self.warnings.append(str(error))
            return None

    def _write_copy(self, policy: Policy) -> None:
        try:
            self._copy.write(policy)
        except Retryable as error:  # the book has it, and a copy that is behind is not believed
            self.warnings.append(str(error))
