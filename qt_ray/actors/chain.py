"""Chain: from a snapshot to a decision through three stages, wherever they live.

By references the data goes straight from one process to the next, and one answer comes back. Fused, the same three
objects are inside the desk. Both come to the same decision, and both within the same time or not at all.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import ray
from ray.exceptions import RayActorError, RayTaskError

from qt_ray.actors.lookup import looked_up
from qt_ray.adapters.clock import monotonic_ms
from qt_ray.adapters.deliberation import Chain
from qt_ray.core.errors import Retryable
from qt_ray.engine.pipeline import Decision, Opinion, Sized, Snapshot


class Predicts(Protocol):
    """The first stage in this process."""

    async def predict(self, snapshot: Snapshot) -> Opinion:
        """Return the opinion on a snapshot."""


class Sizes(Protocol):
    """The second stage in this process."""

    async def size(self, opinion: Opinion) -> Sized:
        """Return the wishes that follow."""


class Reviews(Protocol):
    """The last stage in this process."""

    async def review(self, sized: Sized, closed: str = "") -> Decision:
        """Return what is granted."""


class Punctual:
    """A chain that has so long and no longer; what comes later counts for nothing, whoever could not be interrupted."""

    def __init__(self, chain: Chain, within_ms: int, steady_ms: Callable[[], int] = monotonic_ms) -> None:
        self._chain, self._within_ms, self._steady_ms = chain, within_ms, steady_ms

    async def decided(self, snapshot: Snapshot, closed: str) -> Decision:
        """Return what is decided; Retryable if it was not in time."""
        until_ms = self._steady_ms() + self._within_ms
        try:
            async with asyncio.timeout(self._within_ms / 1_000):
                decision = await self._chain.decided(snapshot, closed)
        except TimeoutError as error:
            raise self._late() from error
        if self._steady_ms() > until_ms:
            raise self._late()
        return decision

    def _late(self) -> Retryable:
        return Retryable(f"chain: a decision within {self._within_ms / 1_000:g} s, was late")


class FusedChain:
    """The three objects in this process."""

    def __init__(self, predictor: Predicts, sizer: Sizes, guard: Reviews) -> None:
        self._predictor, self._sizer, self._guard = predictor, sizer, guard

    async def decided(self, snapshot: Snapshot, closed: str) -> Decision:
        """Return what is decided."""
        sized = await self._sizer.size(await self._predictor.predict(snapshot))
        return await self._guard.review(sized, closed)


class ReferenceChain:
    """The three parts of a fund, by name; `names` are predictor, sizer and guard."""

    def __init__(self, names: tuple[str, str, str], namespace: str) -> None:
        self._names, self._namespace = names, namespace
        self._handles: tuple[Any, Any, Any] | None = None

    async def decided(self, snapshot: Snapshot, closed: str) -> Decision:
        """Return what is decided."""
        try:
            if self._handles is None:
                self._handles = await looked_up(self._found)
            predictor, sizer, guard = self._handles
            sized = sizer.size.remote(predictor.predict.remote(snapshot))
            decision: Decision = await guard.review.remote(sized, closed)
            return decision
        except RayActorError as error:
            # The next bar looks the names up anew: other actors may bear them by then.
            self._handles = None
            raise Retryable(f"chain: three stages live, {type(error).__name__}") from error
        except RayTaskError as error:
            raise Retryable(f"chain: three stages answer, was {type(error.cause).__name__}: {error.cause}") from error

    def _found(self) -> tuple[Any, Any, Any]:
        try:
            predictor, sizer, guard = (ray.get_actor(name, self._namespace) for name in self._names)
        except ValueError as error:
            raise Retryable(f"chain: three stages live, {error}") from error
        return predictor, sizer, guard
