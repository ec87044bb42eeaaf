"""Heralding: which events an entry of the rulebook is told as; the same entry always tells the same events.

An event's id follows from its content and its time, both of which the entry holds, so what is told again after a crash
is known to whoever has heard it.
"""

from typing import Final

from qt_ray.core.codec import decode
from qt_ray.core.events import Event, event
from qt_ray.core.notices import LooseningDismissed, LooseningProposed
from qt_ray.core.payloads import ModeChanged, PolicyUpdated
from qt_ray.governance.rulebook_entries import Proposed, Revision, RulebookEntry

MODE: Final = "active_mode"


def events_of(entry: RulebookEntry, source: str) -> tuple[Event, ...]:
    """Return what a policy's readers, its record and people hear of an entry; a proposal has changed nothing yet."""
    if isinstance(entry, Revision):
        return _revised(entry, source)
    if isinstance(entry, Proposed):
        wanted = entry.proposal
        told = LooseningProposed(wanted.id, wanted.by, wanted.reason, wanted.difference)
        return (event("policy.proposed", told, source, wanted.at_ms),)
    return (event("policy.dismissed", LooseningDismissed(entry.proposal, entry.by, entry.reason), source, entry.at_ms),)


def _revised(entry: Revision, source: str) -> tuple[Event, ...]:
    policy = entry.policy
    what = PolicyUpdated(
        policy.version,
        policy.epoch,
        policy.digest,
        entry.by,
        entry.reason,
        entry.changes,
        entry.deed.value,
        entry.approved_by,
        entry.proposal,
    )
    updated = event("policy.updated", what, source, policy.last_updated)
    modes = [
        event(
            "policy.mode.changed",
            ModeChanged(decode(change.old.encode()), decode(change.new.encode()), policy.version, entry.by),
            source,
            policy.last_updated,
            updated,
        )
        for change in entry.changes
        if change.path == MODE
    ]
    return (updated, *modes)
