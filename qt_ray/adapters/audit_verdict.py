"""Audit verdict: whether the log is what was written, whole, and what of it has grown too old.

A verdict names the first line that is wrong and the rule it breaks. Deleting what is old leaves its digests, keeps for
a year what a year must be answered for, and is itself a record.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from qt_ray.adapters.audit_anchors import anchors_in
from qt_ray.adapters.audit_files import day_of, files_in, thinned, verified
from qt_ray.adapters.audit_logger import AuditLogger
from qt_ray.core.errors import Invalid
from qt_ray.core.moments import rfc3339
from qt_ray.governance.audit_chain import GENESIS, Anchor, why_not_anchored
from qt_ray.governance.audit_records import KEPT_LONGER, records_deleted

KEPT_DAYS: Final = 90
KEPT_LONGER_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What reading a whole log came to; `broken` is empty when it is as it was written.

    `loose` lines are behind the last anchor: whoever can write the log could have cut them off unseen.
    """

    lines: int
    deleted: int
    anchors: int
    loose: int
    broken: str = ""


def verdict_on(log: Path, anchors: Path) -> AuditVerdict:
    """Read every line and every anchor, and return whether they agree."""
    lines = deleted = held = last = 0
    try:
        found = list(anchors_in(anchors))
        held, last = len(found), max((anchor.sequence for anchor in found), default=0)
        wanted, links = {anchor.sequence for anchor in found}, {0: GENESIS}
        for line in verified(log):
            lines, deleted = line.sequence, deleted + (line.record is None)
            if line.sequence in wanted:
                links[line.sequence] = line.link
        broken = _unanchored(found, links)
    except Invalid as error:
        broken = str(error)
    return AuditVerdict(lines, deleted, held, max(lines - last, 0), broken)


def cleaned(
    logger: AuditLogger, log: Path, now_ms: int, kept: int = KEPT_DAYS, kept_longer: int = KEPT_LONGER_DAYS
) -> dict[str, int]:
    """Delete the records that are older than they must be kept, say so in the log, and return how many went by day."""
    today, gone = date.fromisoformat(rfc3339(now_ms)[:10]), dict[str, int]()
    for path in files_in(log)[:-1]:  # the newest file is being written to
        day = day_of(path)
        if day < today - timedelta(days=kept):
            keep = KEPT_LONGER if day >= today - timedelta(days=kept_longer) else frozenset()
            gone[day.isoformat()] = thinned(path, keep)
    gone = {day: count for day, count in gone.items() if count}
    if gone:
        logger.log(records_deleted(gone, now_ms))
    return gone


def _unanchored(anchors: Iterable[Anchor], links: dict[int, str]) -> str:
    return next((why for anchor in anchors if (why := why_not_anchored(anchor, links)) is not None), "")
