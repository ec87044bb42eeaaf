"""Topology: every part of a running fund, what makes it an actor, and in which order the parts begin.

This is the only place that knows names, namespaces and options of actors. A part is a plain class; what is written here
turns it into a process. No part is retried by Ray once it may send an order: a call that was lost may have been carried
out. Parts wait more than they work, so they reserve no processor.

An asyncio actor has one loop for all its methods, and none of ours blocks it: a call that hangs delays no other, which
is what a concurrency group of its own would be for. Such a group would be a second loop in a second thread, and the
parts' state belongs to one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from itertools import groupby
from typing import Any, Final

from qt_ray.actors.mortal import mortal
from qt_ray.actors.origin import Origin
from qt_ray.adapters.logs import write_logs
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.urgency import give_way

POLICY_STORE: Final = "PolicyStore"
EMERGENCY_STOP: Final = "EmergencyStop"
RISK_GUARD: Final = "RiskGuard"
PREDICTOR: Final = "Predictor"
SIZER: Final = "Sizer"
SUPERVISOR: Final = "Supervisor"
DESK: Final = "Desk"
GATEWAY: Final = "Gateway"
FEED: Final = "Feed"
FUND_OS: Final = "FundOS"
LEARNER: Final = "Learner"
MONITOR: Final = "Monitor"


# More than anybody of ours ever has under way; whoever asks beyond it hears at once that there is no room.
PENDING_MAX: Final = 1_000
REBORN_ALWAYS: Final = -1
AGAIN_ALWAYS: Final = -1
STOPS: Final = -15
SENDS: Final = -10


@dataclass(frozen=True, slots=True)
class Part:
    """A part: the class that is its process, as `module:name`, and its life in the cluster.

    Only a part whose every method may be carried out twice is retried by Ray. A gated part begins once all before it
    are ready. One with less niceness than others has a processor first, where the machine lets us: what stops the
    fund never waits for what runs it.
    """

    name: str
    where: str
    is_detached: bool = False
    retries: int = 0
    cpus: float = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    is_gated: bool = False
    niceness: int = 0


# In the order in which they begin; they rest in the reverse one: first whoever decides, then the watchman over what is
# sent, then whoever sends, and last of all the record and the policy.
PARTS: Final[tuple[Part, ...]] = (
    Part(POLICY_STORE, "qt_ray.actors.policy_store_actor:PolicyStoreActor", is_detached=True, niceness=STOPS),
    Part(MONITOR, "qt_ray.actors.monitor_actor:MonitorActor", is_gated=True),
    Part(PREDICTOR, "qt_ray.actors.predictor_actor:PredictorActor"),
    Part(SIZER, "qt_ray.actors.sizer_actor:SizerActor"),
    Part(SUPERVISOR, "qt_ray.actors.supervisor_actor:SupervisorActor"),
    Part(LEARNER, "qt_ray.actors.learner_actor:LearnerActor"),
    Part(FUND_OS, "qt_ray.actors.fund_os_actor:FundOSActor", retries=AGAIN_ALWAYS),
    Part(FEED, "qt_ray.actors.feed_actor:FeedActor", retries=AGAIN_ALWAYS),
    Part(RISK_GUARD, "qt_ray.actors.risk_guard_actor:RiskGuardActor"),
    Part(GATEWAY, "qt_ray.actors.gateway_actor:GatewayActor", niceness=SENDS),
    Part(EMERGENCY_STOP, "qt_ray.actors.emergency_stop_actor:EmergencyStopActor", is_detached=True, niceness=STOPS),
    Part(DESK, "qt_ray.actors.desk_actor:DeskActor", is_gated=True),
)


def namespace_of(settings: Settings) -> str:
    """Return the namespace that one account's parts live in; two accounts never see each other's parts."""
    return f"qt-{settings.exchange.kind}-{settings.fund.account}"


def options_of(part: Part, namespace: str) -> dict[str, Any]:
    """Return what Ray is told about a part."""
    lifetime = {"lifetime": "detached"} if part.is_detached else {}
    return {
        "name": part.name,
        "namespace": namespace,
        "num_cpus": part.cpus,
        "max_restarts": REBORN_ALWAYS,
        "max_task_retries": part.retries,
        "max_pending_calls": PENDING_MAX,
        **lifetime,
        **part.options,
    }


def groups(parts: Iterable[Part]) -> Iterator[tuple[Part, ...]]:
    """Yield parts that may begin together: a gated one opens a group, which waits for the one before."""
    gates = 0

    def gate(part: Part) -> int:
        nonlocal gates
        gates += part.is_gated
        return gates

    for _, group in groupby(parts, gate):
        yield tuple(group)


def shell_of(part: Part) -> type[Any]:
    """Return the class of a part's process: the part itself, under its name, with a log of its own."""
    module, _, name = part.where.partition(":")
    inside: type[Any] = getattr(import_module(module), name)

    def begin(self: Any, origin: Origin) -> None:
        if part.niceness:
            give_way(part.niceness)
        write_logs(origin.places.logs, part.name, _actor_id())
        inside.__init__(self, origin)

    def shown(self: Any) -> str:
        return part.name

    own = {"__init__": begin, "__repr__": shown, "__doc__": inside.__doc__}
    return type(part.name, (inside,), mortal(inside) | own)


def begun(part: Part, origin: Origin, namespace: str) -> Any:
    """Return the handle of a part that begins now."""
    import ray

    return ray.remote(shell_of(part)).options(**options_of(part, namespace)).remote(origin)


def _actor_id() -> str | None:
    import ray

    found: str | None = ray.get_runtime_context().get_actor_id() if ray.is_initialized() else None
    return found
