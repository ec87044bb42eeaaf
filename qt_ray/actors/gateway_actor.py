"""Gateway actor: a gateway as its origin makes it, and makes it again after each death; its journal is its memory."""

from functools import partial

from qt_ray.actors.gateway import Gateway
from qt_ray.actors.gateway_shift import Peers
from qt_ray.actors.line import Line
from qt_ray.actors.lines.monitor import MonitorLine
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.living import Living
from qt_ray.actors.origin import Origin
from qt_ray.actors.rounds import Rounds
from qt_ray.actors.topology import FEED, GATEWAY, MONITOR, POLICY_STORE, RISK_GUARD, namespace_of
from qt_ray.actors.voice import voice, why_mute
from qt_ray.adapters.binance.ban import Ban
from qt_ray.adapters.trading.workplace import workplace_of


class GatewayActor(Gateway):
    """One account's gateway; whoever would end its positions if it died is asked for in rounds."""

    def __init__(self, origin: Origin) -> None:
        settings, publisher, living = origin.settings, voice(origin, GATEWAY), Living(GATEWAY)
        ban = Ban()
        lines = {name: Line(name, namespace_of(settings)) for name in (POLICY_STORE, RISK_GUARD, FEED, MONITOR)}
        rounds = Rounds({name: partial(lines[name].ask, "condition") for name in (RISK_GUARD, FEED)})
        super().__init__(
            settings.fund.account,
            settings.fund.quote,
            lambda policy, ring: workplace_of(settings, origin.places, policy.limits, ring, ban),
            Peers(
                PolicyStoreLine(lines[POLICY_STORE], near=origin.places.policy),
                publisher,
                lambda: rounds.is_well((RISK_GUARD, FEED)),
                MonitorLine(lines[MONITOR]).why_silent,
                lambda: why_mute(publisher, origin),
            ),
            living,
        )
        for work in (publisher.run(), rounds.run(), self.run()):
            living.keep(work)
        self._publisher = publisher

    async def rest(self) -> None:
        """End in order, and leave on disk what was not told yet."""
        await super().rest()
        self._publisher.close()
