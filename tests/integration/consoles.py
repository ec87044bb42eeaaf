"""A console on Ray Serve, before a real policy store and parts that do as they are told."""

import asyncio
import gc
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qt_ray.actors.emergency_door import EmergencyDoor
from qt_ray.actors.origin import Origin
from qt_ray.adapters.api_keys import operator_token
from qt_ray.adapters.clock import monotonic_ns
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.ray_variables import export
from qt_ray.adapters.side_door import SideDoor
from qt_ray.adapters.trading.places import Places
from qt_ray.risk.ess import Cause, Emergency, trip
from tests.integration.cluster import HEAD


class Stop:
    """An emergency stop that begins at once, and nothing else; whoever has its account's places opens its door too."""

    def __init__(self, places: Places | None = None) -> None:
        self.emergency = Emergency()
        if places is not None:
            door = SideDoor(places.door, EmergencyDoor(self, Latch(places.latch)).answer)
            self._door = asyncio.get_running_loop().create_task(door.run())

    async def trip(self, cause: Cause, reason: str, by: str) -> Emergency:
        self.emergency = trip(self.emergency, cause, reason, 1)
        return self.emergency

    async def status(self) -> Any:
        return self.emergency


class Views:
    """A monitor whose status is a long time coming."""

    async def status(self) -> dict[str, Any]:
        await asyncio.sleep(30)
        return {}

    async def portfolio(self) -> dict[str, Any]:
        return {"as_of_ms": None, "positions": {}, "equity": None, "curve": []}


@dataclass(frozen=True, slots=True)
class Deployed:
    """A console that answers."""

    url: str
    token: str
    took_ms: int
    origin: Origin


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def head() -> Iterator[str]:
    """Yield the address of a Ray that lives in a process of its own as long as the block."""
    export(trades=True)
    with subprocess.Popen((sys.executable, "-c", HEAD), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().decode().strip()
        process.stdin.close()


@contextmanager
def deployed(state: Path, address: str) -> Iterator[Deployed]:
    """Yield a console on the Ray at an address; what it brought goes with the block."""
    import ray

    from qt_ray.actors.topology import EMERGENCY_STOP, MONITOR, PARTS, POLICY_STORE, begun, namespace_of

    with warnings.catch_warnings():
        # Ray Serve declares fields in a way that pydantic has grown out of.
        warnings.simplefilter("ignore", DeprecationWarning)
        from qt_ray.serve.console import deploy
        from qt_ray.serve.serve_life import end_serve

    origin = Origin("paper", {"fund.state": str(state)})
    namespace = namespace_of(origin.settings)
    ray.init(address=address, namespace=namespace, log_to_driver=False)
    parts: list[Any] = []
    try:
        parts.append(begun(next(part for part in PARTS if part.name == POLICY_STORE), origin, namespace))
        for name, kind, told in ((EMERGENCY_STOP, Stop, (origin.places,)), (MONITOR, Views, ())):
            options = {"name": name, "num_cpus": 0, "max_concurrency": 1_000}
            parts.append(ray.remote(kind).options(**options).remote(*told))
        began_ns = monotonic_ns()
        url = deploy(origin, free_port())
        took_ms = (monotonic_ns() - began_ns) // 1_000_000
        yield Deployed(url, operator_token(origin.places.folder, "ann"), took_ms, origin)
    finally:
        end_serve()
        for part in parts:
            ray.kill(part)
        ray.shutdown()
        gc.collect()  # Ray forgets to wait for what it has ended; what it left is found here and not in another test
