"""Rules: every number the gateway obeys, so that none hides in its code.

Message limits and the duplicate window are the policy's own (`Limits`); the rest is how long we wait, how often we
ask and how much we let wait. `deadline_ms` is the one that absence rests on: until a request can no longer be
accepted, not seeing it proves nothing. So `receive_window_ms` is what the session itself says, where it says anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from qt_ray.core.errors import Invalid
from qt_ray.core.limits import CLOCK_ERROR_MS, RECEIVE_WINDOW_MS, Limits


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the venue lets one account ask, and how much of that we take: shares nest, so cancels keep theirs."""

    weight_minute: int = 2_400
    orders_ten_seconds: int = 300
    orders_minute: int = 1_200
    cap_bps: int = 8_000
    queries_bps: int = 6_000
    entries_bps: int = 7_000
    doubts_bps: int = 8_500


@dataclass(frozen=True, slots=True)
class Rules:
    """How the gateway behaves; residuals below `residual_min` of a symbol are not worth an order."""

    limits: Limits = field(default_factory=Limits)
    allowance: Allowance = field(default_factory=Allowance)
    receive_window_ms: int = RECEIVE_WINDOW_MS
    clock_error_ms: int = CLOCK_ERROR_MS
    answer_ms: int = 2_500
    question_ms: int = 1_000
    forget_ms: int = 60_000
    ladder_ms: tuple[int, ...] = (200, 500, 1_000, 2_000, 4_000)
    watch_ms: tuple[int, ...] = (2_000, 5_000, 10_000, 30_000)
    check_ms: int = 5_000
    check_unsettled_ms: int = 1_000
    repair_ms: int = 200
    stranger_ms: int = 3_000
    fleeting_ms: int = 500
    entry_age_max_ms: int = 10_000
    full_bps: int = 9_000
    retry_ms: tuple[int, ...] = (500, 1_000, 2_000)
    countdown_ms: int = 60_000
    in_flight_max: int = 12
    waiting_max: int = 256
    ended_max: int = 2_000
    spent_max: int = 100_000
    residual_min: Mapping[str, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if list(self.ladder_ms) != sorted(set(self.ladder_ms)) or len(self.ladder_ms) < 2:
            raise Invalid(f"ladder_ms: rises in two steps or more, was {self.ladder_ms}")
        if self.in_flight_max < len(SLOTS_KEPT) * 2 or self.waiting_max < self.in_flight_max:
            raise Invalid(f"in_flight_max: leaves a slot to each share, was {self.in_flight_max}")

    @property
    def deadline_ms(self) -> int:
        """Return how long after it left a request may still be accepted."""
        return self.receive_window_ms + self.clock_error_ms


# Slots in flight that the shares below may not take: queries leave four, entries and doubts two.
SLOTS_KEPT = (4, 2, 2, 0)
