"""Rebirths: what a person is told of parts that die and come back: how long each was away, and what is let in now.

Ray begins the dead anew, so nobody is asked to do anything; whoever looks at night wants to know that it is over. The
time counts from the last word of the life before: somebody who dies in silence was gone at some moment after it.
"""

from collections.abc import Callable

from qt_ray.monitoring.health import Condition


class Rebirths:
    """Follows every part's lives; `told` hears a line of each that begins, and one once it is ready."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told
        self._last: dict[str, Condition] = {}
        self._away_since_ms: dict[str, int] = {}

    def met(self, found: Condition, gateway: Condition | None) -> bool:
        """Take in a part's word, and return whether it is another life's first; the gateway says what is let in."""
        before = self._last.get(found.part)
        self._last[found.part] = found
        is_other = before is not None and before.pid is not None and before.pid != found.pid
        if before is not None and is_other:
            self._away_since_ms.setdefault(found.part, before.at_ms)
            lives = f"{found.part} was born again, process {before.pid} is now {found.pid}"
            self._told(f"{lives}, {self._ready(found, gateway) or self._not_ready(found)}")
        elif (ready := self._ready(found, gateway)) is not None:
            self._told(f"{found.part} is {ready}")
        return is_other

    def _ready(self, found: Condition, gateway: Condition | None) -> str | None:
        """Return that a part which was away is back, once; nothing of any other."""
        if not found.is_ready or found.part not in self._away_since_ms:
            return None
        took_ms = found.at_ms - self._away_since_ms.pop(found.part)
        return f"ready again {took_ms / 1_000:.1f} s after its last word{_entries(gateway)}"

    def _not_ready(self, found: Condition) -> str:
        return f"not ready yet: {', '.join(found.reasons) or 'it does not say why'}"


def _entries(gateway: Condition | None) -> str:
    if gateway is None:
        return ""
    if gateway.facts.get("lets_entries"):
        return "; entries are let in"
    return f"; entries are shut out: {', '.join(gateway.reasons) or 'the gateway does not say why'}"
