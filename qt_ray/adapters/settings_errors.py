"""Settings errors: a refused setting as one line: place, key, rule, value."""

from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from qt_ray.adapters.layers import Pile
from qt_ray.adapters.settings_keys import SECRETS, nearest, rules_of

SHOWN_MAX = 60

RULES = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of reasonable size",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "a text",
    "string_too_short": "at least {min_length} letters",
    "string_too_long": "at most {max_length} letters",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "literal_error": "one of {expected}",
    "enum": "one of {expected}",
    "union_tag_invalid": "one of {expected_tags}",
    "union_tag_not_found": "a table with a kind",
    "model_type": "a table of keys",
    "model_attributes_type": "a table of keys",
    "dict_type": "a table of keys",
    "missing": "present",
}


def explain(error: ValidationError, pile: Pile) -> str:
    """Return the first refusal as one line, and how many more there are."""
    errors = error.errors(include_url=False)
    rest = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return _line(errors[0], pile) + rest


def _line(found: ErrorDetails, pile: Pile) -> str:
    key, rule = _place(found["loc"], pile)
    if found["type"] == "extra_forbidden":
        return f"{pile.source(key)}: {key}: {_unknown(key, rule)}"
    value = found["input"]
    if found["type"] == "union_tag_invalid" and isinstance(value, dict):
        key, value = f"{key}.kind", value.get("kind")
    phrase = _rule(found)
    was = "" if ", was " in phrase or isinstance(value, dict | BaseModel) else f", was {_shown(key, value)}"
    return f"{pile.source(key)}: {key}: {phrase}{was}"


def _unknown(key: str, rule: str) -> str:
    others = rules_of(key)
    if rule and others:
        return f"a key of kind {rule}, was one of {', '.join(others)}"
    hint = nearest(key, rule)
    return "a known key" + (f", did you mean {hint}?" if hint else ", this one is not")


def _place(loc: tuple[int | str, ...], pile: Pile) -> tuple[str, str]:
    """Return the dotted key of an error and the kind of its section, which pydantic puts into the path."""
    words = [str(part) for part in loc]
    table = pile.values.get(words[0]) if words else None
    rule = table.get("kind") if isinstance(table, dict) else None
    if isinstance(rule, str) and len(words) > 1 and words[1] == rule:
        del words[1]
    return ".".join(words) or "settings", rule if isinstance(rule, str) else ""


def _rule(found: ErrorDetails) -> str:
    context: dict[str, Any] = found.get("ctx", {})
    if found["type"] == "value_error":
        return str(context["error"])
    rule = RULES.get(found["type"])
    return found["msg"] if rule is None else rule.format(**context)


def _shown(key: str, value: object) -> str:
    return "a secret" if key in SECRETS else f"{value!r:.{SHOWN_MAX}}"
