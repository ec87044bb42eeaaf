"""Fitness: whether a Redis that somebody else runs may carry a fund's events: what it acknowledges must not be lost.

It is asked before anything is begun. A server of the wrong kind is a mistake of the configuration; one that does not
answer may answer later.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from qt_ray.adapters.redis.link import answering, linked_blocking
from qt_ray.adapters.redis.server import VERSION_MIN
from qt_ray.core.errors import InvalidConfig

KEEPS_ALL: Final = "noeviction"


def examine(url: str) -> str:
    """Return the version of the server there; InvalidConfig with every reason why it may not carry events."""
    with linked_blocking(url) as link, answering("a question about itself"):
        told: Mapping[str, Any] = link.info()
    if reasons := list(unfit(told)):
        raise InvalidConfig(f"bus.url: a Redis that forgets nothing, {'; '.join(reasons)}")
    return str(told["redis_version"])


def unfit(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield each reason why a server that says this of itself may not carry events."""
    version = str(told.get("redis_version", ""))
    known = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if known < VERSION_MIN:
        yield f"its version is 6.2 or newer, was {version or 'not told'}"
    if not int(told.get("aof_enabled", 0)):
        yield "it has an append-only file (appendonly yes), has none"
    if (policy := told.get("maxmemory_policy")) != KEEPS_ALL:
        yield f"it evicts nothing (maxmemory-policy {KEEPS_ALL}), was {policy}"
    if told.get("role") != "master":
        yield f"it takes writes, was a {told.get('role')}"
