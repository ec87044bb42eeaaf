"""Notices: what parts, models and people did, as payloads beside those about markets and money.

Who acted is a name, why is a sentence; a secret is never a field. A number that nobody knows is None.
"""

from dataclasses import dataclass
from decimal import Decimal

from qt_ray.core.payloads import FieldChanged


@dataclass(frozen=True, slots=True)
class SystemStarted:
    """A fund began a life: all its parts were ready. `life` is empty where the account outlives the process."""

    profile: str
    account: str
    life: str
    version: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SystemStopped:
    """A fund ended in order."""

    account: str
    life: str
    reason: str


@dataclass(frozen=True, slots=True)
class PartStarted:
    """A part was seen in a new life."""

    part: str
    pid: int | None
    was_reconstructed: bool


@dataclass(frozen=True, slots=True)
class SecurityDenied:
    """Somebody asked for what he may not have, and nothing was changed; `person` is empty when nobody knows him."""

    person: str
    action: str
    target: str
    rule: str


@dataclass(frozen=True, slots=True)
class DeedRefused:
    """Somebody who may ask was told the rule that forbids it now, and nothing was changed."""

    person: str
    action: str
    rule: str


@dataclass(frozen=True, slots=True)
class AccessGranted:
    """Somebody was given a key, an address to log in by or a session; the token is nowhere."""

    grant: str
    kind: str
    person: str
    scopes: tuple[str, ...]
    is_person: bool
    expires_ms: int | None
    by: str


@dataclass(frozen=True, slots=True)
class AccessRevoked:
    """A grant was taken back, or used up."""

    grant: str
    kind: str
    person: str
    by: str


@dataclass(frozen=True, slots=True)
class ClosedByHand:
    """A person had positions closed at the market; the orders that do it bear these names."""

    person: str
    reason: str
    symbols: tuple[str, ...]
    client_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EmergencyTripped:
    """The emergency stop began to act; how far it got is told when it is done."""

    cause: str
    reason: str
    by: str
    epoch: int


@dataclass(frozen=True, slots=True)
class CauseCleared:
    """A person cleared one cause of an emergency; `left` are those that still hold it."""

    cause: str
    person: str
    reason: str
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KillChanged:
    """A person, or a part in need, shut all entries at the guard, or a person let them in again."""

    is_killed: bool
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class LooseningProposed:
    """Somebody wants more risk let in; nothing has changed, and a second person has to agree."""

    proposal: str
    by: str
    reason: str
    changes: tuple[FieldChanged, ...]


@dataclass(frozen=True, slots=True)
class LooseningDismissed:
    """A proposal to let more risk in will not come into force."""

    proposal: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class RiskModeChanged:
    """The coordinator made the fund bolder or more careful, and what it may do at most since."""

    old: str
    new: str
    health: float
    reason: str
    size_bps: int
    leverage_max: int
    allows_entries: bool


@dataclass(frozen=True, slots=True)
class FundRestrained:
    """An automatic layer changed what it leaves of all that the policy permits."""

    layer: str
    size_bps: int
    leverage_max: int
    confidence_min_bps: int
    positions_max: int
    deny: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ModelSwapped:
    """A user of a model works with another version since `epoch`."""

    part: str
    model_name: str
    version: str
    epoch: int
    old_version: str | None


@dataclass(frozen=True, slots=True)
class RetrainingDue:
    """A model should be trained anew; decay is how much worse its score is than when it was promoted."""

    model_name: str
    version: str
    reasons: tuple[str, ...]
    age_ms: int | None
    new_bars: int | None
    decay_bps: int | None


@dataclass(frozen=True, slots=True)
class SizeFallback:
    """Volatility was high and no trained policy sized the trade, so a ceiling did."""

    symbol: str
    regime: str
    wished: Decimal
    allowed: Decimal
    rule: str


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """Something that a person was told; `key` is the same for the same trouble."""

    key: str
    severity: str
    title: str
    detail: str
