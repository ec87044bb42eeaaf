"""Policy store as an actor: the book in its folder, its herald, and what the store says of itself.

The book is the store's memory and its outbox: whatever was written is told, after a crash as well, and a store that
cannot be heard governs all the same.
"""

import asyncio
from dataclasses import replace
from typing import Final

from qt_ray.actors.living import Living
from qt_ray.actors.origin import Origin
from qt_ray.actors.policy_store import PolicyStore
from qt_ray.actors.topology import POLICY_STORE
from qt_ray.actors.voice import voice, why_mute
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.policy_copy import LateCopy
from qt_ray.adapters.policy_files import load_policy
from qt_ray.adapters.policy_herald import PolicyHerald
from qt_ray.adapters.policy_wire import Crier
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.adapters.sqlite_rulebook import SqliteRulebook
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.codec import plain
from qt_ray.core.errors import Retryable
from qt_ray.core.policy import Policy
from qt_ray.governance.coordination import LAYERS
from qt_ray.monitoring.health import Condition

BOOK: Final = "policy.db"
COPY: Final = "policy.json"
MARK: Final = "told"
LOOK_MS: Final = 1_000


class PolicyStoreActor(PolicyStore):
    """The policy store of the account that `origin` names."""

    def __init__(self, origin: Origin) -> None:
        """Recover the book, or seed it from the profile's policy file; begin a new epoch."""
        self._origin, folder = origin, origin.places.policy
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._copy = LateCopy(folder / COPY)
        self._book = RulebookKeeper(SqliteRulebook(folder / BOOK), self._copy, self._seed)
        super().__init__(self._book, required=LAYERS)
        self._voice = voice(origin, POLICY_STORE)
        self._herald = PolicyHerald(self._book, folder / MARK, self._voice.publish, POLICY_STORE)
        self._fault, self._telling = "", asyncio.Lock()
        self._living = Living(POLICY_STORE)
        self._living.keep(self._voice.run())
        self._living.keep(self._tell())
        self._living.keep(Crier(folder, self).run())

    async def condition(self) -> Condition:
        """Return how the store is; one that is mute or was mended is a little less than well."""
        policy = self.get_policy()
        mute = why_mute(self._voice, self._origin)
        reasons = [*self._book.warnings, *([mute] if mute else ()), *([self._fault] if self._fault else ())]
        facts = {
            "version": policy.version,
            "epoch": policy.epoch,
            "mode": policy.active_mode.value,
            "emergency": self.is_emergency_mode(),
            "allows_entries": self.can_open_new_trades(),
            "proposals": len(self.proposals()),
            "left": plain(self.left()),
        }
        return self._living.condition(Health.DEGRADED if reasons else Health.HEALTHY, reasons, facts)

    async def rest(self) -> None:
        """Tell what is still to be told, and end."""
        await self._caught_up()
        await self._living.rest()
        self._voice.close()

    async def _tell(self) -> None:
        while True:
            await self._caught_up()
            await self.changed(LOOK_MS)

    async def _caught_up(self) -> None:
        """Copy and tell what was written, behind its readers; what the disk does not take waits for the next word.

        Who finds that another writes to the book dies here too, even if nobody asks anything.
        """
        async with self._telling:
            try:
                self._book.confirm()
                await asyncio.to_thread(self._copy.settle)
                await self._herald.catch_up()
            except Retryable as fault:
                self._fault = str(fault)
            else:
                self._fault = ""

    def _seed(self) -> Policy:
        loaded = self._origin.loaded()
        # A book begins at a moment: without one its first record would belong to 1970, and be deleted as too old.
        return replace(load_policy(loaded.policy_path, loaded.settings.policy.mode), last_updated=now_ms())
