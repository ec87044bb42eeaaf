"""A voice without a bus: what a part told, in order."""

from qt_ray.core.events import Event


class HeardVoice:
    """Takes what `Publisher.tell` takes, and remembers it; beyond `carries_max` it is carried nowhere."""

    def __init__(self, carries_max: int | None = None) -> None:
        self.events: list[Event] = []
        self.is_reaching, self.carries_max = True, carries_max

    @property
    def taken(self) -> int:
        return len(self.events)

    @property
    def carried(self) -> int:
        return self.taken if self.carries_max is None else min(self.taken, self.carries_max)

    def tell(self, *events: Event) -> None:
        self.events += events

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.type == kind]
