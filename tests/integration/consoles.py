"""A console on a Ray of its own, before a real policy store and parts that do as they are told."""

import asyncio
import gc
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qt_ray.actors.origin import Origin
from qt_ray.adapters.api_keys import operator_token
from qt_ray.adapters.clock import monotonic_ns
from qt_ray.adapters.ray_variables import export
from qt_ray.risk.ess import Cause, Emergency, trip


class Stop:
    """An emergency stop that begins at once, and nothing else."""

    def __init__(self) -> None:
        self.emergency = Emergency()

    async def trip(self, cause: Cause, reason: str, by: str) -> Emergency:
        self.emergency = trip(self.emergency, cause, reason, 1)
        return self.emergency

    async def status(self) -> Emergency:
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
def deployed(state: Path) -> Iterator[Deployed]:
    """Yield a console on a Ray that lives as long as the block."""
    export(trades=True)
    import ray

    from qt_ray.actors.topology import EMERGENCY_STOP, MONITOR, PARTS, POLICY_STORE, begun, namespace_of

    with warnings.catch_warnings():
        # Ray Serve declares fields in a way that pydantic has grown out of.
        warnings.simplefilter("ignore", DeprecationWarning)
        from qt_ray.serve.console import deploy

    origin = Origin("paper", {"fund.state": str(state)})
    namespace = namespace_of(origin.settings)
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, namespace=namespace,
             object_store_memory=128 << 20)  # fmt: skip
    try:
        begun(next(part for part in PARTS if part.name == POLICY_STORE), origin, namespace)
        parts = [
            ray.remote(kind).options(name=name, num_cpus=0, max_concurrency=1_000).remote()
            for name, kind in ((EMERGENCY_STOP, Stop), (MONITOR, Views))
        ]
        began_ns = monotonic_ns()
        url = deploy(origin, free_port())
        took_ms = (monotonic_ns() - began_ns) // 1_000_000
        yield Deployed(url, operator_token(origin.places.folder, "ann"), took_ms, origin)
        del parts
    finally:
        from ray import serve

        serve.shutdown()
        ray.shutdown()
        gc.collect()  # Ray forgets to wait for what it has ended; what it left is found here and not in another test
