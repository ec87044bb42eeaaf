"""Orchestrator: the trading policy of the moment, read off regime, volatility, drawdown, exposure and recent losses.

It never permits what the policy store does not: it is one more layer, and layers meet by minimum. It speaks at most
once a minute, so that a fund does not change its mind with every bar; but what tightens, or denies a symbol, is never
made to wait. What nobody knows counts as the worse of what it could be.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Final

UPDATE_MS_MIN: Final = 60_000
HISTORY_MAX: Final = 1_000
CONFIDENCE: Final = Decimal("0.50")
CONFIDENCE_REDUCED: Final = Decimal("0.60")
CONFIDENCE_VOLATILE: Final = Decimal("0.65")
STREAK_REDUCED: Final = 3
STREAK_STOPPED: Final = 6
EXPOSURE_REDUCED_BPS: Final = 8_000
EXPOSURE_STOPPED_BPS: Final = 10_000


class Profile(IntEnum):
    """How much of a trade is permitted; more is less."""

    NORMAL = 0
    REDUCED = 1
    NO_NEW_TRADES = 2


class Style(StrEnum):
    """How positions are entered and left."""

    NORMAL = "normal"
    PATIENT = "patient"
    DEFENSIVE = "defensive"


class Authority(StrEnum):
    """Whether what the orchestrator says is only written down."""

    OBSERVE = "observe"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of market and fund; None is not known. `sick` symbols may not be entered, each with its reason."""

    is_volatile: bool | None
    is_extreme: bool | None
    drawdown_bps: int | None
    drawdown_soft_bps: int
    drawdown_hard_bps: int
    exposure_share_bps: int | None
    losing_streak: int | None
    sick: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TradingPolicy:
    """What may be traded now, and how; `deny` is every symbol that may not be entered."""

    profile: Profile = Profile.NO_NEW_TRADES
    min_confidence: Decimal = Decimal(1)
    entry: Style = Style.DEFENSIVE
    exit: Style = Style.DEFENSIVE
    deny: frozenset[str] = frozenset()
    reasons: tuple[str, ...] = ("nothing was computed yet",)

    @property
    def allow_new_trades(self) -> bool:
        """Return whether anything may be entered at all."""
        return self.profile is not Profile.NO_NEW_TRADES

    def may_enter(self, symbol: str, confidence: Decimal) -> bool:
        """Return whether a signal of that confidence may be entered."""
        return self.allow_new_trades and symbol not in self.deny and confidence >= self.min_confidence

    def meets(self, other: "TradingPolicy") -> "TradingPolicy":
        """Return what both permit."""
        return TradingPolicy(
            max(self.profile, other.profile),
            max(self.min_confidence, other.min_confidence),
            max(self.entry, other.entry, key=_STYLES.index),
            max(self.exit, other.exit, key=_STYLES.index),
            self.deny | other.deny,
            tuple(dict.fromkeys((*self.reasons, *other.reasons))),
        )


_STYLES: Final = (Style.NORMAL, Style.PATIENT, Style.DEFENSIVE)


def computed(situation: Situation) -> TradingPolicy:
    """Return the trading policy for a situation: the meeting of what each part of it permits."""
    found = TradingPolicy(Profile.NORMAL, CONFIDENCE, Style.NORMAL, Style.NORMAL, frozenset(situation.sick), ())
    for part in (_volatility(situation), _drawdown(situation), _exposure(situation), _streak(situation)):
        found = found.meets(part)
    denied = tuple(f"{symbol}: {reason}" for symbol, reason in sorted(situation.sick.items()))
    return replace(found, reasons=(*found.reasons, *denied))


class Orchestrator:
    """Says what may be traded, no more often than it must."""

    def __init__(self, authority: Authority = Authority.OBSERVE, update_ms_min: int = UPDATE_MS_MIN) -> None:
        self.authority = authority
        self.policy = TradingPolicy()
        self._update_ms_min = update_ms_min
        self._updated_ms: int | None = None

    def update(self, situation: Situation, at_ms: int) -> TradingPolicy | None:
        """Return the policy that is in force from now on, or nothing if it is the one before."""
        wanted = computed(situation)
        is_due = self._updated_ms is None or at_ms - self._updated_ms >= self._update_ms_min
        # Between two updates only what tightens comes in, beside all that was permitted no more already.
        now = wanted if is_due else self.policy.meets(wanted)
        if _permits(now) == _permits(self.policy):
            return None
        if is_due:
            self._updated_ms = at_ms
        self.policy = now
        return now


@dataclass(frozen=True, slots=True)
class Observed:
    """One signal: what the orchestrator would have said, and what was done."""

    symbol: str
    would_allow: bool
    was_entered: bool
    at_ms: int

    @property
    def agrees(self) -> bool:
        """Return whether both are the same."""
        return self.would_allow is self.was_entered


class PolicyObserver:
    """Compares what policy would have said with what was done, signal by signal."""

    def __init__(self, most: int = HISTORY_MAX) -> None:
        self.recent: deque[Observed] = deque(maxlen=most)
        self.seen = self.agreed = 0

    def observe(
        self, policy: TradingPolicy, symbol: str, confidence: Decimal, was_entered: bool, at_ms: int
    ) -> Observed:
        """Take in a signal and what became of it."""
        found = Observed(symbol, policy.may_enter(symbol, confidence), was_entered, at_ms)
        self.recent.append(found)
        self.seen, self.agreed = self.seen + 1, self.agreed + found.agrees
        return found

    @property
    def agreement(self) -> float | None:
        """Return the share of signals on which both agreed; None before the first."""
        return self.agreed / self.seen if self.seen else None


def _volatility(situation: Situation) -> TradingPolicy:
    if situation.is_volatile is None or situation.is_extreme is None:
        return _part(Profile.NO_NEW_TRADES, "nobody knows how volatile the market is", CONFIDENCE_VOLATILE)
    if situation.is_extreme:
        return _part(Profile.REDUCED, "volatility is extreme", CONFIDENCE_VOLATILE, Style.DEFENSIVE)
    if situation.is_volatile:
        return _part(Profile.NORMAL, "volatility is high", CONFIDENCE_VOLATILE, Style.PATIENT)
    return _PERMITTED


def _drawdown(situation: Situation) -> TradingPolicy:
    drawdown = situation.drawdown_bps
    if drawdown is None:
        return _part(Profile.NO_NEW_TRADES, "nobody knows the drawdown")
    if drawdown >= situation.drawdown_hard_bps:
        return _part(Profile.NO_NEW_TRADES, f"the drawdown is {drawdown} bps", CONFIDENCE_REDUCED, Style.DEFENSIVE)
    if drawdown >= situation.drawdown_soft_bps:
        return _part(Profile.REDUCED, f"the drawdown is {drawdown} bps", CONFIDENCE_REDUCED, Style.PATIENT)
    return _PERMITTED


def _exposure(situation: Situation) -> TradingPolicy:
    share = situation.exposure_share_bps
    if share is None or share >= EXPOSURE_STOPPED_BPS:
        return _part(
            Profile.NO_NEW_TRADES, "nobody knows the exposure" if share is None else "exposure is at its limit"
        )
    if share >= EXPOSURE_REDUCED_BPS:
        return _part(Profile.REDUCED, f"exposure is at {share} bps of its limit")
    return _PERMITTED


def _streak(situation: Situation) -> TradingPolicy:
    streak = situation.losing_streak
    if streak is None or streak >= STREAK_STOPPED:
        return _part(
            Profile.NO_NEW_TRADES, "nobody knows the last trades" if streak is None else f"{streak} losses in a row"
        )
    if streak >= STREAK_REDUCED:
        return _part(Profile.REDUCED, f"{streak} losses in a row", CONFIDENCE_REDUCED)
    return _PERMITTED


def _part(
    profile: Profile, reason: str, confidence: Decimal = CONFIDENCE, style: Style = Style.NORMAL
) -> TradingPolicy:
    return TradingPolicy(profile, confidence, style, style, frozenset(), (reason,))


_PERMITTED: Final = TradingPolicy(Profile.NORMAL, CONFIDENCE, Style.NORMAL, Style.NORMAL, frozenset(), ())


def _permits(policy: TradingPolicy) -> tuple[object, ...]:
    return policy.profile, policy.min_confidence, policy.entry, policy.exit, policy.deny


def met(policies: Iterable[TradingPolicy]) -> TradingPolicy:
    """Return what all of several permit; of none, nothing."""
    found: TradingPolicy | None = None
    for policy in policies:
        found = policy if found is None else found.meets(policy)
    return TradingPolicy() if found is None else found
