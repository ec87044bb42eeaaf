"""Alerts: what a person is told, once for each trouble, again while nobody answers, and never in vain at night.

The same trouble has the same key: hearing of it again only counts, and one that comes and goes is one that stays. What
is critical goes out at any hour, and again and again until a person has acknowledged it or it is over; what is less
waits for the end of the quiet hours. A book of alerts decides what is said and when; it sends nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from qt_ray.core.errors import Invalid

KEPT_MAX: Final = 500
DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000
ESCALATE_MS: Final = 5 * MINUTE_MS
ESCALATIONS_MAX: Final = 12


class Severity(IntEnum):
    """How soon a person should look."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something to be told; `is_over` ends the trouble of that key instead."""

    key: str
    severity: Severity
    title: str
    detail: str = ""
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """A trouble as it stands: how often it was heard, how often told, and who has taken it on."""

    key: str
    severity: Severity
    title: str
    detail: str
    first_ms: int
    last_ms: int
    times: int = 1
    told: int = 0
    told_ms: int | None = None
    acknowledged_by: str = ""
    over_ms: int | None = None

    @property
    def is_open(self) -> bool:
        """Return whether the trouble goes on."""
        return self.over_ms is None


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours in which nobody is woken for less than a critical trouble, as minutes of the day in UTC; equal is never."""

    from_minute: int = 0
    until_minute: int = 0

    def __post_init__(self) -> None:
        for name, minute in (("from_minute", self.from_minute), ("until_minute", self.until_minute)):
            if not 0 <= minute < DAY_MS // MINUTE_MS:
                raise Invalid(f"{name}: a minute of the day, 0 to {DAY_MS // MINUTE_MS - 1}, was {minute}")

    def holds(self, at_ms: int) -> bool:
        """Return whether a moment is within them; they may go over midnight."""
        minute = at_ms % DAY_MS // MINUTE_MS
        if self.from_minute <= self.until_minute:
            return self.from_minute <= minute < self.until_minute
        return minute >= self.from_minute or minute < self.until_minute


class AlertBook:
    """Every trouble of one fund, bounded; those that are over go first."""

    def __init__(
        self,
        quiet: Quiet | None = None,
        escalate_ms: int = ESCALATE_MS,
        kept_max: int = KEPT_MAX,
    ) -> None:
        """Begin with no trouble."""
        self._quiet, self._escalate_ms, self._max = quiet or Quiet(), escalate_ms, kept_max
        self._alerts: dict[str, Alert] = {}

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Return all that is known, open and critical first, then the newest."""
        return tuple(sorted(self._alerts.values(), key=lambda a: (not a.is_open, -a.severity, -a.last_ms)))

    def hear(self, trouble: Trouble, at_ms: int) -> None:
        """Take in a trouble, or that one is over."""
        known = self._alerts.pop(trouble.key, None)
        if trouble.is_over:
            if known is not None:
                over_ms = known.over_ms if known.over_ms is not None else at_ms
                self._alerts[trouble.key] = replace(known, over_ms=over_ms)
            return
        if known is None or (known.over_ms is not None and at_ms - known.over_ms >= self._escalate_ms):
            known = Alert(trouble.key, trouble.severity, trouble.title, trouble.detail, at_ms, at_ms, 0)
        is_worse = trouble.severity > known.severity
        self._alerts[trouble.key] = replace(
            known,
            severity=max(known.severity, trouble.severity),
            title=trouble.title,
            detail=trouble.detail,
            last_ms=at_ms,
            times=known.times + 1,
            told=0 if is_worse else known.told,
            acknowledged_by="" if is_worse else known.acknowledged_by,
            over_ms=None,
        )
        self._forget()

    def due(self, at_ms: int) -> tuple[Alert, ...]:
        """Return what is to be told now; it counts as told."""
        found = tuple(self._due(at_ms))
        for alert in found:
            self._alerts[alert.key] = alert
        return found

    def acknowledge(self, key: str, person: str, at_ms: int) -> Alert:
        """Take in that a person has taken a trouble on: it is not told again unless it gets worse."""
        if key not in self._alerts:
            raise Invalid(f"an alert that is known is acknowledged, was {key!r:.60}")
        if not person.strip():
            raise Invalid("an alert is acknowledged by a person with a name")
        self._alerts[key] = replace(self._alerts[key], acknowledged_by=person, last_ms=at_ms)
        return self._alerts[key]

    def _due(self, at_ms: int) -> Iterator[Alert]:
        for alert in self._alerts.values():
            if alert.is_open and self._is_due(alert, at_ms):
                yield replace(alert, told=alert.told + 1, told_ms=at_ms)

    def _is_due(self, alert: Alert, at_ms: int) -> bool:
        is_critical = alert.severity is Severity.CRITICAL
        if alert.acknowledged_by or (self._quiet.holds(at_ms) and not is_critical):
            return False
        if alert.told == 0:
            return True
        again = alert.told_ms is None or at_ms - alert.told_ms >= self._escalate_ms
        return is_critical and again and alert.told <= ESCALATIONS_MAX

    def _forget(self) -> None:
        while len(self._alerts) > self._max:
            over = [key for key, alert in self._alerts.items() if not alert.is_open]
            milder = sorted(self._alerts, key=lambda key: (self._alerts[key].severity, self._alerts[key].last_ms))
            del self._alerts[(over or milder)[0]]
