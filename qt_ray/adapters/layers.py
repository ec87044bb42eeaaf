"""Layers: plain values laid over each other, each remembering where it came from.

A later layer wins key by key; lists are replaced whole. A layer that names another `kind` starts its section
afresh from that kind's defaults, since the parameters of one rule mean nothing to another.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import orjson

from qt_ray.core.errors import InvalidConfig

DEFAULTS = "defaults"
DEPTH_MAX = 8


@dataclass(frozen=True, slots=True)
class Layer:
    """Values from one place; `names` says more exactly where a key came from, when the place has several."""

    source: str
    values: Mapping[str, Any]
    names: Mapping[str, str] = field(default_factory=dict)

    def origin(self, key: str) -> str:
        """Return where `key` was set."""
        return self.names.get(key, self.source)


@dataclass(frozen=True, slots=True)
class Pile:
    """What all layers together say, and the source of each dotted key.

    `kinds` holds the defaults of each kind of a section, by `section.kind`.
    """

    kinds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    def add(self, layer: Layer) -> None:
        """Lay `layer` on top."""
        self._over(self.values, layer.values, "", layer)

    def source(self, key: str) -> str:
        """Return where the value at `key` came from: itself, else something in it, else what it is in."""
        if key in self.sources:
            return self.sources[key]
        inside = [source for name, source in self.sources.items() if name.startswith(f"{key}.")]
        if inside:
            return inside[-1]
        return self.source(key.rpartition(".")[0]) if "." in key else DEFAULTS

    def _over(self, below: dict[str, Any], above: Mapping[str, Any], at: str, layer: Layer) -> None:
        if "kind" in above and above["kind"] != below.get("kind"):
            self._restart(below, f"{at}.{above['kind']}", at)
        for key, value in above.items():
            where, lower = (f"{at}.{key}" if at else str(key)), below.get(key)
            if isinstance(lower, dict) and value is None:
                continue  # a heading whose lines are all comments
            if isinstance(lower, dict) and not isinstance(value, Mapping) and not at:
                raise InvalidConfig(f"{layer.source}: {where}: a table of keys, was {value!r:.60}")
            if isinstance(value, Mapping) and (lower is None or isinstance(lower, dict)):
                below[key] = {} if lower is None else lower
                self.sources.pop(where, None)
                self._over(below[key], value, where, layer)
            else:
                below[key] = value
                self._forget(where)
                self.sources[where] = layer.origin(where)

    def _restart(self, below: dict[str, Any], kind: str, at: str) -> None:
        self._forget(at)
        below.clear()
        below.update(deepcopy(dict(self.kinds.get(kind, {}))))
        self.sources.update({f"{at}.{key}": DEFAULTS for key, _ in leaves(below)})

    def _forget(self, at: str) -> None:
        for key in [key for key in self.sources if key == at or key.startswith(f"{at}.")]:
            del self.sources[key]


def leaves(values: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each dotted key and its value."""
    for key, value in values.items():
        where = f"{at}.{key}" if at else str(key)
        if isinstance(value, Mapping) and value:
            yield from leaves(value, where)
        else:
            yield where, value


def nested(dotted: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return dotted keys as nested values; `names` says who set each key."""
    found: dict[str, Any] = {}
    for key, value in dotted.items():
        *path, last = key.split(".")
        if not last or not all(path) or len(path) >= DEPTH_MAX:
            raise InvalidConfig(f"{names[key]}: a key is words between dots, was {key!r:.80}")
        at = found
        for part in path:
            at = at.setdefault(part, {})
            if not isinstance(at, dict):
                raise InvalidConfig(f"{names[key]}: {key}: a section and a value cannot share a name")
        at[last] = value
    return found


def word(text: str) -> Any:
    """Return what a variable or flag spells: null, a JSON list or table, or the text itself."""
    if text.strip() == "null":
        return None
    if text.lstrip()[:1] in ("[", "{"):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    return text
