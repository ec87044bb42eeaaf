"""Serve life: Ray Serve begun and ended so that nobody is served by one that is dying.

A Serve is named, so whoever begins one at once may meet the actors of the last. And one that was told to end twice, as
Ray's own retry may tell it, leaves a mark behind: the next takes itself for one that is to end, and does. That one
takes the mark with it, so the one after is whole.
"""

import time
from typing import Any, Final

from ray import serve
from ray.exceptions import RayActorError
from ray.util import list_named_actors

from qt_ray.adapters.clock import monotonic_ms
from qt_ray.adapters.logs import log

NAMESPACE: Final = "serve"
CONTROLLER: Final = {"namespace": NAMESPACE, "name": "SERVE_CONTROLLER_ACTOR"}
GONE_MS: Final = 20_000
LOOK_S: Final = 0.05


def is_serving() -> bool:
    """Return whether the Ray that this process is in has a Serve."""
    return CONTROLLER in list_named_actors(all_namespaces=True)


def begin_serve(**options: Any) -> None:
    """Begin Serve with these options of its own, or join the one there is."""
    try:
        serve.start(**options)
    except RayActorError:
        _gone()
        serve.start(**options)


def end_serve() -> None:
    """End Serve, and return once all its actors are gone."""
    serve.shutdown()  # type: ignore[no-untyped-call] # Ray has left it without types
    _gone()


def _gone() -> None:
    """Wait until no actor of Serve has its name; a person is told of one that does not end."""
    until_ms = monotonic_ms() + GONE_MS
    while any(one["namespace"] == NAMESPACE for one in list_named_actors(all_namespaces=True)):
        if monotonic_ms() >= until_ms:
            log().warning("Serve was to end and has not", waited_ms=GONE_MS)
            return
        time.sleep(LOOK_S)
