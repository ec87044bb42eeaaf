"""Rounds: how every part was when it was last asked, what has changed since, and how the fund is as a whole.

A part that does not answer once is late; after a few seconds without an answer nobody knows how it is, and that is
worse than critical. What a part said before it fell silent is not shown as if it still held.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from qt_ray.ai.hedge_fund_os import Health
from qt_ray.monitoring.health import Condition, unheard, worst

SILENT_MS: Final = 3_000


@dataclass(frozen=True, slots=True)
class Change:
    """A part that is other than it was; `is_new_life` when it was begun anew in between."""

    before: Health
    after: Condition
    is_new_life: bool

    @property
    def is_other_health(self) -> bool:
        """Return whether it got better or worse."""
        return self.before is not self.after.health


@dataclass(frozen=True, slots=True)
class Roll:
    """What each part that is not silent has said of itself, and how many milliseconds ago; `turn` counts the news."""

    turn: int
    heard: Mapping[str, tuple[Condition, int]]


class Rounds:
    """The parts of one fund."""

    def __init__(self, parts: Iterable[str], at_ms: int, silent_ms: int = SILENT_MS) -> None:
        """Begin with nobody heard of."""
        self._silent_ms = silent_ms
        self.conditions = {part: unheard(part, at_ms, "was not heard of yet") for part in parts}
        self._heard_ms: dict[str, int] = {}
        self._lives: dict[str, tuple[int | None, int | None]] = {}

    @property
    def worst(self) -> Health:
        """Return the health of the fund."""
        return worst(self.conditions.values())

    @property
    def why_not_ready(self) -> tuple[str, ...]:
        """Return every part that is not ready, with its first reason."""
        return tuple(
            f"{part}: {(condition.reasons or ('is not ready',))[0]}"
            for part, condition in self.conditions.items()
            if not condition.is_ready
        )

    @property
    def why_mixed(self) -> str | None:
        """Return which part runs which code, if they do not all run the same; who is not heard of runs none."""
        parts: dict[str, list[str]] = {}
        for part, condition in self.conditions.items():
            if condition.edition:
                parts.setdefault(condition.edition, []).append(part)
        if len(parts) <= 1:
            return None
        told = "; ".join(f"{edition} in {', '.join(names)}" for edition, names in parts.items())
        return f"all parts run the same code, {told}"

    def facts(self, part: str) -> Mapping[str, object]:
        """Return what a part says of itself, or nothing of one that is not heard."""
        condition = self.conditions.get(part)
        return {} if condition is None else condition.facts

    def roll(self, turn: int, at_ms: int) -> Roll:
        """Return what was heard for whoever would ask the same parts the same; the silent are left out."""
        known = {part: said for part, said in self.conditions.items() if said.health is not Health.UNKNOWN}
        return Roll(turn, {part: (said, at_ms - self._heard_ms[part]) for part, said in known.items()})

    def heard(self, condition: Condition, at_ms: int) -> Change | None:
        """Take in an answer, and return what is other than before."""
        self._heard_ms[condition.part] = at_ms
        life = (condition.pid, condition.since_ms)
        known = self._lives.get(condition.part)
        self._lives[condition.part] = life
        return self._turned(condition, known != life)

    def missed(self, part: str, reason: str, at_ms: int) -> Change | None:
        """Take in that a part did not answer, and return what is other than before."""
        last_ms = self._heard_ms.get(part)
        if last_ms is not None and at_ms - last_ms < self._silent_ms:
            return None
        silent = unheard(part, at_ms, reason)
        known = self.conditions[part]
        return self._turned(replace(silent, since_ms=known.since_ms, pid=known.pid), False)

    def _turned(self, after: Condition, is_new_life: bool) -> Change | None:
        before = self.conditions[after.part].health
        self.conditions[after.part] = after
        return Change(before, after, is_new_life) if is_new_life or before is not after.health else None
