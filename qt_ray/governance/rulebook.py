"""Rulebook: who may change the policy, and under which version; the store's whole mind, without the store.

A write names the version it was made from and loses against a newer one. What keeps risk out takes one author and what
lets more in takes two persons. An emergency waits for nobody, and only a person who names its epoch ends it. A wish
becomes an entry first; whoever keeps the book makes it durable, and only then is it `applied` and acknowledged.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import singledispatch
from typing import Any, Final, assert_never

from qt_ray.core.errors import Invalid
from qt_ray.core.loosening import Direction, compare
from qt_ray.core.policy import TEXT_MAX, Policy
from qt_ray.governance.rulebook_entries import (
    Author,
    Deed,
    Dismissed,
    Proposal,
    Proposed,
    Revision,
    RulebookEntry,
    changes_between,
    told,
)
from qt_ray.governance.wishes import (
    Approve,
    Change,
    Dismiss,
    Emergency,
    Pause,
    Propose,
    Recover,
    Resume,
    Start,
    Wish,
)

PROPOSALS_MAX: Final = 100
PROPOSAL_LIFE_MS: Final = 7 * 86_400_000


class Denial(StrEnum):
    """Why a wish changes nothing."""

    CONFLICT = "conflict"
    NEEDS_SECOND = "needs_second"
    NEEDS_PERSON = "needs_person"
    SAME_PERSON = "same_person"
    UNKNOWN_PROPOSAL = "unknown_proposal"
    OUTDATED = "outdated"
    NEWER_EMERGENCY = "newer_emergency"
    TOO_MANY = "too_many"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Denied:
    """A wish that changed nothing: the rule in words, and the version in force."""

    denial: Denial
    rule: str
    version: int


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The policy in force and the proposals that are open."""

    policy: Policy
    proposals: Mapping[str, Proposal] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[RulebookEntry]) -> "Rulebook":
        """Return the book that its entries, in order, have led to."""
        book: Rulebook | None = None
        for entry in entries:
            if book is None and not isinstance(entry, Revision):
                raise Invalid(f"a rulebook begins with a revision, was {entry.kind}")
            book = Rulebook(entry.policy) if book is None and isinstance(entry, Revision) else book
            book = book.applied(entry) if book else None
        if book is None:
            raise Invalid("a rulebook begins with a revision, there was none")
        return book

    def applied(self, entry: RulebookEntry) -> "Rulebook":
        """Return the book after an entry that is durable."""
        match entry:
            case Revision():
                return Rulebook(entry.policy, self._without(entry.proposal))
            case Proposed():
                return replace(self, proposals={**self.proposals, entry.proposal.id: entry.proposal})
            case Dismissed():
                return replace(self, proposals=self._without(entry.proposal))
            case _:
                assert_never(entry)

    def decided(self, wish: Wish, author: Author, at_ms: int) -> RulebookEntry | Denied | None:
        """Return the entry that carries a wish out, why it is denied, or nothing if all is so already."""
        # The store's clock may have been set back; the book's time goes on from where it was.
        at_ms = max(at_ms, self.policy.last_updated)
        try:
            return _decided(wish, self, author, at_ms)
        except Invalid as error:
            return self.denied(Denial.INVALID, str(error))

    def overdue(self, at_ms: int) -> tuple[Dismissed, ...]:
        """Return the end of each proposal that nobody has answered for too long."""
        old = [proposal.id for proposal in self.proposals.values() if at_ms - proposal.at_ms >= PROPOSAL_LIFE_MS]
        return tuple(Dismissed(name, "store", "nobody agreed within seven days", at_ms) for name in old)

    def denied(self, denial: Denial, rule: str) -> Denied:
        """Return a denial as of the version in force."""
        return Denied(denial, rule, self.policy.version)

    def stale(self, version: int) -> Denied | None:
        """Return a denial if a wish was made from another version."""
        if version == self.policy.version:
            return None
        rule = f"a write is made from the version in force, {self.policy.version}, was {version}"
        return self.denied(Denial.CONFLICT, rule)

    def _without(self, proposal: str | None) -> Mapping[str, Proposal]:
        return {name: kept for name, kept in self.proposals.items() if name != proposal}


def seeded(policy: Policy) -> Revision:
    """Return the first entry of a fresh fund's book."""
    return Revision(Deed.SEED, policy, policy.updated_by, "a fresh fund")


@singledispatch
def _decided(wish: Any, book: Rulebook, author: Author, at_ms: int) -> RulebookEntry | Denied | None:
    raise Invalid(f"a wish is known to the rulebook, was {type(wish).__name__}")


@_decided.register
def _change(wish: Change, book: Rulebook, author: Author, at_ms: int) -> RulebookEntry | Denied | None:
    if (stale := book.stale(wish.version)) is not None:
        return stale
    new = book.policy.with_changes(wish.changes, author.name, at_ms)
    looser = _looser(book.policy, new)
    if looser:
        return book.denied(Denial.NEEDS_SECOND, f"what lets more risk in is proposed first, {', '.join(looser)} would")
    return _revised(book, Deed.CHANGE, new, author, wish.reason)


@_decided.register
def _propose(wish: Propose, book: Rulebook, author: Author, at_ms: int) -> RulebookEntry | Denied | None:
    if (stale := book.stale(wish.version)) is not None:
        return stale
    new = book.policy.with_changes(wish.changes, author.name, at_ms)  # what could not come into force is not proposed
    difference = changes_between(book.policy, new)
    proposal = Proposal.of(dict(wish.changes), difference, author.name, wish.reason, at_ms)
    if proposal.id in book.proposals:
        return None
    if len(book.proposals) >= PROPOSALS_MAX:
        return book.denied(Denial.TOO_MANY, f"at most {PROPOSALS_MAX} proposals are open, were {len(book.proposals)}")
    return Proposed(proposal)


@_decided.register
def _approve(wish: Approve, book: Rulebook, author: Author, at_ms: int) -> RulebookEntry | Denied | None:
    proposal = book.proposals.get(wish.proposal)
    if proposal is None:
        return book.denied(Denial.UNKNOWN_PROPOSAL, f"an open proposal is approved, was {wish.proposal!r:.60}")
    if not author.is_person:
        return book.denied(Denial.NEEDS_PERSON, f"a person approves, was {author.name}")
    if author.name == proposal.by:
        return book.denied(Denial.SAME_PERSON, f"somebody else than {proposal.by} approves")
    new = book.policy.with_changes(proposal.changes, proposal.by, at_ms)
    revision = _revised(book, Deed.CHANGE, new, Author(proposal.by), proposal.reason)
    if revision.changes != proposal.difference:  # what was looked at is what comes into force
        return book.denied(Denial.OUTDATED, "a proposal changes what it did when it was made, this one no longer")
    return replace(revision, proposal=proposal.id, approved_by=author.name)


@_decided.register
def _dismiss(wish: Dismiss, book: Rulebook, author: Author, at_ms: int) -> RulebookEntry | Denied | None:
    if wish.proposal not in book.proposals:
        return book.denied(Denial.UNKNOWN_PROPOSAL, f"an open proposal is dismissed, was {wish.proposal!r:.60}")
    return Dismissed(wish.proposal, author.name, told(wish.reason), at_ms)


@_decided.register
def _emergency(wish: Emergency, book: Rulebook, author: Author, at_ms: int) -> RulebookEntry | Denied | None:
    # A reason too long or empty must not keep an emergency out.
    reason = wish.reason.strip()[:TEXT_MAX] or "no reason was given"
    new = book.policy.with_emergency(True, reason, author.name, at_ms)
    return None if new is book.policy else _revised(book, Deed.EMERGENCY, new, author, reason)


@_decided.register
def _recover(wish: Recover, book: Rulebook, author: Author, at_ms: int) -> RulebookEntry | Denied | None:
    if not author.is_person:
        return book.denied(Denial.NEEDS_PERSON, f"a person ends an emergency, was {author.name}")
    if wish.epoch != book.policy.epoch:
        rule = f"the emergency in force is of epoch {book.policy.epoch}, was {wish.epoch}"
        return book.denied(Denial.NEWER_EMERGENCY, rule)
    new = book.policy.with_emergency(False, told(wish.reason), author.name, at_ms)
    return None if new is book.policy else _revised(book, Deed.RECOVERY, new, author, wish.reason)


@_decided.register
def _pause(wish: Pause, book: Rulebook, author: Author, at_ms: int) -> RulebookEntry | Denied | None:
    if book.policy.new_trades_paused:
        return None
    return _revised(book, Deed.PAUSE, book.policy.with_new_trades(False, author.name, at_ms), author, wish.reason)


@_decided.register
def _resume(wish: Resume, book: Rulebook, author: Author, at_ms: int) -> RulebookEntry | Denied | None:
    if not author.is_person:
        return book.denied(Denial.NEEDS_PERSON, f"a person resumes, was {author.name}")
    if (stale := book.stale(wish.version)) is not None:
        return stale
    if not book.policy.new_trades_paused:
        return None
    return _revised(book, Deed.RESUME, book.policy.with_new_trades(True, author.name, at_ms), author, wish.reason)


@_decided.register
def _start(wish: Start, book: Rulebook, author: Author, at_ms: int) -> RulebookEntry | Denied | None:
    return _revised(book, Deed.START, book.policy.with_incarnation(author.name, at_ms), author, "a store came to life")


def _revised(book: Rulebook, deed: Deed, new: Policy, author: Author, reason: str) -> Revision:
    return Revision(deed, new, author.name, told(reason), changes_between(book.policy, new))


def _looser(old: Policy, new: Policy) -> list[str]:
    return [change.path for change in compare(old, new) if change.direction is Direction.LOOSER]
