"""Monitor's reach: the parts as it asks them, begins them anew and tries them out over Ray.

A trial answers with the rule that did not hold, or with nothing. It asks the running part and does what the requirement
is about, in a place where it does no harm; a part that does not answer has failed.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import ray

from qt_ray.actors.line import Line
from qt_ray.actors.lookup import looked_up
from qt_ray.actors.monitor import Trial
from qt_ray.actors.topology import POLICY_STORE
from qt_ray.actors.warden import Ask
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.files import write_atomic
from qt_ray.adapters.logs import log
from qt_ray.adapters.publisher import Publisher
from qt_ray.adapters.trade_keeper import TradeKeeper
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.policy import Policy
from qt_ray.engine.tidings import Tiding
from qt_ray.governance.bus import EventBus

BEYOND_MS: Final = 2_000
PROBE: Final = "probe"


class Parts:
    """The parts of one fund, by name."""

    def __init__(self, names: Sequence[str], namespace: str) -> None:
        """Be ready to ask; nobody need live yet."""
        self._namespace = namespace
        self._lines = {name: Line(name, namespace) for name in names}

    @property
    def asks(self) -> dict[str, Ask]:
        """Return how each is asked how it is."""
        return {name: partial(line.ask, "condition") for name, line in self._lines.items()}

    async def restart(self, name: str) -> None:
        """End a part's process, so that Ray begins it anew; one that is not there is left to who launched it."""
        log().error("a silent part is begun anew", silent=name)
        try:
            handle = await looked_up(partial(ray.get_actor, name, self._namespace))
        except ValueError:
            return
        ray.kill(handle, no_restart=False)

    async def try_policy(self) -> str:
        """Ask the policy store for the policy."""
        policy = await self._policy()
        return "" if policy.version > 0 and policy.epoch > 0 else f"a policy is written, was version {policy.version}"

    async def try_sizing(self) -> str:
        """Ask the guard's table, under the policy in force, for what it grants in high volatility."""
        policy = await self._policy()
        return await asyncio.to_thread(_uncapped, policy)

    async def _policy(self) -> Policy:
        if POLICY_STORE not in self._lines:
            raise Retryable(f"{POLICY_STORE}: is a part of this fund, is not")
        found: Policy = await self._lines[POLICY_STORE].ask("get_policy")
        return found


class BooksLine:
    """The keeper of the account's books, over a line."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def tidings(self, after: int, wait_ms: int) -> Sequence[Tiding]:
        """Return what happened after the tiding of that number; of nothing known, how the account stands."""
        found: Sequence[Tiding] = await self._line.ask("tidings", after, wait_ms, within_ms=wait_ms + BEYOND_MS)
        return found


def trials_of(parts: Parts, bus: EventBus, mouth: Publisher, buffer: Path, trades: TradeKeeper) -> Mapping[str, Trial]:
    """Return what is tried when somebody asks whether the founding requirements hold."""
    return {
        "policy": parts.try_policy,
        "sizing": parts.try_sizing,
        "bus": partial(_try_bus, bus, mouth),
        "buffer": partial(_try_buffer, buffer, mouth),
        "trades": partial(_try_trades, trades),
    }


def _uncapped(policy: Policy) -> str:
    # The guard is compiled code, which costs a process memory that only whoever asks for this needs.
    from qt_ray.risk.fallback_proof import why_uncapped

    return why_uncapped(policy)


async def _try_bus(bus: EventBus, mouth: Publisher) -> str:
    await bus.read(await bus.position(now_ms()), 1, 0)
    return "" if mouth.is_reaching else "events wait on disk, the bus does not take them"


async def _try_buffer(folder: Path, mouth: Publisher) -> str:
    try:
        await asyncio.to_thread(write_atomic, folder / PROBE, b"")
    except OSError as error:
        return f"a buffer takes events, {error.strerror or error}"
    lost: Any = sum(mouth.shed.values())
    return f"no event is lost, {lost} were, a buffer is full" if lost else ""


async def _try_trades(trades: TradeKeeper) -> str:
    try:
        await trades.probe(now_ms())
    except (Invalid, Retryable) as fault:
        return str(fault)
    return ""
