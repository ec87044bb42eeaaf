"""Emergency views: an emergency as somebody reads it who was woken by it: how it is, since when, why, what to type.

An answer that did not come is said as such: whatever is not known counts as shut, and its line says whom to ask.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from qt_ray.cli.screen import distance, moment
from qt_ray.core.moments import milliseconds

WIDTH: Final = 13
MODES: Final = {"EMERGENCY": "nothing", "PROTECTIVE": "a quarter", "CAUTIOUS": "half", "NORMAL": "all"}


@dataclass(frozen=True, slots=True)
class Step:
    """What a person may type, and what for."""

    command: str
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """All that is known of an account's emergency at a moment; `held` is None where nobody tells what is held.

    `qt` spells a command so that it is about this very account.
    """

    whose: str
    qt: Callable[[str], str]
    found: Mapping[str, Any]
    held: Mapping[str, str] | None
    cooldown_ms: int | None
    now_ms: int

    @property
    def emergency(self) -> Mapping[str, Any]:
        """Return what the emergency stop remembers; nothing where it does not answer."""
        told: Mapping[str, Any] = (self.found["ess"] or {}).get("emergency") or {}
        return told

    @property
    def state(self) -> str:
        """Return where the emergency stop is, in the founding words."""
        return str((self.found["ess"] or {}).get("state", "not known"))

    @property
    def cool_in_ms(self) -> int | None:
        """Return how long a reset must wait still; nothing where that is not known, or nobody waits."""
        since = self.emergency.get("cooling_since")
        if since is None or self.cooldown_ms is None:
            return None
        return max(0, milliseconds(since) + self.cooldown_ms - self.now_ms)


def standing_lines(at: Standing) -> Iterator[str]:
    """Yield the screen of `qt ess status`."""
    shut = "ENTRIES ARE SHUT OUT" if at.found["entries_shut"] else "entries are let in"
    yield f"{at.whose}: {shut}"
    for label, value in (*_stop_rows(at), *_memory_rows(at), *_gateway_rows(at), ("left open", _left_open(at))):
        yield f"{label:<{WIDTH}}{value}"
    yield from step_lines(next_steps(at))


def step_lines(steps: Iterable[Step]) -> Iterator[str]:
    """Yield what to type next, in two columns."""
    told = list(steps)
    width = max((len(step.command) for step in told), default=0)
    for place, step in enumerate(told):
        yield f"{'' if place else 'next':<{WIDTH}}{step.command:<{width}}  {step.why}".rstrip()


def next_steps(at: Standing) -> Iterator[Step]:
    """Yield what to type now, the most urgent first."""
    latch, policy = at.found["latch"], at.found["policy"]
    if at.found["ess"] is None:
        yield from _without_a_stop(at)
    elif at.state.startswith("TRIPPED"):
        yield Step(at.qt("ess status"), "it goes on by itself; look again in a moment")
        yield Step(at.qt("flatten"), "if it does not end: stops the account from this shell")
        yield Step(at.qt("logs EmergencyStop"), "says what it waits for")
    elif at.state == "COOLING_DOWN":
        yield from _resets(at)
    elif latch["closed"]:
        yield _opening(at, "once you have looked; the emergency stop itself is armed")
    elif policy is not None and policy["emergency_mode"]:
        yield Step(at.qt("policy history -n 3"), "says who began it; the emergency stop knows of none")
    elif policy is not None and policy["new_trades_paused"]:
        yield Step(at.qt('trade resume --reason "..."'), "new positions are paused by hand")
    elif at.found["entries_shut"]:
        yield Step(at.qt("status"), "says which part is not well")
        yield Step(at.qt("ess trip"), "if you do not want to wait: stops everything")
    else:
        yield Step(at.qt("ess trip"), "would stop everything; there is nothing to do")


def outcome_lines(whose: str, qt: Callable[[str], str], found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a trip came to, and what to type next."""
    if found["is_flattening"]:
        yield f"{whose}: STOPPING: entries are shut out, orders are cancelled, positions are closed"
        yield from step_lines([Step(qt("ess status"), "says when all is flat")])
        return
    shut = "by the latch" if found["latch"]["closed"] else "BY NOBODY: the latch is open"
    yield f"{whose}: entries are shut out {shut}. NOTHING IS CLOSED YET"
    yield from step_lines([Step(qt("flatten"), "cancels all orders and closes all positions")])


def reset_lines(whose: str, qt: Callable[[str], str], cause: str, emergency: Mapping[str, Any]) -> Iterator[str]:
    """Yield what clearing a cause came to."""
    if emergency["causes"]:
        yield f"{whose}: {cause} is cleared; still shut out for {', '.join(emergency['causes'])}"
        yield from step_lines(Step(qt(f'ess reset {left} --reason "..."'), "") for left in emergency["causes"])
        return
    yield f"{whose}: the emergency is over, the stop is {emergency['state']}"
    yield from step_lines([Step(qt("ess status"), "says how much of its sizes the fund is left on its way out")])


def past_lines(past: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what the emergency stop has done, the newest first."""
    for one in reversed(past):
        causes = f" ({', '.join(one['causes'])})" if one["causes"] else ""
        yield f"{moment(one['at'])}  {one['what']} by {one['by']}: {one['reason']}{causes}"


def _stop_rows(at: Standing) -> Iterator[tuple[str, str]]:
    """Yield the emergency stop's own word."""
    if at.found["ess"] is None:
        yield "emergency", f"not known: {at.found['unknown']['ess']}"
        return
    told, attempts = at.emergency, at.emergency.get("attempts", 0)
    yield "emergency", at.state + (f", attempt {attempts}" if attempts > 1 else "")
    mode = str(at.found["ess"].get("mode", "NORMAL"))
    if told.get("causes"):
        yield "since", _when(told["tripped_at"], at.now_ms)
        yield "cause", ", ".join(told["causes"])
        yield "why", told["reason"]
    elif mode != "NORMAL":
        yield "recovery", f"{mode}: {MODES.get(mode, 'not known how much')} of the policy's sizes"
    if (cool_in_ms := at.cool_in_ms) is not None:
        yield "cool-down", f"over {distance(-cool_in_ms)}" if cool_in_ms else "over"
    if unseen := at.found["ess"].get("unknown"):
        yield "unseen", ", ".join(unseen)


def _memory_rows(at: Standing) -> Iterator[tuple[str, str]]:
    """Yield the other two memories of an emergency; a story that was told already is not told again."""
    latch, policy = at.found["latch"], at.found["policy"]
    by = f" by {latch['by']}" if latch["at"] else ""
    if latch["closed"]:
        yield "latch", f"CLOSED under epoch {latch['epoch']}{by}{_story(at, latch['at'], latch['reason'])}"
    else:
        yield "latch", f"open{by}{_story(at, latch['at'], latch['reason'])}" if by else "open, never closed"
    if policy is None:
        yield "policy", f"not known: {at.found['unknown']['policy']}"
        return
    stamp = f"version {policy['version']}, epoch {policy['epoch']}"
    if policy["emergency_mode"]:
        story = _story(at, policy["emergency_activated_at"], policy["emergency_reason"])
        yield "policy", f"IN EMERGENCY, {stamp}{story}"
    else:
        yield "policy", ("new trades are paused by hand; " if policy["new_trades_paused"] else "") + stamp


def _gateway_rows(at: Standing) -> Iterator[tuple[str, str]]:
    """Yield why no entry would leave, where the gateway says so; while one would, it has nothing to add."""
    gateway = at.found["gateway"]
    if gateway is None:
        yield "gateway", f"not known: {at.found['unknown']['gateway']}"
    elif not gateway["lets_entries"]:
        yield "gateway", ", ".join(gateway["reasons"]) or "does not say why"


def _story(at: Standing, when: str | None, reason: str) -> str:
    if at.emergency.get("causes") and at.emergency["reason"] == reason:
        return ""
    return f", {_when(when, at.now_ms)}: {reason}" if when else f": {reason}"


def _left_open(at: Standing) -> str:
    if at.held is None and at.state == "COOLING_DOWN":
        return "nothing, as the emergency stop saw it at the exchange"
    if at.held is None:
        return f"not known here; the exchange says it: {at.qt('positions')}"
    return ", ".join(f"{symbol} {quantity}" for symbol, quantity in sorted(at.held.items())) or "nothing"


def _without_a_stop(at: Standing) -> Iterator[Step]:
    yield Step(at.qt("flatten"), "stops the account from this shell; it needs nobody else")
    yield Step(at.qt("status"), "says which parts of the fund live")
    if at.found["latch"]["closed"]:
        yield _opening(at, "once all is flat and you have looked")


def _opening(at: Standing, why: str) -> Step:
    return Step(at.qt(f'latch open --by YOU --reason "..." --epoch {at.found["latch"]["epoch"]}'), why)


def _resets(at: Standing) -> Iterator[Step]:
    soon = distance(-at.cool_in_ms) if at.cool_in_ms else "now"
    wait = soon if at.found["policy"] is not None else "once the policy is known"
    for cause in at.emergency["causes"]:
        yield Step(at.qt(f'ess reset {cause} --reason "..."'), f"{wait}, by a person who has looked")


def _when(text: str, now_ms: int) -> str:
    return f"{moment(text)} ({distance(now_ms - milliseconds(text))})"
