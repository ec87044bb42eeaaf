"""Governor: four layers vote, and the least of what they allow is what is allowed.

Votes meet by minimum, so their order cannot matter and one more can only tighten. A layer that has not
spoken, or not lately, votes for nothing new; lessening risk is never the governor's to refuse.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum
from typing import Final

from qt_ray.core.errors import Invalid

WHOLE_BPS: Final = 10_000
LEVERAGE_LIMIT: Final = 125
VOTE_AGE_MAX_MS: Final = 120_000


class Level(IntEnum):
    """How careful the fund is; more is more careful."""

    NORMAL = 0
    CAUTIOUS = 1
    DEFENSIVE = 2
    EMERGENCY = 3


class Layer(StrEnum):
    """Who votes."""

    SELF_HEALING = "self_healing"
    RISK = "risk"
    HFOS = "hfos"
    PORTFOLIO = "portfolio"


class Action(Enum):
    """What becomes of a request."""

    ALLOW = "allow"
    MODIFY = "modify"
    DOWNGRADE = "downgrade"
    BLOCK = "block"


# What a level allows at most, whoever voted for it: share of the wished size, and leverage.
CEILINGS: Final = {
    Level.NORMAL: (WHOLE_BPS, LEVERAGE_LIMIT),
    Level.CAUTIOUS: (7_500, 5),
    Level.DEFENSIVE: (5_000, 2),
    Level.EMERGENCY: (0, 1),
}


@dataclass(frozen=True, slots=True)
class Vote:
    """What one layer allows: its level, a share of the wished size and a leverage."""

    layer: Layer
    level: Level
    at_ms: int
    size_bps: int = WHOLE_BPS
    leverage_max: int = LEVERAGE_LIMIT
    reason: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.size_bps <= WHOLE_BPS:
            raise Invalid(f"size_bps: a share from 0 to {WHOLE_BPS}, was {self.size_bps}")
        if not 1 <= self.leverage_max <= LEVERAGE_LIMIT:
            raise Invalid(f"leverage_max: from 1 to {LEVERAGE_LIMIT}, was {self.leverage_max}")


@dataclass(frozen=True, slots=True)
class Directive:
    """What all layers together allow; each bound names the layer it came from."""

    level: Level
    size_bps: int
    size_by: str
    leverage_max: int
    leverage_by: str
    reason: str

    @property
    def allows_entries(self) -> bool:
        """Return whether anything new may be opened at all."""
        return self.size_bps > 0


@dataclass(frozen=True, slots=True)
class Request:
    """A wish: its size in steps (or any whole unit), its leverage, and whether it only lessens risk."""

    size: int
    leverage: int
    reduces: bool = False

    def __post_init__(self) -> None:
        if self.size < 0 or self.leverage < 1:
            raise Invalid(f"size: not negative at a leverage of 1 or more, was {self.size} at {self.leverage}")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What became of a request, and which layer bound it."""

    action: Action
    size: int
    leverage: int
    layer: str
    reason: str


UNHEARD: Final = Directive(Level.EMERGENCY, 0, "governor", 1, "governor", "nothing was computed yet")


def fuse(
    votes: Iterable[Vote],
    now_ms: int,
    age_max_ms: int = VOTE_AGE_MAX_MS,
    required: frozenset[Layer] = frozenset(Layer),
) -> Directive:
    """Return the least of what the votes allow; a missing or stale layer allows nothing new."""
    heard = sorted(votes, key=_canonical)
    if not heard:
        return UNHEARD
    silent = sorted(required - {vote.layer for vote in heard})
    bounds = [_bounds(vote, now_ms, age_max_ms) for vote in heard]
    bounds += [(Level.EMERGENCY, 0, 1, layer, f"{layer} has not voted") for layer in silent]
    size = min(bounds, key=lambda bound: bound[1])
    leverage = min(bounds, key=lambda bound: bound[2])
    level = max(bound[0] for bound in bounds)
    return Directive(level, size[1], size[3], leverage[2], leverage[3], size[4])


def rule(directive: Directive, request: Request) -> Ruling:
    """Return what becomes of `request`; a smaller size modifies it, a lower leverage downgrades it."""
    if request.reduces:
        return Ruling(Action.ALLOW, request.size, request.leverage, "", "lessens risk")
    size = request.size * directive.size_bps // WHOLE_BPS
    leverage = min(request.leverage, directive.leverage_max)
    if size == 0:
        return Ruling(Action.BLOCK, 0, leverage, directive.size_by, directive.reason)
    if leverage < request.leverage:
        return Ruling(Action.DOWNGRADE, size, leverage, directive.leverage_by, "leverage is bounded")
    if size < request.size:
        return Ruling(Action.MODIFY, size, leverage, directive.size_by, directive.reason)
    return Ruling(Action.ALLOW, size, leverage, "", "")


class SafetyGovernor:
    """The latest vote of every layer; before the first of each, nothing new is allowed."""

    def __init__(self, age_max_ms: int = VOTE_AGE_MAX_MS, required: frozenset[Layer] = frozenset(Layer)) -> None:
        self.age_max_ms = age_max_ms
        self.required = required
        self._latest: dict[Layer, Vote] = {}

    def hear(self, vote: Vote) -> None:
        """Replace a layer's vote by a newer one; of two at the same moment the stricter stays."""
        known = self._latest.get(vote.layer)
        if known is None or (vote.at_ms, _canonical(vote)) > (known.at_ms, _canonical(known)):
            self._latest[vote.layer] = vote

    def directive(self, now_ms: int) -> Directive:
        """Return what is allowed now."""
        return fuse(self._latest.values(), now_ms, self.age_max_ms, self.required)

    def review(self, request: Request, now_ms: int) -> Ruling:
        """Return what becomes of a request now."""
        return rule(self.directive(now_ms), request)


def _bounds(vote: Vote, now_ms: int, age_max_ms: int) -> tuple[Level, int, int, str, str]:
    age = now_ms - vote.at_ms
    if not 0 <= age <= age_max_ms:
        return Level.EMERGENCY, 0, 1, vote.layer, f"the vote of {vote.layer} is {age} ms old"
    size, leverage = CEILINGS[vote.level]
    reason = vote.reason or f"{vote.layer} is {vote.level.name}"
    return vote.level, min(size, vote.size_bps), min(leverage, vote.leverage_max), vote.layer, reason


def _canonical(vote: Vote) -> tuple[int, int, int, str, int, str]:
    return (vote.level, -vote.size_bps, -vote.leverage_max, vote.layer, vote.at_ms, vote.reason)
