"""Mortal: a part that finds itself wrong dies of it, whoever has asked; an answer that raises would end only the asker.

The next life begins from what is durable, and to whoever asked the part is away for a moment like any that was killed.
"""

import os
from collections.abc import Callable
from functools import wraps
from inspect import getattr_static, getmembers, iscoroutinefunction, isfunction
from typing import Any, Final

from qt_ray.adapters.logs import log
from qt_ray.core.errors import Invariant

EXIT_WRONG: Final = 1
Method = Callable[..., Any]
End = Callable[[int], Any]


def mortal(inside: type[Any], end: End = os._exit) -> dict[str, Method]:
    """Return what a class can be asked, such that being wrong is the end of the process."""
    methods = getmembers(inside, isfunction)
    public = {name: method for name, method in methods if not name.startswith("_")}
    return {name: _deadly(method, end) for name, method in public.items() if isfunction(getattr_static(inside, name))}


def _deadly(method: Method, end: End) -> Method:
    @wraps(method)
    async def waited(*args: Any, **named: Any) -> Any:
        try:
            return await method(*args, **named)
        except Invariant as fault:
            _die(method, fault, end)
            raise

    @wraps(method)
    def told(*args: Any, **named: Any) -> Any:
        try:
            return method(*args, **named)
        except Invariant as fault:
            _die(method, fault, end)
            raise

    return waited if iscoroutinefunction(method) else told


def _die(method: Method, fault: Invariant, end: End) -> None:
    log().error("a part found itself wrong", asked=method.__name__, exc_info=fault)
    end(EXIT_WRONG)
