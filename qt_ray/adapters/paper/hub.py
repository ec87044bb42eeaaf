"""Hub: one message goes to many listeners, and costs what one costs.

A message is framed once in each of its two forms. Listeners with the same wishes share one joined blob per flush.
Who does not read is cut off at a stated number of bytes, so a slow listener is never a slow venue.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from qt_ray.adapters.paper.frames import frame
from qt_ray.adapters.paper.stream_names import Kind, Road, Stream, flows, stream_of

UNSENT_MAX = 1_000_000
STREAMS_MAX = 1_024


class Line(Protocol):
    """What bytes go out through."""

    def write(self, data: bytes) -> None:
        """Send, or keep until it can be sent."""

    def get_write_buffer_size(self) -> int:
        """Return how much was kept."""

    def abort(self) -> None:
        """Cut the line."""

    def close(self) -> None:
        """Send what is kept, then end."""


@dataclass(eq=False, slots=True)
class Listener:
    """One socket: what it wants to hear, in which form, and on which road."""

    line: Line
    road: Road
    is_wrapped: bool
    events: frozenset[str] | None = None
    names: dict[str, None] = field(default_factory=dict)
    is_stalled: bool = False

    def send(self, blob: bytes) -> None:
        """Send frames, or cut the line when too much is unsent."""
        if self.line.get_write_buffer_size() > UNSENT_MAX:
            # Until its end is noticed, whatever is written to a line that is cut is a warning in somebody's log.
            self.line.abort()
            self.is_stalled = True
        else:
            self.line.write(blob)


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a stream: its name, its event, its text, and its kind, by which it flows on a road or not."""

    name: str
    event: str
    payload: bytes
    kind: Kind

    def framed(self, is_wrapped: bool) -> bytes:
        """Return it as a frame, bare or inside the stream's name."""
        if not is_wrapped:
            return frame(self.payload)
        return frame(b'{"stream":"%b","data":%b}' % (self.name.encode(), self.payload))


Wish = tuple[frozenset[str], Road, bool, frozenset[str] | None]


class Hub:
    """All listeners, and what waits to be told them; `begin` is called when a stream has its first listener."""

    def __init__(self, begin: Callable[[Stream], None] = lambda stream: None) -> None:
        self._begin = begin
        self.listeners: set[Listener] = set()
        self._groups: dict[Wish, list[Listener]] | None = None
        self._wanted: Counter[str] = Counter()
        self._streams: dict[str, Stream] = {}
        self._waiting: list[Message] = []
        self._later: Callable[[Callable[[], None]], object] | None = None
        self._is_due = False
        self.sent = 0

    @property
    def streams(self) -> Iterable[Stream]:
        """Return every public stream that somebody listens to."""
        return self._streams.values()

    def wants(self, name: str) -> bool:
        """Return whether somebody listens to a stream."""
        return name in self._wanted

    def join(self, listener: Listener, names: Iterable[str] = ()) -> None:
        """Let a listener in."""
        self.listeners.add(listener)
        self.subscribe(listener, names)

    def leave(self, listener: Listener) -> None:
        """Let a listener go."""
        if listener in self.listeners:
            self.unsubscribe(listener, tuple(listener.names))
            self.listeners.discard(listener)

    def subscribe(self, listener: Listener, names: Iterable[str]) -> bool:
        """Add streams to what a listener hears; False, and nothing is added, when that were too many."""
        new = [name for name in dict.fromkeys(names) if name not in listener.names]
        if len(listener.names) + len(new) > STREAMS_MAX:
            return False
        for name in new:
            listener.names[name] = None
            self._wanted[name] += 1
            if name not in self._streams and (stream := stream_of(name)) is not None:
                self._streams[name] = stream
                self._begin(stream)
        self._groups = None
        return True

    def unsubscribe(self, listener: Listener, names: Iterable[str]) -> None:
        """Take streams from what a listener hears."""
        for name in names:
            if name not in listener.names:
                continue
            del listener.names[name]
            self._wanted[name] -= 1
            if not self._wanted[name]:
                del self._wanted[name]
                self._streams.pop(name, None)
        self._groups = None

    def rewrap(self, listener: Listener, is_wrapped: bool) -> None:
        """Change the form in which a listener hears."""
        listener.is_wrapped = is_wrapped
        self._groups = None

    def publish(self, message: Message) -> None:
        """Keep a message for the next flush."""
        if message.name in self._wanted:
            self._waiting.append(message)

    def gather(self, later: Callable[[Callable[[], None]], object]) -> None:
        """From now on let what is told at one moment go out together, when `later` calls back."""
        self._later = later

    def flush_soon(self) -> None:
        """Flush at once, or with all else that is told at this moment: a write costs more than what it carries."""
        if self._later is None:
            self.flush()
        elif self._waiting and not self._is_due:
            self._is_due = True
            self._later(self.flush)

    def flush(self) -> None:
        """Tell everybody what waits, in the order in which it was published."""
        waiting, self._waiting, self._is_due = self._waiting, [], False
        if not waiting:
            return
        frames: tuple[list[bytes | None], list[bytes | None]] = ([None] * len(waiting), [None] * len(waiting))
        for (names, road, is_wrapped, events), listeners in self._grouped().items():
            made, blob = frames[is_wrapped], []
            for at, message in enumerate(waiting):
                if message.name not in names or not flows(message.kind, road):
                    continue
                if events is not None and message.kind is Kind.USER and message.event not in events:
                    continue
                known = made[at]
                if known is None:
                    known = made[at] = message.framed(is_wrapped)
                blob.append(known)
            self._tell(listeners, b"".join(blob), len(blob))

    def _tell(self, listeners: list[Listener], blob: bytes, count: int) -> None:
        for listener in listeners:
            if blob and not listener.is_stalled:
                listener.send(blob)
                self.sent += count

    def _grouped(self) -> dict[Wish, list[Listener]]:
        if self._groups is None:
            self._groups = {}
            for listener in self.listeners:
                wish = (frozenset(listener.names), listener.road, listener.is_wrapped, listener.events)
                self._groups.setdefault(wish, []).append(listener)
        return self._groups
