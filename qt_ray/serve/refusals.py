"""Refusals: who was turned away, as events, so that the record has each of them and no token is in it.

Whoever asked for what his key is not good for was denied, and a person is told of that. Somebody who may ask, and met a
rule, was refused: an old version, a cause that still holds, a field that nobody knows. That is in the record alone.
"""

from collections.abc import Callable
from typing import Final

from qt_ray.core.events import Event, event
from qt_ray.core.notices import DeedRefused, SecurityDenied
from qt_ray.governance.access import Refused

DENIED: Final = (401, 403)


def telling(tell: Callable[[Event], None], source: str, clock: Callable[[], int]) -> Callable[[Refused], None]:
    """Return what makes an event of a refusal and tells it."""

    def told(refused: Refused) -> None:
        times = f", {refused.times} times" if refused.times > 1 else ""
        rule = f"{refused.rule} (from {refused.address}{times})"
        if refused.status in DENIED:
            tell(event("security.denied", SecurityDenied(refused.who, refused.what, "console", rule), source, clock()))
        else:
            tell(event("security.refused", DeedRefused(refused.who, refused.what, rule), source, clock()))

    return told
