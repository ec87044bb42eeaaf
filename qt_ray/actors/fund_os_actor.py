"""Fund OS as an actor: whom it hears, whom it tells, and the bus that its witness follows."""

from functools import partial
from typing import Final

from qt_ray.actors.exporting import RayExporter
from qt_ray.actors.fund_os import FundOS
from qt_ray.actors.fund_os_witness import Witness
from qt_ray.actors.line import Line
from qt_ray.actors.lines.monitor import MonitorLine
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.living import Living
from qt_ray.actors.origin import Origin
from qt_ray.actors.rounds import Rounds
from qt_ray.actors.topology import FUND_OS, MONITOR, PARTS, POLICY_STORE, namespace_of
from qt_ray.actors.voice import bus_of, voice
from qt_ray.adapters.metrics_logger import MetricsLogger
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.core.policy import Policy
from qt_ray.governance.coordination import AUTHOR
from qt_ray.governance.rulebook_entries import Author

ANSWER_MS: Final = 900


class FundOSActor(FundOS):
    """The coordinator of the fund that `origin` tells of, as a process."""

    def __init__(self, origin: Origin) -> None:
        namespace, living = namespace_of(origin.settings), Living(FUND_OS)
        lines = {part.name: Line(part.name, namespace) for part in PARTS if part.name != FUND_OS}
        parts = Rounds({name: partial(line.ask, "condition", within_ms=ANSWER_MS) for name, line in lines.items()})
        store = PolicyStoreLine(lines[POLICY_STORE], Author(AUTHOR), origin.places.policy)
        self._publisher = voice(origin, FUND_OS)
        self._reader, metrics = PolicyReader(store), MetricsLogger(RayExporter())
        monitor = MonitorLine(lines[MONITOR])
        super().__init__(parts, monitor, store, self._known, living, self._publisher.tell, metrics)
        witness = Witness(self.observer, lambda: self.trading)
        for work in (self._publisher.run(), self._reader.run(), witness.follow(bus_of(origin)), self.run()):
            living.keep(work)

    async def rest(self) -> None:
        """Say nothing more, and leave on disk what was not told yet."""
        await super().rest()
        self._publisher.close()

    def _known(self) -> Policy | None:
        return self._reader.view.policy if self._reader.view else None
