"""Policy reader: the policy in this process, as fresh as its store can push it, read without asking anybody.

A store that answers keeps the view alive, with or without a change; one that does not lets it grow stale by itself.
What is read is one immutable value, swapped whole: a decision never sees half of one policy and half of another.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.logs import log
from qt_ray.core.errors import Retryable
from qt_ray.core.policy import Policy
from qt_ray.governance.policy_view import PolicyView
from qt_ray.risk.restraints import Latitude

WAIT_MS: Final = 1_000
AGAIN_MS: Final = 100
NEVER: Final = -1


class Word(Protocol):
    """What a store says: how many words it has spoken, the policy, and what shuts entries out or lessens them."""

    @property
    def turn(self) -> int:
        """Return how many words there were."""

    @property
    def policy(self) -> Policy:
        """Return the policy in force."""

    @property
    def shut(self) -> str:
        """Return why entries are shut out, or nothing."""

    @property
    def left(self) -> Latitude:
        """Return what automatic layers leave of what the policy permits."""


class Watched(Protocol):
    """The policy store, as far as a reader needs it; Retryable when it does not answer."""

    async def watch(self, turn: int, wait_ms: int) -> Word:
        """Return as soon as there is a word after `turn`, or after `wait_ms` to say that there is none."""


class PolicyReader:
    """One process's view of the policy."""

    def __init__(self, store: Watched, clock: Callable[[], int] = now_ms) -> None:
        self.view: PolicyView | None = None
        self._store, self._clock, self._turn = store, clock, NEVER
        self._listeners: list[Callable[[PolicyView], None]] = []

    def listen(self, listener: Callable[[PolicyView], None]) -> None:
        """Tell `listener` of each policy that comes into force, and of every change in what bounds entries."""
        self._listeners.append(listener)

    def why_closed(self) -> str | None:
        """Return why nothing new may be opened, or nothing."""
        return "no entry before the policy is known" if self.view is None else self.view.why_closed(self._clock())

    async def run(self) -> None:
        """Follow the store until cancelled."""
        while True:
            try:
                await self.turn()
            except Retryable:
                await asyncio.sleep(AGAIN_MS / 1_000)

    async def turn(self) -> None:
        """Take in the store's next word, or that there is none; a view that is too old is fetched whole."""
        view = self.view
        is_old = view is not None and view.needs_refresh(self._clock())
        after = NEVER if is_old else self._turn
        word = await self._store.watch(after, WAIT_MS)
        at_ms, was_fetched = self._clock(), after == NEVER
        self._turn = word.turn
        if is_old:  # said once it was done: a store that is away is asked many times a second
            log().warning("a policy was not fetched whole for ten minutes, now it was", version=word.policy.version)
        now = (view or PolicyView(word.policy, at_ms, at_ms)).told(word.policy, word.shut, at_ms, word.left)
        self.view = now.refreshed(at_ms) if was_fetched else now
        if view is None or (view.policy, view.shut, view.left) != (now.policy, now.shut, now.left):
            for listener in self._listeners:
                listener(self.view)
