"""A part behind a handle that looks like Ray's: the plain object itself, or a death."""

from collections.abc import Awaitable
from inspect import isawaitable
from typing import Any

from ray.exceptions import RayActorError


class Method:
    """What `handle.name` is: something with `remote`."""

    def __init__(self, part: "FakePart", name: str) -> None:
        self._part, self._name = part, name

    def remote(self, *args: Any) -> Awaitable[Any]:
        return self._part.answer(self._name, args)


class FakePart:
    """A handle to `inside`; while it is dead every call ends as Ray ends one."""

    def __init__(self, inside: Any) -> None:
        self.inside, self.is_dead, self.asked = inside, False, list[tuple[str, tuple[Any, ...]]]()

    def __getattr__(self, name: str) -> Method:
        return Method(self, name)

    async def answer(self, name: str, args: tuple[Any, ...]) -> Any:
        self.asked.append((name, args))
        if self.is_dead:
            raise RayActorError
        found = getattr(self.inside, name)(*args)
        return await found if isawaitable(found) else found
