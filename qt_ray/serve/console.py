"""Console: people's way to a running fund, as two deployments of Ray Serve, so that no stream takes a kill's slot.

`control` answers requests and has room for more of them than its gate lets under way, so the kill route is never behind
a queue. `stream` holds one slot for each open WebSocket. Both are bound to one address, which is this machine's own
unless a person asked for another.
"""

from contextlib import suppress
from typing import Any, Final

from ray import serve
from ray.exceptions import RayError
from ray.serve.config import HTTPOptions, ProxyLocation
from ray.serve.context import _get_global_client  # nothing public says where a Serve listens
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
from qt_ray.adapters.key_herald import KeyHerald
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.publisher import Publisher
from qt_ray.core.errors import Invalid, QtError
from qt_ray.serve.application import console_app
from qt_ray.serve.gate import Gate
from qt_ray.serve.hand import Hand
from qt_ray.serve.ports import Ports
from qt_ray.serve.refusals import telling
from qt_ray.serve.serve_life import begin_serve
from qt_ray.serve.stream import LISTENERS_MAX, PATH, Broadcast, stream_app
from qt_ray.serve.sure_stop import SureStop

HOST: Final = "127.0.0.1"
EVERYWHERE: Final = "0.0.0.0"  # only as a word that a person has asked for, inside a container
CONTROL, STREAM = "console-control", "console-stream"
CONTROL_SLOTS: Final = 128
QUEUED_MAX: Final = 256
# The gate gives up an answer long before; this ends what Serve itself has lost, and renews a stream every hour.
REQUEST_TIMEOUT_S: Final = 3_600.0


class Control:
    """The replica that answers requests."""

    def __init__(self, origin: Origin) -> None:
        """Compose the ports, and find the emergency stop before anybody needs it."""
        living, publisher = Living(CONTROL), voice(origin, CONTROL)
        self._ports = ports_of(origin, publisher, CONTROL)
        for work in (
            publisher.run(),
            _acquainted(self._ports),
            KeyHerald(origin.places.folder, publisher.publish, CONTROL).run(),
        ):
            living.keep(work)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Return the application that Serve sends requests to."""
        return console_app(self._ports)


class Stream:
    """The replica that sends events."""

    def __init__(self, origin: Origin) -> None:
        """Begin to read the bus."""
        living, publisher = Living(STREAM), voice(origin, STREAM)
        self._ports = ports_of(origin, publisher, STREAM)
        self._broadcast = Broadcast(bus_of(origin), now_ms)
        for work in (publisher.run(), self._broadcast.run()):
            living.keep(work)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Return the application that Serve opens WebSockets with."""
        return _unmounted(Gate(stream_app(self._broadcast, now_ms), self._ports))


def deploy(origin: Origin, port: int, host: str = HOST) -> str:
    """Begin the console in the cluster that this process is in, and return its address, which an older Serve names."""
    begin_serve(
        proxy_location=ProxyLocation.HeadOnly,
        http_options={"host": host, "port": port, "request_timeout_s": REQUEST_TIMEOUT_S},
    )
    check(origin, host)
    control, stream = applications_of(origin)
    serve.run_many(
        [
            serve.RunTarget(_deployed(Control, CONTROL, CONTROL_SLOTS).bind(origin), control, "/"),
            serve.RunTarget(_deployed(Stream, STREAM, LISTENERS_MAX + 100).bind(origin), stream, PATH),
        ]
    )
    return f"http://{HOST if host == EVERYWHERE else host}:{_listening().port}"


def check(origin: Origin, host: str = HOST) -> None:
    """See that a Serve which runs already listens where no stranger comes, and has room at its root for a console."""
    if (listening := _listening().host) != host:
        raise Invalid(f"console: Serve listens on {host} alone, listens on {listening}; --no-serve begins without")
    others = [known for known in serve.status().applications if known.endswith(f"-{CONTROL}")]
    if others := [known for known in others if known not in applications_of(origin)]:
        raise Invalid(f"console: one Ray serves one, {others[0]} is there already; --no-serve begins without")


def applications_of(origin: Origin) -> tuple[str, str]:
    """Return the names of an account's console in Serve."""
    space = namespace_of(origin.settings)
    return f"{space}-{CONTROL}", f"{space}-{STREAM}"


def _listening() -> HTTPOptions:
    """Return where the Serve of this Ray listens: whoever began it has settled that for all."""
    client: Any = _get_global_client()
    found: HTTPOptions = client.http_config
    return found


def ports_of(origin: Origin, publisher: Publisher, part: str) -> Ports:
    """Return the fund's ports as one process of the console has them."""
    settings, folder = origin.settings, origin.places.folder
    monitor = MonitorLine(_line(settings, MONITOR))
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
