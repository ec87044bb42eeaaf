"""Stream faults: what becomes of an event between the venue and whoever listens.

Lost, told twice, held behind later ones, late, cut, spoilt, or followed by what nobody has heard of. A held event
always comes in the end, as it would from a network that reorders.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from qt_ray.adapters.paper.faults import Deed, Faults, Rule
from qt_ray.adapters.paper.hub import Message

HUGE_BYTES = 5_000_000
HOLD_MS_MAX = 2_000
UNHEARD_OF = b'{"e":"SOMETHING_NEW","E":1,"x":{"y":[1,2,3]}}'

Change = Callable[[Message, Rule], list[Message]]


def spoil(payload: bytes, name: str, value: str) -> bytes:
    """Return JSON in which every string or number of a field's name is another text."""
    pattern = rb'("%b":)("[^"]*"|[-0-9.eE+]+)' % re.escape(name.encode())
    return re.sub(pattern, lambda found: found[1] + value.encode(), payload)


def _cut(message: Message, rule: Rule) -> list[Message]:
    return [replace(message, payload=message.payload[: len(message.payload) // 2])]


def _spoilt(message: Message, rule: Rule) -> list[Message]:
    return [replace(message, payload=spoil(message.payload, rule.field, rule.value))]


def _with_more(message: Message, rule: Rule) -> list[Message]:
    return [replace(message, payload=message.payload[:-1] + b',"someNewField":{"a":[1,"b"]}}')]


def _with_stranger(message: Message, rule: Rule) -> list[Message]:
    return [message, replace(message, payload=UNHEARD_OF, event="SOMETHING_NEW")]


def _with_giant(message: Message, rule: Rule) -> list[Message]:
    filling = b'{"e":"SOMETHING_NEW","E":1,"x":"%b"}' % (b"x" * HUGE_BYTES)
    return [message, replace(message, payload=filling, event="SOMETHING_NEW")]


CHANGES: dict[Deed, Change] = {
    Deed.EVENT_LOSE: lambda message, rule: [],
    Deed.EVENT_DUPLICATE: lambda message, rule: [message, message],
    Deed.EVENT_TRUNCATE: _cut,
    Deed.EVENT_SPOIL: _spoilt,
    Deed.EVENT_EXTRA: _with_more,
    Deed.EVENT_UNKNOWN: _with_stranger,
    Deed.EVENT_HUGE: _with_giant,
}


@dataclass(slots=True)
class Held:
    """An event kept back: until so many later ones of its stream have passed, and at most until a moment."""

    message: Message
    after: int
    until_ms: int


@dataclass(slots=True)
class FaultyOutlet:
    """Stands between who tells and the hub; events pass untouched while no rule meets them."""

    faults: Faults
    publish: Callable[[Message], None]
    close: Callable[[str], None]
    _held: list[Held] = field(default_factory=list)

    def tell(self, message: Message, now_ms: int) -> None:
        """Pass an event on, or what the rules make of it."""
        if self.faults.is_quiet and not self._held:
            self.publish(message)
            return
        rules = self.faults.on_event(message.event, message.name)
        kept = next((rule for rule in rules if rule.deed in (Deed.EVENT_HOLD, Deed.EVENT_DELAY)), None)
        changed = [message]
        for rule in rules:
            if (change := CHANGES.get(rule.deed)) is not None:
                changed = [new for old in changed for new in change(old, rule)]
        for new in changed:
            self._pass(new, kept, now_ms)
        if kept is None:
            self._release_behind(message.name)
        if any(rule.deed is Deed.EVENT_CLOSE for rule in rules):
            self.close(message.name)

    def release(self, now_ms: int) -> None:
        """Pass on the events whose delay is over."""
        due = [held for held in self._held if held.until_ms <= now_ms]
        self._held = [held for held in self._held if held not in due]
        for held in due:
            self.publish(held.message)

    def _pass(self, message: Message, kept: Rule | None, now_ms: int) -> None:
        if kept is None:
            self.publish(message)
        elif kept.deed is Deed.EVENT_HOLD:
            self._held.append(Held(message, kept.hold, now_ms + HOLD_MS_MAX))
        else:
            self._held.append(Held(message, 0, now_ms + kept.delay_ms))

    def _release_behind(self, name: str) -> None:
        """Count one later event of a stream; pass on what has waited for enough of them."""
        for held in list(self._held):
            if held.message.name == name and held.after:
                held.after -= 1
                if not held.after:
                    self._held.remove(held)
                    self.publish(held.message)
