"""Line: how one part asks another over Ray: by name, within a time, a bounded number at once, and never twice.

A part that is dead, reborn this moment or too slow is one answer, Retryable: it may have done what it was asked for,
so whoever may not do a thing twice gives it an id. What the other part raised on purpose is raised here as it was.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import ray
from ray.exceptions import PendingCallsLimitExceeded, RayActorError, RayTaskError

from qt_ray.actors.lookup import looked_up
from qt_ray.core.errors import QtError, Retryable

WITHIN_MS: Final = 5_000
AT_ONCE_MAX: Final = 64


class Line:
    """A line to the part `name` of the fund in `namespace`; the part need not live yet."""

    def __init__(
        self,
        name: str,
        namespace: str,
        at_once: int = AT_ONCE_MAX,
        found: Callable[[str, str], Any] | None = None,
    ) -> None:
        """Be ready to ask; nothing is asked yet."""
        self.name = name
        self._namespace, self._found = namespace, found or _found
        self._room = asyncio.Semaphore(at_once)
        self._handle: Any = None

    async def ask(self, method: str, *args: Any, within_ms: int = WITHIN_MS) -> Any:
        """Return the part's answer; Retryable if there is none within the time, or nobody is there."""
        try:
            async with asyncio.timeout(within_ms / 1_000), self._room:
                return await self._asked(method, args)
        except TimeoutError as error:
            raise Retryable(f"{self.name}.{method}: answers within {within_ms} ms, did not") from error

    async def _asked(self, method: str, args: tuple[Any, ...]) -> Any:
        try:
            if self._handle is None:
                self._handle = await looked_up(partial(self._found, self.name, self._namespace))
            return await getattr(self._handle, method).remote(*args)
        except RayActorError as error:
            # The next asker looks the name up anew: another actor may bear it by then.
            self._handle = None
            raise Retryable(f"{self.name}.{method}: somebody is there, was {type(error).__name__}") from error
        except PendingCallsLimitExceeded as error:
            raise Retryable(f"{self.name}.{method}: has room for one more, was full") from error
        except RayTaskError as error:
            cause = error.cause
            if isinstance(cause, QtError):
                raise type(cause)(*cause.args) from error
            raise


def _found(name: str, namespace: str) -> Any:
    try:
        return ray.get_actor(name, namespace)
    except ValueError as error:
        raise Retryable(f"{name}: lives in {namespace}, does not") from error
