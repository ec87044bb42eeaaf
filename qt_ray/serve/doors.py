"""Doors: which scope a request needs, read off its method and path before anything of it is read.

The longest path that fits decides. What no line names needs `read`, so a route that was forgotten here shows nothing to
strangers, and a write that was forgotten is closed to everybody who may only look.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from qt_ray.governance.access import Scope

KILL_PATH: Final = "/api/emergency/trigger"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Lane(Enum):
    """Who waits with whom: a lane's value is how many of it are under way at once; the kill lane is never full."""

    READ = 32
    WRITE = 8
    KILL = 0


@dataclass(frozen=True, slots=True)
class Door:
    """What a request needs to come in, and the lane that it takes; no scope means that anybody may."""

    scope: Scope | None
    lane: Lane = Lane.READ


PUBLIC: Final = Door(None)
LOOK: Final = Door(Scope.READ)

READS: Final = {
    "/": LOOK,
    "/health": PUBLIC,
    "/health/ready": PUBLIC,
    "/health/system": LOOK,
    "/login": Door(None, Lane.WRITE),
    "/openapi.json": PUBLIC,
}
WRITES: Final = {
    "/": Door(Scope.ADMIN, Lane.WRITE),
    "/api/policy": Door(Scope.POLICY, Lane.WRITE),
    "/api/policy/diff": LOOK,
    "/api/trade": Door(Scope.TRADE, Lane.WRITE),
    "/api/alerts": Door(Scope.TRADE, Lane.WRITE),
    "/api/emergency": Door(Scope.ADMIN, Lane.WRITE),
    "/api/logout": Door(Scope.READ, Lane.WRITE),
    KILL_PATH: Door(Scope.KILL, Lane.KILL),
}


def door_of(method: str, path: str) -> Door:
    """Return the door that a request comes to."""
    table = READS if method in SAFE else WRITES
    fitting = [known for known in table if path == known or path.startswith(known.rstrip("/") + "/")]
    return table[max(fitting, key=len)]
