"""Unrest: what keeps a fund busy between its bars: a market that jumps, and a person who writes the policy.

Jumps take a symbol up and back down again, so stops are hit and nothing drifts away. Each write lowers one number by
one, so what was acknowledged can be told from what is in force by looking at that number alone.
"""

import asyncio
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

import orjson
from aiohttp import ClientSession

from benchmarks.trading_fund import PERSON, SYMBOLS, patiently
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.policy_store_actor import BOOK
from qt_ray.adapters.sqlite_rulebook import SqliteRulebook
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.policy import Policy
from qt_ray.governance.rulebook_entries import Author, Revision
from qt_ray.governance.rulebook_store import HISTORY_MAX, Kept

JUMP: Final = Decimal("1.006")
JUMP_MS: Final = 300
JUMP_EVERY_S: Final = 5.0
WRITE_EVERY_S: Final = 1.0
PATH: Final = "limits.order_value_max"
AMPLE: Final = Decimal("Infinity")


class Market:
    """The hand on a venue's market, through the door that the venue has for that."""

    def __init__(self, control: str, seed: int) -> None:
        self._control, self._dice = control, Random(seed)
        self._raised: set[str] = set()

    async def run(self) -> None:
        """Let one symbol jump every few seconds until cancelled."""
        while True:
            await self.stir(1)
            await asyncio.sleep(JUMP_EVERY_S)

    async def stir(self, count: int) -> None:
        """Let so many symbols jump, up when they are down and down when they are up."""
        async with ClientSession() as http:
            for symbol in self._dice.sample(SYMBOLS, count):
                factor = 1 / JUMP if symbol in self._raised else JUMP
                self._raised ^= {symbol}
                told = {"symbol": symbol, "factor": f"{factor:.6f}", "over_ms": JUMP_MS}
                async with http.post(f"{self._control}/do/jump", data=orjson.dumps(told)) as answer:
                    if answer.status != 200:
                        raise Invalid(f"unrest: a symbol jumps, was {await answer.text()}")


@dataclass
class Scribbler:
    """A person who writes the policy all the while; `acknowledged` is each version that the store has promised."""

    store: PolicyStoreLine
    acknowledged: dict[int, Decimal] = field(default_factory=dict)

    async def run(self) -> None:
        """Write once a second until cancelled; without an answer a write may have been done, and is not counted."""
        author = Author(PERSON, is_person=True)
        while True:
            with suppress(Retryable):
                policy = await self.store.policy()
                wanted = policy.limits.order_value_max - 1
                found = await self.store.set_policy({PATH: str(wanted)}, policy.version, "unrest", author)
                if isinstance(found, Policy):
                    self.acknowledged[found.version] = found.limits.order_value_max
            await asyncio.sleep(WRITE_EVERY_S)

    async def behind(self) -> list[str]:
        """Return whether the policy in force is older than the last write that was acknowledged."""
        last = max(self.acknowledged, default=0)
        policy = await patiently(self.store.policy)
        is_there = policy.version >= last and policy.limits.order_value_max <= self.acknowledged.get(last, AMPLE)
        return [] if is_there else [f"policy of version {policy.version} is in force, {last} was acknowledged"]


def written_in(folder: Path) -> tuple[Kept, ...]:
    """Return all that a policy's book has, the newest first, read from a copy of its files."""
    with TemporaryDirectory() as name:
        copy = shutil.copytree(folder, Path(name) / folder.name)
        book, history, before = SqliteRulebook(copy / BOOK), list[Kept](), None
        try:
            while kept := book.history(HISTORY_MAX, before):
                history += kept
                before = kept[-1].sequence
        finally:
            book.close()
    return tuple(history)


def lost(acknowledged: Mapping[int, Decimal], history: Iterable[Kept]) -> list[str]:
    """Return every acknowledged write that a history does not have."""
    policies = [kept.entry.policy for kept in history if isinstance(kept.entry, Revision)]
    written = {policy.version: policy.limits.order_value_max for policy in policies}
    return [
        f"policy of version {version} was acknowledged with {value}, is {written.get(version, 'not there')}"
        for version, value in acknowledged.items()
        if written.get(version) != value
    ]
