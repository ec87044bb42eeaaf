"""How a replay shows the rules that it has asked again."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from qt_ray.cli.screen import say

if TYPE_CHECKING:
    from qt_ray.risk.guard import Explanation


def rules_shown(rules: "Iterable[Explanation]") -> list[dict[str, Any]]:
    """Return every rule's band as plain data, in the order given."""
    return [
        {"rule": rule.reason.label, "low": rule.band.low, "high": rule.band.high, "bound": rule.bound} for rule in rules
    ]


def say_rule(rule: Mapping[str, Any]) -> None:
    """Write a rule's band, marked if it bound the wish."""
    mark = "x" if rule["bound"] else " "
    say(f" {mark} {rule['rule']:<24} {_edge(rule['low'])} to {_edge(rule['high'])}")


def _edge(value: int) -> str:
    return "any" if abs(value) >= 1 << 62 else str(value)
