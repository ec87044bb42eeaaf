"""Moments: milliseconds since 1970 as text in UTC and back, with one spelling for whoever reads it."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(at_ms: int) -> str:
    """Return a moment as RFC 3339 in UTC, to the millisecond."""
    seconds, rest = divmod(int(at_ms), 1_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def milliseconds(text: str) -> int:
    """Return a moment that RFC 3339 spells; what names no zone is of UTC."""
    at = datetime.fromisoformat(text)
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - EPOCH) // timedelta(milliseconds=1)
