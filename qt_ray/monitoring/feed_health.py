"""Feed health: what a market feed sees, and whether anything may be decided on it.

A feed knows three ages: of the last word it heard, of each symbol's mark, and of its newest row. What is too old for an
entry makes it degraded; what is too old to stand by makes it critical, as does a clock that nobody can date a row by.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from qt_ray.ai.hedge_fund_os import Health

SILENT_MS: Final = 5_000
DEAF_MS: Final = 30_000
MARK_AGE_MAX_MS: Final = 5_000
ROW_LATE_MS: Final = 5_000
ROWS_LATE_MAX: Final = 2
NAMED_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class FeedSight:
    """What a feed sees at `at_ms` of the venue's time; None is never. `empty` symbols have no bar in the newest row."""

    at_ms: int
    interval_ms: int
    is_begun: bool = False
    heard_ms: int | None = None
    row_ms: int | None = None
    marks_ms: Mapping[str, int | None] = field(default_factory=dict)
    empty: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()
    clock_fault: str = ""
    is_clock_wrong: bool = False


# A venue that was not reached yet has no time of its own.
UNREACHED: Final = FeedSight(0, 0)


def judged(sight: FeedSight) -> tuple[Health, tuple[str, ...]]:
    """Return how a feed is and every reason why it is not well, the worst first."""
    found = sorted(_found(sight), key=lambda one: -one[0])
    return (found[0][0] if found else Health.HEALTHY), tuple(reason for _, reason in found)


def _found(sight: FeedSight) -> Iterator[tuple[Health, str]]:
    if sight == UNREACHED:
        yield Health.CRITICAL, "the venue was not reached yet"
        return
    if not sight.is_begun:
        yield Health.DEGRADED, "the market's history is asked for"
    yield from _silence(sight)
    yield from _rows(sight)
    yield from _symbols(sight)
    if sight.clock_fault:
        yield (Health.CRITICAL if sight.is_clock_wrong else Health.DEGRADED), sight.clock_fault


def _silence(sight: FeedSight) -> Iterator[tuple[Health, str]]:
    if sight.heard_ms is None:
        yield Health.CRITICAL, "the market was not heard yet"
        return
    age_ms = sight.at_ms - sight.heard_ms
    if age_ms > SILENT_MS:
        yield (Health.CRITICAL if age_ms > DEAF_MS else Health.DEGRADED), f"nothing was heard for {age_ms} ms"


def _rows(sight: FeedSight) -> Iterator[tuple[Health, str]]:
    if sight.row_ms is None:
        return
    late_ms = sight.at_ms - (sight.row_ms + 2 * sight.interval_ms)
    if late_ms > ROW_LATE_MS:
        is_old = late_ms > ROWS_LATE_MAX * sight.interval_ms
        yield (Health.CRITICAL if is_old else Health.DEGRADED), f"the next row is {late_ms} ms late"


def _symbols(sight: FeedSight) -> Iterator[tuple[Health, str]]:
    old = [
        symbol
        for symbol, time_ms in sight.marks_ms.items()
        if time_ms is None or sight.at_ms - time_ms > MARK_AGE_MAX_MS
    ]
    if old:
        yield Health.DEGRADED, f"no young mark of {_named(old)}"
    if sight.empty and len(sight.empty) == len(sight.marks_ms):
        yield Health.CRITICAL, "the newest row is empty"
    elif sight.empty:
        yield Health.DEGRADED, f"no bar in the newest row of {_named(sight.empty)}"
    if sight.is_begun and sight.holes:
        yield Health.DEGRADED, f"candles are missing of {_named(sight.holes)}"


def _named(symbols: Sequence[str]) -> str:
    more = len(symbols) - NAMED_MAX
    return ", ".join(symbols[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
