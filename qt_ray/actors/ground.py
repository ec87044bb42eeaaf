"""Ground: what a fund would stand on here, its bus and its Ray, looked at before anything is begun on them.

It only looks, as the doctor does: a Redis of somebody else is asked about itself, and a Ray is visited and left.
"""

from importlib.metadata import PackageNotFoundError, version

from qt_ray.actors.cluster import visited
from qt_ray.actors.topology import STOPS, namespace_of
from qt_ray.adapters.redis.fitness import examine
from qt_ray.adapters.redis.server import server_binary, version_of
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.premises import Finding, Health
from qt_ray.adapters.urgency import may_be
from qt_ray.core.errors import QtError


def surveyed(settings: Settings, address: str | None) -> list[Finding]:
    """Return what is to be said of the bus that the settings name, of the Ray at an address or our own, and of rank."""
    return [bus_of(settings.bus.url), ray_of(address, namespace_of(settings)), priority_of(address)]


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


def priority_of(address: str | None) -> Finding:
    """Return whether what stops the fund has a processor first, however busy a machine is."""
    if address is not None:
        return Finding(
            "priority", Health.OK, "whoever began that Ray decides it; RAY_worker_niceness=0 leaves parts theirs"
        )
    if may_be(STOPS):
        return Finding("priority", Health.OK, "what stops the fund has a processor first, however busy the machine is")
    told = f"what stops the fund waits for its turn; to let it be {STOPS} nice mends it (LimitNICE, CAP_SYS_NICE)"
    return Finding("priority", Health.WARNING, told)
