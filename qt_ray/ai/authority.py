"""Authority: what the supervisor may do to a model, from how often it was right, and what it does.

Only ENFORCED changes anything; OBSERVE and ADVISORY tell what would be done, and OFF is silent. A model that is
blocked has no weight. One that was quarantined comes back after a time, on evidence that is newer than its fault, and
first with the least weight there is. Too few models left are said to be too few.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp, isfinite
from typing import Final

from qt_ray.ai.ensemble.spec import ALL, MEMBERS_MAX
from qt_ray.core.errors import Invalid
from qt_ray.core.tables import Table

# What whoever says one half every time scores.
KNOWS_NOTHING: Final = 0.25
HALVINGS: Final = 60


class AuthorityMode(StrEnum):
    """How far the supervisor's word goes."""

    OFF = "OFF"
    OBSERVE = "OBSERVE"
    ADVISORY = "ADVISORY"
    ENFORCED = "ENFORCED"


class Trust(StrEnum):
    """How a model stands."""

    TRUSTED = "TRUSTED"
    SUSPECT = "SUSPECT"
    QUARANTINED = "QUARANTINED"
    PROBATION = "PROBATION"


class TrustSignal(StrEnum):
    """What moves a model."""

    FAULT = "fault"
    CLEAR = "clear"
    RELEASE = "release"


TRANSITIONS: Final = Table(
    name="trust",
    initial=Trust.TRUSTED,
    rows={
        (Trust.TRUSTED, TrustSignal.FAULT): Trust.SUSPECT,
        (Trust.SUSPECT, TrustSignal.FAULT): Trust.QUARANTINED,
        (Trust.SUSPECT, TrustSignal.CLEAR): Trust.TRUSTED,
        (Trust.QUARANTINED, TrustSignal.RELEASE): Trust.PROBATION,
        (Trust.PROBATION, TrustSignal.FAULT): Trust.QUARANTINED,
        (Trust.PROBATION, TrustSignal.CLEAR): Trust.TRUSTED,
    },
)


@dataclass(frozen=True, slots=True)
class Record:
    """A model's outcomes in a window, in one regime or in all; `judged` is how many there ever were.

    `said_up` and `went_up` are the shares of the outcomes that were foretold as a rise and that were one.
    """

    model: str
    outcomes: int
    judged: int
    brier: float | None
    said_up: float | None
    went_up: float | None
    regime: str = ALL

    def __post_init__(self) -> None:
        if not 0 <= self.outcomes <= self.judged:
            raise Invalid(f"{self.model}: outcomes are among {self.judged} that were judged, were {self.outcomes}")
        if not all(one is None or 0.0 <= one <= 1.0 for one in (self.brier, self.said_up, self.went_up)):
            raise Invalid(f"{self.model}: a share is from 0 to 1, was among {self.brier, self.said_up, self.went_up}")


@dataclass(frozen=True, slots=True)
class Charter:
    """The limits of the authority; shares are of the ensemble."""

    mode: AuthorityMode = AuthorityMode.OBSERVE
    outcomes_min: int = 200
    brier_max: float = 0.26
    one_side_max: float = 0.95
    went_side_max: float = 0.65
    quarantine_ms: int = 86_400_000
    sharpness: float = 40.0
    share_step_max: float = 0.05
    share_min: float = 0.05
    share_max: float = 0.60
    members_min: int = 3

    def __post_init__(self) -> None:
        if self.outcomes_min < 1 or self.quarantine_ms < 1 or not 1 <= self.members_min <= MEMBERS_MAX:
            raise Invalid(f"charter: numbers are from 1, members to {MEMBERS_MAX}, members_min was {self.members_min}")
        if not (0.0 < self.share_min * MEMBERS_MAX <= 1.0 <= self.share_max * self.members_min):
            raise Invalid(f"shares: so many members can add up to 1, were [{self.share_min}, {self.share_max}]")
        if not (self.share_step_max > 0.0 and self.sharpness >= 0.0 and isfinite(self.sharpness)):
            raise Invalid(f"charter: a step is above 0, sharpness from 0, were {self.share_step_max}, {self.sharpness}")


@dataclass(frozen=True, slots=True)
class ModelStanding:
    """How a model stands, since when, after how many outcomes, and its share in force."""

    trust: Trust = TRANSITIONS.initial
    since_ms: int = 0
    judged: int = 0
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """`weights` are in force, `proposed` is what ENFORCED would make of them; `shortage` why nothing is proposed."""

    weights: Mapping[str, float]
    proposed: Mapping[str, float]
    standings: Mapping[str, ModelStanding]
    blocked: Mapping[str, str]
    shortage: str = ""


def judge(
    base: Mapping[str, float],
    records: Iterable[Record],
    standings: Mapping[str, ModelStanding],
    at_ms: int,
    charter: Charter,
    regime: str = ALL,
) -> Judgement:
    """Return how every model of `base` stands at a moment in a regime, and what it weighs."""
    if not 1 <= len(base) <= MEMBERS_MAX or not all(one > 0.0 and isfinite(one) for one in base.values()):
        raise Invalid(f"base: 1 to {MEMBERS_MAX} weights above 0, were {dict(base)!s:.80}")
    if charter.mode is AuthorityMode.OFF:
        return Judgement(dict(base), dict(base), dict(standings), {})
    cards = {(record.model, record.regime): record for record in records}
    after, blocked = dict[str, ModelStanding](), dict[str, str]()
    for name in sorted(base):
        own = tuple(cards[key] for key in ((name, ALL), (name, regime)) if key in cards)
        before = standings.get(name) or ModelStanding()
        after[name] = _moved(before, own, at_ms, charter)
        if reason := _block(after[name], own, charter):
            blocked[name] = reason
    free = [name for name in after if name not in blocked]
    if len(free) < charter.members_min:
        shortage = f"a consensus has {charter.members_min} members, {len(free)} of {len(base)} are left"
        proposed = dict.fromkeys(after, 0.0)
    else:
        shortage, proposed = "", _proposed(base, free, after, cards, charter, regime)
    weights = proposed if charter.mode is AuthorityMode.ENFORCED else dict(base)
    whole = sum(weights[name] for name in sorted(weights)) or 1.0
    kept = {name: replace(one, share=weights[name] / whole) for name, one in after.items()}
    return Judgement(weights, proposed, kept, blocked, shortage)


def faults(record: Record, charter: Charter) -> tuple[str, ...]:
    """Return what is wrong with a model, each with its limit; over a handful of outcomes nothing is."""
    if record.outcomes < charter.outcomes_min:
        return ()
    is_bad = record.brier is not None and record.brier > charter.brier_max
    bad = f"in {record.regime} its Brier score is {record.brier}, limit {charter.brier_max}"
    bias = _bias(record, charter)
    return (*([bad] if is_bad else []), *([bias] if bias else []))


def _bias(record: Record, charter: Charter) -> str:
    if record.outcomes < charter.outcomes_min or record.said_up is None or record.went_up is None:
        return ""
    said, went = record.said_up, record.went_up
    said, went = (said, went) if said >= 0.5 else (1.0 - said, 1.0 - went)
    if said < charter.one_side_max or went > charter.went_side_max:
        return ""
    return f"in {record.regime} it said one side in {said:.1%} of outcomes, of which side {went:.1%} were"


def _moved(before: ModelStanding, own: tuple[Record, ...], at_ms: int, charter: Charter) -> ModelStanding:
    """Return a standing one signal later; but for the first suspicion, only evidence since the last one moves it."""
    overall = next((record for record in own if record.regime == ALL), None)
    if overall is None or overall.outcomes < charter.outcomes_min:
        return before
    is_fresh = overall.judged - before.judged >= charter.outcomes_min
    if not is_fresh and before.trust is not Trust.TRUSTED:
        return before
    is_faulty = any(faults(record, charter) for record in own)
    signal = TrustSignal.FAULT if is_faulty else TrustSignal.CLEAR
    if before.trust is Trust.QUARANTINED:
        signal = TrustSignal.RELEASE
        if is_faulty or at_ms - before.since_ms < charter.quarantine_ms:
            return before
    if not TRANSITIONS.foresees(before.trust, signal):
        return before
    return replace(before, trust=TRANSITIONS.advance(before.trust, signal), since_ms=at_ms, judged=overall.judged)


def _block(standing: ModelStanding, own: tuple[Record, ...], charter: Charter) -> str:
    if standing.trust is Trust.QUARANTINED:
        return f"quarantined since {standing.since_ms}"
    return next((bias for record in own if (bias := _bias(record, charter))), "")


def _proposed(
    base: Mapping[str, float],
    free: list[str],
    standings: Mapping[str, ModelStanding],
    cards: Mapping[tuple[str, str], Record],
    charter: Charter,
    regime: str,
) -> dict[str, float]:
    skilled = [base[name] * _skill(name, cards, charter, regime) for name in free]
    # Whoever is on probation wishes for nothing, and so gets the least there is.
    wished = [0.0 if standings[n].trust is Trust.PROBATION else one for n, one in zip(free, skilled, strict=True)]
    wished = _shares(wished if any(wished) else skilled)
    shares = [standings[name].share for name in free]
    before = _shares(shares if any(shares) else [base[name] for name in free])
    least, most = [charter.share_min] * len(free), [charter.share_max] * len(free)
    held = _within(before, least, most)
    lows = [max(one - charter.share_step_max, charter.share_min) for one in held]
    highs = [min(one + charter.share_step_max, charter.share_max) for one in held]
    return dict.fromkeys(standings, 0.0) | dict(zip(free, _within(wished, lows, highs), strict=True))


def _skill(name: str, cards: Mapping[tuple[str, str], Record], charter: Charter, regime: str) -> float:
    """Return how much better than ignorance a model is, here if that is known, else overall; unknown is ignorance."""
    for key in ((name, regime), (name, ALL)):
        record = cards.get(key)
        if record is not None and record.outcomes >= charter.outcomes_min and record.brier is not None:
            return exp(charter.sharpness * (KNOWS_NOTHING - record.brier))
    return 1.0


def _shares(weights: list[float]) -> list[float]:
    whole = sum(weights)
    return [one / whole for one in weights]


def _within(wished: list[float], lows: list[float], highs: list[float]) -> list[float]:
    """Return the shares nearest to those wished for that lie within their bounds and add up to 1."""
    below, above = -2.0, 2.0
    for _ in range(HALVINGS):
        middle = 0.5 * (below + above)
        total = sum(min(max(w + middle, a), b) for w, a, b in zip(wished, lows, highs, strict=True))
        below, above = (middle, above) if total < 1.0 else (below, middle)
    return [min(max(w + above, a), b) for w, a, b in zip(wished, lows, highs, strict=True)]
