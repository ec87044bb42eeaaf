"""Voice: how a part tells the fund what happened; one composer, so that every part is heard in the same way.

What cannot be told now is kept on the part's own disk, below its own name: two parts never share a buffer. A fund
without a bus keeps everything there, and its parts say so.
"""

from pathlib import Path

from qt_ray.actors.origin import Origin
from qt_ray.adapters.event_buffer import EventBuffer
from qt_ray.adapters.no_bus import AGAIN_MS as NO_BUS_AGAIN_MS
from qt_ray.adapters.no_bus import NoBus
from qt_ray.adapters.publisher import AGAIN_MS, Publisher
from qt_ray.adapters.redis.bus import RedisBus
from qt_ray.adapters.redis.link import linked
from qt_ray.adapters.settings import Settings
from qt_ray.governance.bus import EventBus


def voice(origin: Origin, part: str) -> Publisher:
    """Return the publisher of one part; it carries nothing before its `run` is kept, and loses nothing either."""
    buffer = EventBuffer(origin.places.buffer / part)
    return Publisher(bus_of(origin), buffer, part, again_ms=AGAIN_MS if origin.redis else NO_BUS_AGAIN_MS)


def bus_of(origin: Origin) -> EventBus:
    """Return the account's bus, or one that is never there."""
    if origin.redis is None:
        return NoBus()
    return RedisBus(linked(address_of(origin.redis)), name_of(origin.settings))


def address_of(redis: str) -> Path | str:
    """Return a socket's path as a path, and an address as it is."""
    return redis if "://" in redis else Path(redis)


def name_of(settings: Settings) -> str:
    """Return the name that one account's keys have in Redis; two accounts on one server never meet."""
    return f"{settings.exchange.kind}-{settings.fund.account}"


def why_mute(publisher: Publisher, origin: Origin) -> str | None:
    """Return why what a part tells is not heard now, for its condition; nothing while it is."""
    if origin.redis is None:
        return "events wait on disk, this fund was told of no bus"
    return None if publisher.is_reaching else "events wait on disk, the bus does not answer"
