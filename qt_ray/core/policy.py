"""Policy: the one value nobody may act against; a change is a new value with the next version.

`version` counts writes, `epoch` counts changes of the emergency and lives of the store, so an order made
under an older epoch can be refused. `allow_new_trades` is read off two facts, a person's pause and the
emergency: ending one of them never ends the other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import StrEnum
from typing import Any, Final

from qt_ray.core.bounds import check
from qt_ray.core.codec import digest, plain
from qt_ray.core.errors import Invalid
from qt_ray.core.limits import EssLimits, Limits, Mode, ModeLimits, Modes, Volatility, mode
from qt_ray.core.restore import restore

SYMBOLS_MAX = 5_000
TEXT_MAX = 500
NAME_MAX = 100


class Stage(StrEnum):
    """How far the fund may act by itself."""

    OBSERVATION = "OBSERVATION"
    PARTIAL = "PARTIAL"
    COORDINATION = "COORDINATION"
    AUTONOMY = "AUTONOMY"


@dataclass(frozen=True, slots=True)
class Toggles:
    """Which advisors and learners may take part."""

    enable_rl: bool = True
    enable_meta_strategy: bool = True
    enable_pal: bool = True
    enable_pba: bool = True
    enable_clm: bool = True
    enable_retraining: bool = True
    enable_dynamic_tpsl: bool = True

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class LiveModel:
    """The version of a model that trades."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What the fund may do; the defaults are revision 1 of a fresh fund."""

    active_mode: Mode = Mode.NORMAL
    modes: Modes = field(default_factory=Modes)
    limits: Limits = field(default_factory=Limits)
    ess: EssLimits = field(default_factory=EssLimits)
    volatility: Volatility = field(default_factory=Volatility)
    toggles: Toggles = field(default_factory=Toggles)
    stage: Stage = Stage.OBSERVATION
    allow_symbols: tuple[str, ...] = ()
    deny_symbols: tuple[str, ...] = ()
    live_models: tuple[LiveModel, ...] = ()
    new_trades_paused: bool = False
    emergency_mode: bool = False
    emergency_reason: str = ""
    emergency_activated_at: int | None = None
    version: int = 1
    epoch: int = 1
    updated_by: str = "seed"
    last_updated: int = 0

    def __post_init__(self) -> None:
        check(self)
        if self.version < 1 or self.epoch < 1:
            raise Invalid(f"version: version and epoch count from 1, were {self.version} and {self.epoch}")
        if self.emergency_mode is (self.emergency_activated_at is None):
            raise Invalid("emergency_activated_at: set exactly while emergency_mode is on")
        if self.emergency_mode or self.emergency_reason:
            _check_text("emergency_reason", self.emergency_reason, TEXT_MAX)
        _check_text("updated_by", self.updated_by, NAME_MAX)
        for name in ("allow_symbols", "deny_symbols"):
            object.__setattr__(self, name, _symbols(name, getattr(self, name)))
        object.__setattr__(self, "live_models", tuple(sorted(self.live_models, key=lambda model: model.name)))
        if len({model.name for model in self.live_models}) < len(self.live_models):
            raise Invalid("live_models: one version per model")

    @property
    def allow_new_trades(self) -> bool:
        """Return whether neither a person nor an emergency has stopped new positions."""
        return not self.new_trades_paused and not self.emergency_mode

    @property
    def risk(self) -> ModeLimits:
        """Return the limits of the active mode."""
        return self.modes[self.active_mode]

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the policy's canonical bytes."""
        return digest(self)

    def may_trade(self, symbol: str) -> bool:
        """Return whether the lists let `symbol` be entered; a denial outweighs a permission."""
        return symbol not in self.deny_symbols and (not self.allow_symbols or symbol in self.allow_symbols)

    def get_value(self, path: str) -> Any:
        """Return the value at a dotted path such as `risk.max_leverage` or `modes.DEFENSIVE.scaling`."""
        found: Any = self
        for name in path.split("."):
            known = {item.name for item in fields(found)} if is_dataclass(found) else set()
            if name not in known | (DERIVED if found is self else set()):
                raise Invalid(f"a path names a value of the policy, was {path!r:.60}")
            found = getattr(found, name)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the policy as plain data, decimals as strings; `from_dict` reads it back."""
        shown: dict[str, Any] = plain(self)
        return shown

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "Policy":
        """Return the policy that plain data spells whole: a lost field could be the emergency's."""
        absent = next(_absent(Policy().to_dict(), data, "policy"), None)
        if absent is not None:
            raise Invalid(f"{absent}: required, was missing")
        return restore(Policy, data, "policy")

    @staticmethod
    def seeded(data: Mapping[str, Any]) -> "Policy":
        """Return revision 1 of a fund from the few values that differ from the defaults."""
        given = dict(data)
        if isinstance(given.get("active_mode"), str):
            given["active_mode"] = mode(given["active_mode"]).value
        touched = sorted(GUARDED & given.keys())
        if touched:
            raise Invalid(f"policy.{touched[0]}: changes by its own transition only")
        return restore(Policy, _merged(Policy().to_dict(), given), "policy")

    def with_mode(self, name: str, by: str, at_ms: int) -> "Policy":
        """Return the policy with another active mode, named or by alias."""
        return self._written(by, at_ms, active_mode=mode(name))

    def with_new_trades(self, allowed: bool, by: str, at_ms: int) -> "Policy":
        """Return the policy with new positions paused or resumed by a person; no emergency is ended by it."""
        return self._written(by, at_ms, new_trades_paused=not allowed)

    def with_emergency(self, enabled: bool, reason: str, by: str, at_ms: int) -> "Policy":
        """Return the policy with the emergency on or off, in a new epoch; the first cause stays."""
        _check_text("reason", reason, TEXT_MAX)
        if enabled is self.emergency_mode:
            return self
        return self._written(
            by,
            at_ms,
            emergency_mode=enabled,
            emergency_reason=reason if enabled else "",
            emergency_activated_at=at_ms if enabled else None,
            epoch=self.epoch + 1,
        )

    def with_incarnation(self, by: str, at_ms: int) -> "Policy":
        """Return the policy as a newly started store owns it: the same rules in a new epoch."""
        return self._written(by, at_ms, epoch=self.epoch + 1)

    def with_changes(self, changes: Mapping[str, Any], by: str, at_ms: int) -> "Policy":
        """Return the policy with dotted paths set to plain values, all of them or none."""
        data = self.to_dict()
        for path, item in changes.items():
            first, _, rest = path.partition(".")
            if first == "risk":
                raise Invalid(f"{path}: follows from the active mode, set modes.{self.active_mode}.{rest or 'NAME'}")
            if first in GUARDED | DERIVED:
                raise Invalid(f"{path}: changes by its own transition only")
            _set(data, path, mode(item).value if path == "active_mode" else item)
        return Policy.from_dict(data)._written(by, at_ms)

    def _written(self, by: str, at_ms: int, **changes: Any) -> "Policy":
        if at_ms < self.last_updated:
            raise Invalid(f"last_updated: time does not go back from {self.last_updated}, was {at_ms}")
        return replace(self, version=self.version + 1, updated_by=by, last_updated=at_ms, **changes)


DERIVED: Final = frozenset({"risk", "allow_new_trades", "digest"})
EMERGENCY: Final = frozenset({"emergency_mode", "emergency_reason", "emergency_activated_at"})
STAMPS: Final = frozenset({"version", "epoch", "updated_by", "last_updated"})
GUARDED: Final = EMERGENCY | STAMPS


def _absent(whole: Mapping[str, Any], given: Any, where: str) -> Iterator[str]:
    for name, item in whole.items():
        if not isinstance(given, Mapping) or name not in given:
            yield f"{where}.{name}"
        elif isinstance(item, Mapping):
            yield from _absent(item, given[name], f"{where}.{name}")


def _merged(whole: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    nested = {
        name: _merged(whole[name], item)
        for name, item in given.items()
        if isinstance(item, Mapping) and isinstance(whole.get(name), Mapping)
    }
    return {**whole, **given, **nested}


def _set(data: dict[str, Any], path: str, item: Any) -> None:
    *parents, last = path.split(".")
    for name in parents:
        data = data.get(name, {}) if isinstance(data, dict) else {}
    if not isinstance(data, dict) or last not in data:
        raise Invalid(f"a path names a value of the policy, was {path!r:.60}")
    data[last] = plain(item)


def _check_text(name: str, text: str, length_max: int) -> None:
    if not text.strip() or len(text) > length_max:
        raise Invalid(f"{name}: 1 to {length_max} characters, was {text!r:.60}")


def _symbols(name: str, symbols: tuple[str, ...]) -> tuple[str, ...]:
    if len(symbols) > SYMBOLS_MAX:
        raise Invalid(f"{name}: at most {SYMBOLS_MAX} symbols, was {len(symbols)}")
    for symbol in symbols:
        _check_text(name, symbol, NAME_MAX)
    return tuple(sorted(set(symbols)))
