"""House: what a fund stands on while it lives on this machine, opened in order and closed in reverse, however it ends.

The account's lock comes first, so that an account has one fund; then the exchange of a paper account, the bus, and Ray.
An exchange inside the house keeps nothing, so each time it is opened the account begins a life of its own.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from qt_ray.actors.cluster import HERE, Head, cluster, knock
from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import namespace_of
from qt_ray.adapters.children import Bus, Exchange, embedded_bus, paper_exchange
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.config import Loaded, load
from qt_ray.adapters.config_layers import PREFIX
from qt_ray.adapters.files import locked
from qt_ray.adapters.listening import check_free
from qt_ray.adapters.logs import Remarks, write_logs
from qt_ray.adapters.redis.fitness import examine
from qt_ray.adapters.session_file import read_session
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.settings_keys import SECRETS
from qt_ray.adapters.trading.places import Places, places_of
from qt_ray.core.errors import Invalid, QtError

# Parts may live in another folder than we do: what is relative is said from the root.
FOLDERS: Final = ("fund.state", "data.root", "data.instruments", "audit.anchors", "run.cache", "run.out")
# Ray's own word for the one that this machine knows.
AUTO: Final = "auto"
LOG: Final = "up"
EXCHANGE_LOG: Final = "exchange.log"
# Bars last a minute here at the least; of a market that moves ten times a second four processes hear each move.
STEP_MS: Final = 250


class Refused(QtError):
    """The account has a fund already."""

    exit_code = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked for: a profile with flags, a Ray to join instead of one of our own, a door for a console."""

    profile: str
    flags: Mapping[str, Any]
    address: str | None = None
    dashboard: bool = True
    port: int | None = None
    host: str = HERE


@dataclass(frozen=True, slots=True)
class House:
    """An open house: what its parts are told, where they live, and what came with it."""

    origin: Origin
    namespace: str
    head: Head
    started_ms: int
    exchange: Exchange | None
    bus: Bus | None

    @property
    def places(self) -> Places:
        """Return where the account keeps its memory."""
        return self.origin.places


@contextmanager
def opened(wanted: Wanted) -> Iterator[House]:
    """Open a house for the account of a profile, and close it afterwards; Refused while the account has another."""
    loaded = load(wanted.profile, wanted.flags, os.environ)
    settings, started_ms = loaded.settings, now_ms()
    places, namespace = places_of(settings), namespace_of(settings)
    with ExitStack() as stack:
        stack.enter_context(_sole(places))
        _check(wanted, settings)
        write_logs(places.logs, LOG)
        stack.enter_context(redirect_stdout(Remarks("ray")))  # Ray prints there, and ours is for data
        exchange = stack.enter_context(_exchange(wanted, settings, places)) if is_embedded(settings) else None
        bus = stack.enter_context(embedded_bus(places.redis)) if settings.bus.url is None else None
        head = stack.enter_context(cluster(namespace, wanted.address, wanted.dashboard))
        life = life_of(started_ms) if exchange else ""
        flags = {**told_to_parts(loaded, wanted.flags), **(exchange.flags if exchange else {})}
        redis = settings.bus.url if bus is None else str(bus.socket)
        origin = Origin(wanted.profile, flags, loaded.root.absolute(), redis, life)
        yield House(origin, namespace, head, started_ms, exchange, bus)


def _check(wanted: Wanted, settings: Settings) -> None:
    """See that what is not ours to begin will carry a fund, before anything is begun."""
    if wanted.port is not None and wanted.address is None:  # Serve of a Ray that is joined listens where it does
        check_free(wanted.host, wanted.port)
    if settings.bus.url is not None:
        examine(settings.bus.url)
    if wanted.address is not None and wanted.address != AUTO:
        knock(wanted.address)


def is_embedded(settings: Settings) -> bool:
    """Return whether the fund brings its exchange with it."""
    return settings.exchange.kind == "paper" and settings.exchange.rest_url is None


def life_of(at_ms: int) -> str:
    """Return the name of a life that began then; lives sort by their names."""
    return f"{datetime.fromtimestamp(at_ms / 1_000, UTC):%Y%m%dT%H%M%S}.{at_ms % 1_000:03d}Z"


def told_to_parts(loaded: Loaded, flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return what parts are told beside their profile: flags, what variables of this process say, and whole paths.

    A part on a Ray that somebody else began has that one's variables and not ours. Secrets it has to find itself.
    """
    by_variable = {key for key, source in loaded.sources.items() if source.startswith(PREFIX)} - SECRETS
    return {**{key: loaded.plain[key] for key in sorted(by_variable)}, **flags, **_from_root(loaded)}


def _exchange(wanted: Wanted, settings: Settings, places: Places) -> Any:
    words = ["--profile", wanted.profile, "--symbols", ",".join(settings.market.symbols), "--step-ms", str(STEP_MS)]
    words += [word for key, value in wanted.flags.items() for word in ("--set", f"{key}={value}")]
    return paper_exchange(words, places.logs / EXCHANGE_LOG)


def _from_root(loaded: Loaded) -> dict[str, str]:
    told = {key: loaded.plain.get(key) for key in FOLDERS}
    return {key: str(Path(value).absolute()) for key, value in told.items() if value is not None}


@contextmanager
def _sole(places: Places) -> Iterator[None]:
    """Hold the account's lock; it goes with this process, however it goes."""
    places.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = locked(places.folder, "an account's fund")
    except Invalid as error:
        found = read_session(places.session)
        whose = f", process {found.pid} runs it" if found else ""
        raise Refused(f"start: the account has one fund at a time{whose}; `qt down` ends it") from error
    try:
        yield
    finally:
        os.close(handle)
