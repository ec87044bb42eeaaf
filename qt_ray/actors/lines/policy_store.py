"""Line to the policy store: what its readers, its gateways and the emergency stop ask of it, over one line.

One reader watches over a line, by ear where `near`, the store's folder, is on this machine too. A long poll is given
its own time and a little more. Waiting for an acknowledged emergency may take as long as a lease that has to run out,
and a store that is being born again.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from qt_ray.actors.line import Line
from qt_ray.actors.policy_store import Acknowledged
from qt_ray.adapters.policy_reader import Watched, Word
from qt_ray.adapters.policy_wire import Nearby
from qt_ray.core.errors import Invalid
from qt_ray.core.policy import Policy
from qt_ray.governance.leases import LEASE_MS, Held, Lease
from qt_ray.governance.rulebook import Denied
from qt_ray.governance.rulebook_entries import Author, Proposal
from qt_ray.governance.rulebook_store import Kept
from qt_ray.governance.wishes import Wish
from qt_ray.monitoring.health import Condition
from qt_ray.risk.restraints import Latitude, Restraint

BEYOND_MS: Final = 2_000
# A lease is worth nothing once it has run out, and neither is the answer that would have prolonged it.
LEASE_ANSWER_MS: Final = LEASE_MS
FENCE_MS: Final = 4 * LEASE_MS
EMERGENCY_STOP: Final = Author("emergency_stop")


class FarStore:
    """Asks for each word."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def watch(self, turn: int, wait_ms: int) -> Word:
        """Return as soon as there is a word after `turn`, or after `wait_ms` to say that there is none."""
        found: Word = await self._line.ask("watch", turn, wait_ms, within_ms=wait_ms + BEYOND_MS)
        return found


class PolicyStoreLine:
    """Asks the policy store for `author`, which is the part that asks; a person's wish names that person."""

    def __init__(self, line: Line, author: Author = EMERGENCY_STOP, near: Path | None = None) -> None:
        self._line, self._author, far = line, author, FarStore(line)
        self._words: Watched = far if near is None else Nearby(near, far)

    async def policy(self) -> Policy:
        """Return the policy in force."""
        found: Policy = await self._line.ask("get_policy")
        return found

    async def wish(self, wish: Wish, author: Author | None = None) -> Policy | Denied:
        """Have a wish carried out, durably, or hear why not."""
        found: Policy | Denied = await self._line.ask("wish", wish, author or self._author)
        return found

    async def set_policy(
        self, changes: Mapping[str, Any], version: int, reason: str, author: Author | None = None
    ) -> Policy | Denied:
        """Have dotted paths set as seen from `version`, all or none."""
        found: Policy | Denied = await self._line.ask("set_policy", changes, version, reason, author or self._author)
        return found

    async def proposals(self) -> tuple[Proposal, ...]:
        """Return what waits for a second person."""
        found: tuple[Proposal, ...] = await self._line.ask("proposals")
        return found

    async def history(self, count: int, before: int | None = None) -> tuple[Kept, ...]:
        """Return what was written, the newest first."""
        found: tuple[Kept, ...] = await self._line.ask("history", count, before)
        return found

    async def condition(self) -> Condition:
        """Return how the store is."""
        found: Condition = await self._line.ask("condition")
        return found

    async def watch(self, turn: int, wait_ms: int) -> Word:
        """Return as soon as there is a word after `turn`, or after `wait_ms` to say that there is none."""
        return await self._words.watch(turn, wait_ms)

    async def restrain(self, *restraints: Restraint) -> Latitude:
        """Have the word of the asker's own layers taken in, and return what all layers leave."""
        found: Latitude = await self._line.ask("restrain", restraints, self._author)
        return found

    async def release(self, layer: str) -> Latitude:
        """Have one of the asker's own layers withdrawn."""
        found: Latitude = await self._line.ask("release", layer, self._author)
        return found

    async def take_lease(self, account: str, holder: str) -> Lease | Held:
        """Return a lease, or who holds it."""
        found: Lease | Held = await self._line.ask("take_lease", account, holder, within_ms=LEASE_ANSWER_MS)
        return found

    async def renew_lease(self, account: str, token: int, confirmed: int) -> Lease | None:
        """Return the lease as it stands, or nothing if it is not the account's."""
        found: Lease | None = await self._line.ask("renew_lease", account, token, confirmed, within_ms=LEASE_ANSWER_MS)
        return found

    async def return_lease(self, account: str, token: int) -> None:
        """Give the lease back."""
        await self._line.ask("return_lease", account, token, within_ms=LEASE_ANSWER_MS)

    async def begin_emergency(self, reason: str) -> int:
        """Return the epoch once no order of an older one can leave."""
        return await self._emergency(True, reason, self._author, 0)

    async def end_emergency(self, person: str, reason: str) -> int:
        """Return the epoch in which entries are let in again; Invalid says why they are not."""
        epoch = (await self.policy()).epoch
        return await self._emergency(False, reason, Author(person, is_person=True), epoch)

    async def _emergency(self, enabled: bool, reason: str, author: Author, epoch: int) -> int:
        found: Acknowledged | Denied = await self._line.ask(
            "set_emergency_mode", enabled, reason, author, epoch, within_ms=FENCE_MS
        )
        if isinstance(found, Denied):
            raise Invalid(f"an emergency: {found.rule}")
        return found.epoch
