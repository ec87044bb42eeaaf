"""Reversion: what would have to change so that the policy's rules are again those of an earlier version.

An old version is never put back whole: an emergency, a person's pause and the models that earned their place since are
facts of today, and a revert is a change like any other, so what it loosens needs a second person.
"""

from typing import Any, Final

from qt_ray.core.codec import plain
from qt_ray.core.loosening import compare
from qt_ray.core.policy import EMERGENCY, Policy

OF_TODAY: Final = EMERGENCY | {"new_trades_paused", "live_models"}


def changes_back(now: Policy, then: Policy) -> dict[str, Any]:
    """Return the changes by dotted path that turn the rules of `now` into those of `then`."""
    # The limits of the active mode are listed with a change of mode; they follow from it.
    return {
        change.path: plain(change.new)
        for change in compare(now, then)
        if change.path not in OF_TODAY and not change.path.startswith("risk.")
    }
