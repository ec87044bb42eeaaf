"""Faults: what a venue, a proxy or a wire may do to a client, as rules that match, count and are drawn from a seed.

A rule meets requests (by method and path) or events (by name and stream). Everything done is counted, so a test can
say how many faults it survived, and the same seed does the same to the same traffic.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from qt_ray.core.errors import Invalid

RULES_MAX = 1_000


class Deed(StrEnum):
    """What a rule does."""

    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    DELAY_BEFORE = "delay_before"
    DELAY_AFTER = "delay_after"
    DUPLICATE = "duplicate"
    ANSWER_BEFORE = "answer_before"
    ANSWER_AFTER = "answer_after"
    TRUNCATE = "truncate"
    GARBLE = "garble"
    SPOIL = "spoil"
    EVENT_LOSE = "event_lose"
    EVENT_DUPLICATE = "event_duplicate"
    EVENT_HOLD = "event_hold"
    EVENT_DELAY = "event_delay"
    EVENT_TRUNCATE = "event_truncate"
    EVENT_SPOIL = "event_spoil"
    EVENT_EXTRA = "event_extra"
    EVENT_UNKNOWN = "event_unknown"
    EVENT_HUGE = "event_huge"
    EVENT_CLOSE = "event_close"

    @property
    def is_of_events(self) -> bool:
        """Return whether it is done to events, not to requests."""
        return self.value.startswith("event_")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer that is given instead of the true one."""

    status: int
    body: bytes
    retry_after_s: int | None = None
    content_type: str = "application/json"


ANSWERS: dict[str, Answer] = {
    "unknown": Answer(503, b'{"code":-1000,"msg":"Unknown error, please check your request or try again later."}'),
    "timeout": Answer(
        503,
        b'{"code":-1007,"msg":"Timeout waiting for response from backend server. '
        b'Send status unknown; execution status unknown."}',
    ),
    "unavailable": Answer(503, b'{"code":-1001,"msg":"Service Unavailable."}'),
    "internal": Answer(
        503, b'{"code":-1001,"msg":"Internal error; unable to process your request. Please try again."}'
    ),
    "throttled": Answer(503, b'{"code":-1008,"msg":"Request throttled by system-level protection."}'),
    "too_many": Answer(429, b'{"code":-1003,"msg":"Too many requests."}', 5),
    "banned": Answer(418, b'{"code":-1003,"msg":"Way too many requests; IP banned."}', 60),
    "revoked": Answer(401, b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}'),
    "bad_gateway": Answer(502, b"<html><head><title>502 Bad Gateway</title></head></html>", content_type="text/html"),
}
EXEMPT_FROM = "throttled"


@dataclass(slots=True)
class Rule:
    """One fault: whom it meets, how often, and what it does; `nth` 0 is every one, `count` 0 is without end."""

    deed: Deed
    method: str = "*"
    path: str = "*"
    event: str = "*"
    stream: str = "*"
    nth: int = 0
    probability: float = 1.0
    count: int = 0
    delay_ms: int = 0
    hold: int = 1
    answer: str = "unknown"
    field: str = ""
    value: str = ""
    id: int = 0
    seen: int = 0
    done: int = 0

    def meets(self, dice: Random) -> bool:
        """Count one that it matches; return whether the rule is carried out on it."""
        self.seen += 1
        if self.count and self.done >= self.count:
            return False
        if self.nth and self.seen != self.nth:
            return False
        if self.probability < 1.0 and dice.random() >= self.probability:
            return False
        self.done += 1
        return True


KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "Deed": ((str,), "a text"),
}


def rule_of(data: Mapping[str, Any]) -> Rule:
    """Return the rule that JSON spells; an unknown name or a value of another kind is refused."""
    known = {each.name: str(getattr(each.type, "__name__", each.type)) for each in fields(Rule)}
    for name, value in data.items():
        if name not in known or name in ("id", "seen", "done"):
            raise Invalid(f"a rule has {', '.join(known)}, was {name!r:.60}")
        kinds, word = KINDS[known[name]]
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise Invalid(f"{name}: {word}, was {value!r:.60}")
    if data.get("deed") not in set(Deed):
        raise Invalid(f"deed: one of {', '.join(Deed)}, was {data.get('deed')!r:.60}")
    if data.get("answer", "unknown") not in ANSWERS:
        raise Invalid(f"answer: one of {', '.join(ANSWERS)}, was {data['answer']!r:.60}")
    return Rule(**{**data, "deed": Deed(data["deed"])})


@dataclass(slots=True)
class Faults:
    """All rules in force, their dice, and what was done so far."""

    seed: int = 0
    injected: dict[str, int] = field(default_factory=dict)
    _rules: list[Rule] = field(default_factory=list)
    _made: int = 0
    _dice: Random = field(default_factory=Random)

    def __post_init__(self) -> None:
        self._dice = Random(f"faults {self.seed}")

    def add(self, rule: Rule) -> Rule:
        """Put a rule in force."""
        if len(self._rules) >= RULES_MAX:
            raise Invalid(f"at most {RULES_MAX} rules are in force")
        self._made += 1
        rule.id = self._made
        self._rules.append(rule)
        return rule

    def remove(self, rule_id: int | None = None) -> int:
        """Lift one rule, or all; return how many."""
        kept = [] if rule_id is None else [rule for rule in self._rules if rule.id != rule_id]
        lifted, self._rules = len(self._rules) - len(kept), kept
        return lifted

    def on_request(self, method: str, path: str, is_exempt: bool = False) -> list[Rule]:
        """Return the rules that are carried out on a request; closing orders are exempt from throttling."""
        return [
            rule
            for rule in self._rules
            if not rule.deed.is_of_events
            and rule.method in ("*", method)
            and fnmatchcase(path, rule.path)
            and not (is_exempt and rule.answer == EXEMPT_FROM)
            and self._carried_out(rule)
        ]

    def on_event(self, event: str, stream: str) -> list[Rule]:
        """Return the rules that are carried out on an event."""
        return [
            rule
            for rule in self._rules
            if rule.deed.is_of_events
            and fnmatchcase(event, rule.event)
            and fnmatchcase(stream, rule.stream)
            and self._carried_out(rule)
        ]

    def note(self, what: str) -> None:
        """Count something that was done without a rule."""
        self.injected[what] = self.injected.get(what, 0) + 1

    def shown(self) -> dict[str, Any]:
        """Return what is in force and what was done, as JSON."""
        return {"seed": self.seed, "injected": dict(self.injected), "rules": [asdict(rule) for rule in self._rules]}

    @property
    def is_quiet(self) -> bool:
        """Return whether no rule is in force."""
        return not self._rules

    def _carried_out(self, rule: Rule) -> bool:
        if not rule.meets(self._dice):
            return False
        self.note(rule.deed.value)
        return True


def first(rules: Iterable[Rule], deed: Deed) -> Rule | None:
    """Return the first rule of a deed."""
    return next((rule for rule in rules if rule.deed is deed), None)
