"""Refusals: who was turned away, as events, so that the record has each of them and no token is in it."""

from collections.abc import Callable

from qt_ray.core.events import Event, event
from qt_ray.core.notices import SecurityDenied
from qt_ray.governance.access import Refused


def telling(tell: Callable[[Event], None], source: str, clock: Callable[[], int]) -> Callable[[Refused], None]:
    """Return what makes an event of a refusal and tells it."""

    def told(refused: Refused) -> None:
        times = f", {refused.times} times" if refused.times > 1 else ""
        rule = f"{refused.rule} (from {refused.address}{times})"
        tell(event("security.denied", SecurityDenied(refused.who, refused.what, "console", rule), source, clock()))

    return told
