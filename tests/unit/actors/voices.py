"""A voice without a bus: what a part told, in order."""

from qt_ray.core.events import Event


class HeardVoice:
    """Takes what `Publisher.tell` takes, and remembers it."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.is_reaching = True

    def tell(self, *events: Event) -> None:
        self.events += events

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.type == kind]
