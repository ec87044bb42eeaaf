"""Breaches: when a drawdown gets worse by a level, said once, and again only after it was better.

The level is the drawdown monitor's, so one bad price says nothing here either.
"""

from qt_ray.core.payloads import DrawdownBreach
from qt_ray.risk.drawdown import Level, Reading

SCOPE = "all time"


class Breaches:
    """What was said of one account."""

    def __init__(self, account: str) -> None:
        """Begin with nothing said."""
        self._account, self._said = account, Level.OK

    def seen(self, reading: Reading | None, soft_bps: int, hard_bps: int) -> tuple[str, DrawdownBreach] | None:
        """Return what is to be said of a reading, with the kind of event it is, or nothing."""
        if reading is None:
            return None
        before, self._said = self._said, reading.level
        if reading.level <= before:
            return None
        is_hard = reading.level is Level.HARD
        bps, limit = round(-reading.drawdown_pct * 100), hard_bps if is_hard else soft_bps
        told = DrawdownBreach(self._account, SCOPE, bps, limit, reading.equity, reading.peak)
        return f"risk.drawdown.{'hard' if is_hard else 'soft'}_breach", told
