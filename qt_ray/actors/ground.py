"""Ground: what a fund would stand on here, its bus and its Ray, looked at before anything is begun on them.

It only looks, as the doctor does: a Redis of somebody else is asked about itself, and a Ray is visited and left.
"""

from importlib.metadata import PackageNotFoundError, version

from qt_ray.actors.cluster import visited
from qt_ray.actors.topology import namespace_of
from qt_ray.adapters.redis.fitness import examine
from qt_ray.adapters.redis.server import server_binary, version_of
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.premises import Finding, Health
from qt_ray.core.errors import QtError


def surveyed(settings: Settings, address: str | None) -> list[Finding]:
    """Return what is to be said of the bus that the settings name, and of the Ray at an address or one of our own."""
    return [bus_of(settings.bus.url), ray_of(address, namespace_of(settings))]


def bus_of(url: str | None) -> Finding:
    """Return whether a bus can be trusted with events: a Redis of somebody else, or the one that a fund brings."""
    try:
        if url is not None:
            return Finding("redis", Health.OK, f"{examine(url)} answers at {url}, and forgets nothing")
        binary = server_binary()
        told = ".".join(map(str, version_of(binary)))
    except QtError as error:
        return Finding("redis", Health.CRITICAL, str(error))
    return Finding("redis", Health.OK, f"embedded, {told} from {binary}")


def ray_of(address: str | None, namespace: str) -> Finding:
    """Return whether a Ray of our version lets us in at an address, or one of our own can begin."""
    try:
        ours = version("ray")
        if address is None:
            return Finding("ray", Health.OK, f"{ours}, a fund begins one of its own")
        with visited(address, namespace):
            return Finding("ray", Health.OK, f"{ours} answers at {address}")
    except PackageNotFoundError:
        return Finding("ray", Health.CRITICAL, "it is installed (pip install 'qt-ray[cluster]'), was not")
    except QtError as error:
        return Finding("ray", Health.CRITICAL, str(error))
