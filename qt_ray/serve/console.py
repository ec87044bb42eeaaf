"""Console: people's way to a running fund, as two deployments of Ray Serve, so that no stream takes a kill's slot.

`control` answers requests and has room for more of them than its gate lets under way, so the kill route is never behind
a queue. `stream` holds one slot for each open WebSocket. Both are bound to one address, which is this machine's own.
"""

from contextlib import suppress
from typing import Any, Final

from ray import serve
from ray.exceptions import RayError
from ray.serve.config import ProxyLocation
from starlette.types import ASGIApp, Receive, Scope, Send

from qt_ray.actors.line import Line
from qt_ray.actors.lines.gateway import GatewayLine
from qt_ray.actors.lines.monitor import MonitorLine
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.living import Living
from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import EMERGENCY_STOP, GATEWAY, MONITOR, POLICY_STORE, namespace_of
from qt_ray.actors.voice import bus_of, voice
from qt_ray.adapters.api_keys import KeyRing
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.latch import Latch
from qt_ray.core.errors import Invalid, QtError
from qt_ray.serve.application import console_app
from qt_ray.serve.gate import Gate
from qt_ray.serve.hand import Hand
from qt_ray.serve.ports import Ports
from qt_ray.serve.refusals import telling
from qt_ray.serve.stream import LISTENERS_MAX, PATH, Broadcast, stream_app
from qt_ray.serve.sure_stop import SureStop

HOST: Final = "127.0.0.1"
CONTROL, STREAM = "console-control", "console-stream"
CONTROL_SLOTS: Final = 128
QUEUED_MAX: Final = 256
# The gate gives up an answer long before; this ends what Serve itself has lost, and renews a stream every hour.
REQUEST_TIMEOUT_S: Final = 3_600.0


class Control:
    """The replica that answers requests."""

    def __init__(self, origin: Origin) -> None:
        """Compose the ports, and find the emergency stop before anybody needs it."""
        living = Living(CONTROL)
        self._ports = ports_of(origin, living, CONTROL)
        living.keep(_acquainted(self._ports))

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Return the application that Serve sends requests to."""
        return console_app(self._ports)


class Stream:
    """The replica that sends events."""

    def __init__(self, origin: Origin) -> None:
        """Begin to read the bus."""
        living = Living(STREAM)
        self._ports = ports_of(origin, living, STREAM)
        self._broadcast = Broadcast(bus_of(origin), now_ms)
        living.keep(self._broadcast.run())

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Return the application that Serve opens WebSockets with."""
        return _unmounted(Gate(stream_app(self._broadcast, now_ms), self._ports))


def deploy(origin: Origin, port: int, host: str = HOST) -> str:
    """Begin the console in the cluster that this process is in, and return its address."""
    serve.start(
        proxy_location=ProxyLocation.HeadOnly,
        http_options={"host": host, "port": port, "request_timeout_s": REQUEST_TIMEOUT_S},
    )
    control, stream = _names(origin)
    _check_alone(control)
    serve.run_many(
        [
            serve.RunTarget(_deployed(Control, CONTROL, CONTROL_SLOTS).bind(origin), control, "/"),
            serve.RunTarget(_deployed(Stream, STREAM, LISTENERS_MAX + 100).bind(origin), stream, PATH),
        ]
    )
    return f"http://{host}:{port}"


def withdraw(origin: Origin) -> None:
    """End an account's console, and nothing else that Serve carries; a Ray of one's own ends it with itself."""
    for name in _names(origin):
        serve.delete(name)


def _names(origin: Origin) -> tuple[str, str]:
    space = namespace_of(origin.settings)
    return f"{space}-{CONTROL}", f"{space}-{STREAM}"


def _check_alone(name: str) -> None:
    """See that no other account's console stands at the root of this Ray's Serve: it would be pushed aside."""
    others = [known for known in serve.status().applications if known.endswith(f"-{CONTROL}") and known != name]
    if others:
        raise Invalid(f"console: one Ray serves one, {others[0]} is there already; --no-serve begins without")


def ports_of(origin: Origin, living: Living, part: str) -> Ports:
    """Return the fund's ports as one process of the console has them."""
    settings, folder = origin.settings, origin.places.folder
    monitor = MonitorLine(_line(settings, MONITOR))
    publisher = voice(origin, part)
    living.keep(publisher.run())
    policy, gateway = PolicyStoreLine(_line(settings, POLICY_STORE)), GatewayLine(_line(settings, GATEWAY))
    return Ports(
        policy=policy,
        emergency=SureStop(_line(settings, EMERGENCY_STOP)),
        views=monitor,
        trader=Hand(settings.fund.account, gateway, policy, publisher.tell, now_ms),
        latch=Latch(origin.places.latch),
        keys=KeyRing(folder),
        told=telling(publisher.tell, part, now_ms),
        clock=now_ms,
    )


async def _acquainted(ports: Ports) -> None:
    """Ask the emergency stop once: the first stop of this process finds a line that is open."""
    with suppress(QtError, RayError):
        await ports.emergency.status()


def _unmounted(app: ASGIApp) -> ASGIApp:
    """Return an application that sees its whole path: Serve mounts it at a prefix that is the path itself."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "root_path": ""}, receive, send)

    return served


def _line(settings: Any, part: str) -> Line:
    return Line(part, namespace_of(settings))


def _deployed(kind: type[Any], name: str, slots: int) -> Any:
    shell = serve.ingress()(kind)
    return serve.deployment(
        shell,
        name=name,
        num_replicas=1,
        max_ongoing_requests=slots,
        max_queued_requests=QUEUED_MAX,
        ray_actor_options={"num_cpus": 0},
        health_check_period_s=5,
        graceful_shutdown_timeout_s=2,
    )
