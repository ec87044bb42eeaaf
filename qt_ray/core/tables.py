"""Tables: a state machine is a mapping from (state, signal) to state, and nothing else.

What is not in the table cannot happen, so the table can be read, drawn and tested row by row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from qt_ray.core.errors import Invalid

State = TypeVar("State", bound=Enum)
Signal = TypeVar("Signal", bound=Enum)


@dataclass(frozen=True, slots=True)
class Table(Generic[State, Signal]):
    """The transitions of one machine, and where it begins."""

    name: str
    initial: State
    rows: Mapping[tuple[State, Signal], State]

    def advance(self, state: State, signal: Signal) -> State:
        """Return the state after `signal`; a signal the table does not foresee is refused."""
        after = self.rows.get((state, signal))
        if after is None:
            raise Invalid(f"{self.name}: {state.name} takes {self._taken(state)}, was {signal.name}")
        return after

    def foresees(self, state: State, signal: Signal) -> bool:
        """Return whether the table has a row for `signal` in `state`."""
        return (state, signal) in self.rows

    @property
    def terminal(self) -> frozenset[State]:
        """Return the states that no signal leaves."""
        left = {state for (state, _), after in self.rows.items() if after is not state}
        return frozenset(type(self.initial)) - left

    @property
    def reachable(self) -> frozenset[State]:
        """Return the states that some sequence of signals leads to."""
        found: set[State] = {self.initial}
        while True:
            more = {after for (state, _), after in self.rows.items() if state in found} - found
            if not more:
                return frozenset(found)
            found |= more

    def mermaid(self) -> str:
        """Return the machine as a mermaid state diagram, one arrow per pair of states."""
        arrows: dict[tuple[State, State], list[str]] = {}
        for (state, signal), after in self.rows.items():
            if state is not after:
                arrows.setdefault((state, after), []).append(signal.name.lower())
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial.name}"]
        lines += [f"    {a.name} --> {b.name}: {', '.join(names)}" for (a, b), names in arrows.items()]
        lines += [f"    {state.name} --> [*]" for state in type(self.initial) if state in self.terminal]
        return "\n".join(lines) + "\n"

    def _taken(self, state: State) -> str:
        return ", ".join(signal.name for (at, signal) in self.rows if at is state) or "nothing"
