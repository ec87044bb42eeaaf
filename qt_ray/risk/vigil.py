"""Vigil: what the emergency stop has heard, and what it makes of it at any moment.

It hears the account's equity from more than one side, the beats of those it watches over, and what goes wrong. What has
not been heard of for too long is not "as it was" but unknown; a cause that a person has accepted is held against them
only when it grows worse. It decides nothing but which causes to trip for.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from qt_ray.core.limits import EssLimits
from qt_ray.risk.drawdown import DrawdownMonitor, Level, Reading
from qt_ray.risk.ess import Cause
from qt_ray.risk.in_force import FLASH_WINDOW_MS
from qt_ray.risk.triggers import Readings, Verdict, Watch, evaluate, healed

HEARD_MAX: Final = 10_000
BPS: Final = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Equity:
    """The account with marks; `transfers` is the running sum of what was paid in and out."""

    equity: Decimal
    wallet: Decimal
    unrealised: Decimal
    transfers: Decimal


UNKNOWN: Final = Equity(Decimal(0), Decimal(0), Decimal(0), Decimal(0))


class Vigil:
    """One account's; `watched` must beat, and the feed must live."""

    def __init__(self, limits: EssLimits, guard: Any, watched: Iterable[str], began: Equity | None, at_ms: int) -> None:
        """Watch from `began` on, or from the first confirmed equity if nobody knows yet what the account is worth."""
        self._limits, self._guard = limits, guard
        self._has_peaks = began is not None
        first = began or UNKNOWN
        self._monitor = DrawdownMonitor(guard, first.equity, at_ms)
        self._reading: Reading | None = None
        self._last, self._heard_ms = first, at_ms
        self._recent: deque[tuple[int, Decimal]] = deque([(at_ms, first.equity)] if began else [], maxlen=HEARD_MAX)
        self._beats = dict.fromkeys(watched, at_ms)
        self._feed_ms = at_ms
        self._critical: bool | None = False
        self._errors: deque[int] = deque(maxlen=limits.execution_errors_max)
        self._stops: deque[int] = deque(maxlen=limits.stop_hits_max)
        self._watch = Watch()
        self.accepted: dict[Cause, float] = {}

    def equity(self, told: Equity, at_ms: int, *, confirmed: bool) -> Reading:
        """Take in what the account is worth; a transfer is neither profit nor loss."""
        if not self._has_peaks and confirmed:
            self._monitor, self._last, self._has_peaks = DrawdownMonitor(self._guard, told.equity, at_ms), told, True
        moved = told.transfers - self._last.transfers
        if moved:
            self._monitor.transfer(moved)
            self._recent = deque(((when, value + moved) for when, value in self._recent), maxlen=HEARD_MAX)
        reading = self._monitor.observe(told.equity, at_ms, confirmed=confirmed)
        # One price that nobody confirms is remembered as transfers and nothing else: repeated, it is a hard level.
        if confirmed or reading.level is Level.HARD:
            self._reading, self._heard_ms = reading, at_ms
            self._recent.append((at_ms, told.equity))
        self._last = told if confirmed else replace(self._last, transfers=told.transfers)
        return reading

    @property
    def reading(self) -> Reading | None:
        """Return the last reading that was believed."""
        return self._reading

    @property
    def drawdown_limits_bps(self) -> tuple[int, int]:
        """Return where a drawdown is soft, and where it is hard."""
        return int(self._guard["drawdown_soft_bps"]), int(self._guard["drawdown_hard_bps"])

    def beat(self, name: str, at_ms: int) -> None:
        """Take in that somebody who is watched lives; whom nobody watches is not heard."""
        if name in self._beats:
            self._beats[name] = max(self._beats[name], at_ms)

    def fed(self, at_ms: int) -> None:
        """Take in that the feed lives and is not corrupt."""
        self._feed_ms = max(self._feed_ms, at_ms)

    def execution_error(self, at_ms: int) -> None:
        """Take in an order that went wrong."""
        self._errors.append(at_ms)

    def stop_hit(self, at_ms: int) -> None:
        """Take in a protective stop that was hit."""
        self._stops.append(at_ms)

    def health(self, critical: bool | None) -> None:
        """Take in whether the system's health is critical; None when nobody knows."""
        self._critical = critical

    def readings(self, at_ms: int) -> Readings:
        """Return what is known now."""
        seen = self._reading if at_ms - self._heard_ms < self._limits.heartbeat_age_max_ms else None
        limits = self._limits
        return Readings(
            daily_drawdown_bps=None if seen is None else max(-float(seen.day_pct) * 100, 0.0),
            open_loss_bps=None if seen is None else self._open_loss_bps(),
            equity_drawdown_bps=None if seen is None else max(-float(seen.drawdown_pct) * 100, 0.0),
            flash_crash_bps=None if seen is None else self._fall_bps(at_ms),
            execution_errors=_within(self._errors, at_ms, limits.execution_errors_window_ms),
            stop_hits=_within(self._stops, at_ms, limits.stop_hits_window_ms),
            feed_age_ms=float(max(at_ms - self._feed_ms, 0)),
            heartbeat_age_ms=float(max([at_ms - heard for heard in self._beats.values()], default=0)),
            health_critical=None if self._critical is None else float(self._critical),
        )

    def look(self, at_ms: int) -> tuple[Verdict, tuple[Cause, ...]]:
        """Return what the readings mean now, and every cause to trip for."""
        readings = self.readings(at_ms)
        self.accepted = healed(readings, self._limits, self.accepted)
        verdict = evaluate(readings, self._limits, self.accepted)
        self._watch, causes = self._watch.look(verdict, self._limits, at_ms)
        return verdict, causes

    def accept(self, causes: Iterable[Cause], at_ms: int) -> None:
        """Take in that a person has reset these causes with their readings as they are."""
        readings = self.readings(at_ms)
        seen: Mapping[Cause, float | None] = {
            Cause.DAILY_DRAWDOWN: readings.daily_drawdown_bps,
            Cause.OPEN_LOSS: readings.open_loss_bps,
            Cause.EQUITY_DRAWDOWN: readings.equity_drawdown_bps,
            Cause.FLASH_CRASH: readings.flash_crash_bps,
        }
        for cause in causes:
            if (value := seen.get(cause)) is not None:
                self.accepted[cause] = value
            if cause is Cause.EXECUTION_ERRORS:
                self._errors.clear()
            if cause is Cause.STOP_LOSS_FLOOD:
                self._stops.clear()

    def state_bytes(self) -> bytes:
        """Return the peaks, to be kept across restarts; nothing before any equity was confirmed."""
        return self._monitor.state_bytes() if self._has_peaks else b""

    def restore(self, state: bytes) -> None:
        """Take up peaks that were kept; transfers are told from then on."""
        self._monitor.restore(state)
        self._has_peaks = True

    def governed(self, limits: EssLimits, guard: Any) -> None:
        """Take in other limits; what was seen stays."""
        state = self._monitor.state_bytes()
        self._limits, self._guard = limits, guard
        self._monitor = DrawdownMonitor(guard, self._last.equity, self._heard_ms)
        self._monitor.restore(state)

    def _open_loss_bps(self) -> float:
        if self._last.unrealised >= 0:
            return 0.0
        return float(-self._last.unrealised * BPS / max(self._last.wallet, Decimal(1)))

    def _fall_bps(self, at_ms: int) -> float:
        """Return how far equity has fallen within the window, from its highest there."""
        while len(self._recent) > 1 and at_ms - self._recent[0][0] > FLASH_WINDOW_MS:
            self._recent.popleft()
        highest = max(value for _, value in self._recent)
        fall = highest - self._recent[-1][1]
        return float(max(fall, Decimal(0)) * BPS / max(highest, Decimal(1)))


def _within(moments: "deque[int]", at_ms: int, window_ms: int) -> float:
    return float(sum(at_ms - moment < window_ms for moment in moments))
