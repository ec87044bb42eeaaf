"""Restraints: what automatic layers leave of all that the policy permits; each only subtracts, and only while it lives.

What is left is the minimum over all layers and names the layer of each bound. A layer speaks again and again: one that
must speak and has not, or has fallen silent, leaves nothing. It is withdrawn by the one who set it, so that nobody
loosens what another has tightened, and what comes back is what persons permit and never more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from qt_ray.core.errors import Invalid
from qt_ray.core.money import BPS
from qt_ray.core.policy import Policy

WHOLE_BPS: Final = 10_000
LEVERAGE_LIMIT: Final = 125
POSITIONS_LIMIT: Final = 1_000
SILENT_MS: Final = 5_000
OPENING_MS: Final = 2_000
LAYERS_MAX: Final = 32
SYMBOLS_MAX: Final = 5_000
TEXT_MAX: Final = 500
STORE: Final = "policy_store"


@dataclass(frozen=True, slots=True)
class Restraint:
    """What one layer leaves: a share of each size, leverage, positions, how sure signals are, whom to enter."""

    layer: str
    size_bps: int = WHOLE_BPS
    leverage_max: int = LEVERAGE_LIMIT
    confidence_min_bps: int = 0
    deny: tuple[str, ...] = ()
    reason: str = ""
    positions_max: int = POSITIONS_LIMIT

    def __post_init__(self) -> None:
        if not 0 <= self.size_bps <= WHOLE_BPS:
            raise Invalid(f"size_bps: a share from 0 to {WHOLE_BPS}, was {self.size_bps}")
        if not 1 <= self.leverage_max <= LEVERAGE_LIMIT:
            raise Invalid(f"leverage_max: from 1 to {LEVERAGE_LIMIT}, was {self.leverage_max}")
        if not 1 <= self.positions_max <= POSITIONS_LIMIT:
            raise Invalid(f"positions_max: from 1 to {POSITIONS_LIMIT}, was {self.positions_max}")
        if not 0 <= self.confidence_min_bps <= WHOLE_BPS:
            raise Invalid(f"confidence_min_bps: from 0 to {WHOLE_BPS}, was {self.confidence_min_bps}")
        if not self.layer.strip() or len(self.layer) > TEXT_MAX or len(self.reason) > TEXT_MAX:
            raise Invalid(f"a layer has a name and a reason of at most {TEXT_MAX} characters, was {self.layer!r:.60}")
        if len(self.deny) > SYMBOLS_MAX:
            raise Invalid(f"deny: at most {SYMBOLS_MAX} symbols, was {len(self.deny)}")
        object.__setattr__(self, "deny", tuple(sorted(set(self.deny))))


@dataclass(frozen=True, slots=True)
class Latitude:
    """What all layers together leave; `by` names the layer of each bound, `denied` that of each symbol."""

    size_bps: int = WHOLE_BPS
    leverage_max: int = LEVERAGE_LIMIT
    confidence_min_bps: int = 0
    denied: Mapping[str, str] = field(default_factory=dict)
    by: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    positions_max: int = POSITIONS_LIMIT

    def why_closed(self) -> str | None:
        """Return why nothing new may be opened at all, or nothing."""
        return None if self.size_bps else f"no entry, {self.by.get('size_bps', STORE)} leaves nothing: {self.reason}"

    def meets(self, one: Restraint) -> "Latitude":
        """Return what is left once another layer is in force as well."""
        bounds = {
            "size_bps": one.size_bps < self.size_bps,
            "leverage_max": one.leverage_max < self.leverage_max,
            "confidence_min_bps": one.confidence_min_bps > self.confidence_min_bps,
            "positions_max": one.positions_max < self.positions_max,
        }
        return Latitude(
            **{name: getattr(one if binds else self, name) for name, binds in bounds.items()},
            denied={**dict.fromkeys(one.deny, one.layer), **self.denied},
            by={**self.by, **{name: one.layer for name, binds in bounds.items() if binds}},
            reason=one.reason if bounds["size_bps"] else self.reason,
        )


FREE: Final = Latitude()


@dataclass(frozen=True, slots=True)
class Restraints:
    """Every layer's last word and when it was heard; nothing is left before all that are `required` have spoken."""

    opened_ms: int
    required: frozenset[str] = frozenset()
    heard: Mapping[str, tuple[Restraint, int]] = field(default_factory=dict)

    def spoken(self, restraint: Restraint, at_ms: int) -> "Restraints":
        """Return the restraints after a layer's word, which replaces its last."""
        heard = {**self.heard, restraint.layer: (restraint, at_ms)}
        if len(heard) > LAYERS_MAX:
            raise Invalid(f"at most {LAYERS_MAX} layers restrain a fund, {restraint.layer} was one more")
        return replace(self, heard=heard)

    def withdrawn(self, layer: str) -> "Restraints":
        """Return the restraints without a layer; one that is required leaves nothing from then on."""
        return replace(self, heard={name: kept for name, kept in self.heard.items() if name != layer})

    def left(self, at_ms: int) -> Latitude:
        """Return what all layers together leave now."""
        found = FREE
        for layer in sorted(self.required | self.heard.keys()):
            found = found.meets(self._of(layer, at_ms))
        if self.required and at_ms < self.opened_ms + OPENING_MS:
            # Layers that are not required are forgotten by a store that was born again: they are waited for.
            return found.meets(_nothing(STORE, "a store that has just come to life waits for every layer"))
        return found

    def _of(self, layer: str, at_ms: int) -> Restraint:
        if layer not in self.heard:
            return _nothing(layer, "it has not spoken yet")
        restraint, heard_ms = self.heard[layer]
        return restraint if 0 <= at_ms - heard_ms < SILENT_MS else _nothing(layer, f"it was silent for {SILENT_MS} ms")


def restrained(policy: Policy, left: Latitude) -> Policy:
    """Return the policy as what is left makes it: the minimum of both, for whoever decides by it."""
    limits, mode = policy.limits, policy.risk
    leverage = min(mode.max_leverage, Decimal(left.leverage_max))
    confidence = max(mode.min_confidence, Decimal(left.confidence_min_bps) / BPS)
    tighter = replace(
        mode,
        max_leverage=leverage,
        min_leverage=min(mode.min_leverage, leverage),
        min_confidence=confidence,
        max_positions=min(mode.max_positions, left.positions_max),
    )
    return replace(
        policy,
        limits=replace(
            limits,
            leverage_max=min(limits.leverage_max, left.leverage_max),
            leverage_default=min(limits.leverage_default, left.leverage_max),
        ),
        modes=replace(policy.modes, **{policy.active_mode.name: tighter}),
        deny_symbols=tuple({*policy.deny_symbols, *left.denied}),
    )


def _nothing(layer: str, reason: str) -> Restraint:
    return Restraint(layer, 0, 1, reason=reason)
