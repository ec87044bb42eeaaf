"""Plain YAML: words mean what they look like, a key occurs once, and nothing expands.

Only true, false, null and plain numbers are not strings, so `on`, `1_000` and `2025-01-31` stay words.
Aliases are refused: a short file could otherwise stand for a very long one.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node

from qt_ray.core.errors import InvalidConfig

FILE_BYTES_MAX = 1 << 20

NUMBER_FIRST = list("-0123456789")
WORDS = (
    ("null", r"(?:null|~|)", ["n", "~", ""]),
    ("bool", r"(?:true|false)", ["t", "f"]),
    ("int", r"-?(?:0|[1-9][0-9]{0,17})", NUMBER_FIRST),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", NUMBER_FIRST),
)


class PlainLoader(yaml.SafeLoader):
    """The reader with those rules."""

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """Compose a node that is written out where it stands."""
        if self.check_event(yaml.AliasEvent):
            mark = self.get_mark()
            raise ConstructorError(None, None, "a value is written out where it stands, was an alias", mark)
        node: Node | None = super().compose_node(parent, index)
        return node

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Construct a table whose keys are distinct strings."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise ConstructorError(None, None, f"a key is a word, was {key.value!r:.60}", key.start_mark)
            if key.value in seen:
                raise ConstructorError(None, None, f"a key occurs once, was again {key.value!r:.60}", key.start_mark)
            seen.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


PlainLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in WORDS:
    PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^{_pattern}$"), _first)


def read_yaml(path: Path, shown: str) -> dict[str, Any]:
    """Return the table that a YAML file holds; `shown` names the file in a complaint."""
    try:
        with path.open("rb") as source:
            content = source.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidConfig(f"{shown}: a readable file, was: {error.strerror}") from error
    if len(content) > FILE_BYTES_MAX:
        raise InvalidConfig(f"{shown}: a file of at most {FILE_BYTES_MAX} bytes")
    return parse_yaml(content, shown)


def parse_yaml(content: bytes, shown: str) -> dict[str, Any]:
    """Return the table that YAML bytes spell."""
    try:
        found = yaml.load(content.decode(), PlainLoader)  # a SafeLoader
    except UnicodeDecodeError as error:
        raise InvalidConfig(f"{shown}: UTF-8 text, byte {error.start} is not") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidConfig(f"{shown}: line {line}: {error.problem}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidConfig(f"{shown}: readable YAML, was: {str(error).splitlines()[0]:.80}") from error
    if found is not None and not isinstance(found, dict):
        raise InvalidConfig(f"{shown}: a table of keys and values, was a {type(found).__name__}")
    return found or {}
