"""Listings: the rules of every symbol as the venue had them last, read again each hour and when it refuses by them.

A filter may change while we trade. The venue's refusal says so first, and answering it with the same order again would
be a loop; so the rules are read anew, not more often than `AGAIN_MS`, and a person hears what has changed.
"""

from collections.abc import Iterable
from dataclasses import fields
from typing import Final

from qt_ray.core.effects import Alert, Severity
from qt_ray.execution.venue.views import RulesView, SymbolRules

EVERY_MS: Final = 3_600_000
AGAIN_MS: Final = 10_000
TRADING: Final = "TRADING"
# Refusals that name a filter, a status or a symbol which the venue has and we have not, or have otherwise.
BY_RULE: Final = frozenset({-1013, -1111, -1121, -4003, -4005, -4013, -4014, -4023, -4108, -4140, -4141, -4164})


class Listings:
    """What is listed, and when to ask again."""

    def __init__(self, rules: RulesView) -> None:
        """Begin with rules that were read just now."""
        self.symbols: dict[str, SymbolRules] = dict(rules.symbols)
        self._asked_ms: int | None = None
        self._due_ms: int | None = None

    def of(self, symbol: str) -> SymbolRules | None:
        """Return a symbol's rules of now, or nothing when it is not listed."""
        return self.symbols.get(symbol)

    @property
    def quotes(self) -> dict[str, str]:
        """Return the asset in which each symbol pays its profit."""
        return {symbol: rules.quote for symbol, rules in self.symbols.items()}

    @property
    def next_ms(self) -> int | None:
        """Return when the rules are to be read again; nothing before the first look at the time."""
        return self._due_ms

    def is_due(self, at_ms: int) -> bool:
        """Return whether to read the rules now, and count on that being done."""
        if self._due_ms is None:
            self._due_ms = at_ms + EVERY_MS
        if at_ms < self._due_ms:
            return False
        self._asked_ms, self._due_ms = at_ms, at_ms + EVERY_MS
        return True

    def refused(self, reason: str, at_ms: int) -> None:
        """Take in the venue's no to an order; one by its rules makes ours old."""
        code = reason.partition(" ")[0]
        if code.removeprefix("-").isdecimal() and int(code) in BY_RULE:
            self.doubt(at_ms)

    def doubt(self, at_ms: int) -> None:
        """Read the rules again as soon as that is decent."""
        soon_ms = at_ms if self._asked_ms is None else max(at_ms, self._asked_ms + AGAIN_MS)
        self._due_ms = soon_ms if self._due_ms is None else min(self._due_ms, soon_ms)

    def read(self, rules: RulesView, symbols: Iterable[str], at_ms: int) -> list[Alert]:
        """Take in the rules, and tell a person what changed for the symbols that concern us."""
        alerts = []
        for symbol in sorted(symbols):
            before, after = self.symbols.get(symbol), rules.symbols.get(symbol)
            if before != after:
                alerts.append(_told(symbol, before, after, at_ms))
        self.symbols = dict(rules.symbols)
        return alerts


def _told(symbol: str, before: SymbolRules | None, after: SymbolRules | None, at_ms: int) -> Alert:
    if before is None or after is None:
        detail = f"{symbol}: {'listed' if after else 'no longer listed'}"
    else:
        names = [each.name for each in fields(SymbolRules) if getattr(before, each.name) != getattr(after, each.name)]
        changes = (f"{name} was {getattr(before, name)} and is {getattr(after, name)}" for name in names)
        detail = f"{symbol}: {', '.join(changes)}"
    is_halted = after is None or after.status != TRADING
    return Alert(Severity.CRITICAL if is_halted else Severity.WARNING, "the venue changed its rules", detail, at_ms)
