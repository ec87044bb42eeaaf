"""Feed as an actor: the venue that the settings name, and the fund that it tells."""

from functools import partial

from qt_ray.actors.exporting import RayExporter
from qt_ray.actors.feed import Feed
from qt_ray.actors.living import Living
from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import FEED
from qt_ray.actors.voice import voice, why_mute
from qt_ray.adapters.binance.assembly import open_public
from qt_ray.adapters.gathering import Scope
from qt_ray.adapters.metrics_logger import MetricsLogger


class FeedActor(Feed):
    """The feed of the fund that `origin` tells of, as a process."""

    def __init__(self, origin: Origin) -> None:
        market, publisher, living = origin.settings.market, voice(origin, FEED), Living(FEED)
        opening, mute = partial(open_public, origin.settings.exchange), partial(why_mute, publisher, origin)
        metrics = MetricsLogger(RayExporter())
        super().__init__(opening, Scope(market.symbols, market.interval), living, publisher.tell, metrics, mute)
        self._publisher = publisher
        living.keep(publisher.run())
        living.keep(self.run())

    async def rest(self) -> None:
        """Hear no more, and leave on disk what was not told yet."""
        await super().rest()
        self._publisher.close()
