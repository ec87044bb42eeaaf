"""Compiled functions: one definition, called from Python and from compiled loops alike.

A kernel is an ordinary typed function over integers, floats and records. Compiling it changes how
fast it is and nothing else: no fast-math, so a result is the same bits in a loop, in a test and live. Kernels
write into arrays they are given and never allocate; with numba's reference counting thus switched off, a cycle
that passes two dozen arrays around is twenty times faster.

The compiler comes with the first call of a kernel: half of a fund's parts call none, and are born again without it in
half a second less.
"""

import sys
from collections.abc import Callable, Mapping
from functools import cache, update_wrapper
from typing import Any, Final, Generic, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")

OPTIONS: Final[Mapping[str, Any]] = {"cache": True, "error_model": "numpy", "_nrt": False}


class Kernel(Generic[P, R]):
    """A function that is compiled when somebody first calls it, from Python or from another kernel."""

    def __init__(self, function: Callable[P, R], options: Mapping[str, Any]) -> None:
        """Stand for `function`, as a name that other kernels may know already."""
        update_wrapper(self, function)
        self.py_func, self._options = function, options
        self._machine: Callable[P, R] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the machine code."""
        return (self._machine or self.machine)(*args, **kwargs)

    def __reduce__(self) -> str:
        """Return the name under which another process finds the same kernel."""
        return self.py_func.__qualname__

    @property
    def machine(self) -> Callable[P, R]:
        """Return what the compiler makes of the function."""
        if self._machine is None:
            self._machine = _compiler().njit(**self._options)(self.py_func)
        return cast(Callable[P, R], self._machine)


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` on first use and keep the machine code on disk."""
    return Kernel(function, OPTIONS)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a small `function` that callers should swallow whole."""
    return Kernel(function, {**OPTIONS, "forceinline": True})


@cache
def is_interpreted() -> bool:
    """Return whether kernels run as plain Python, as the compiler is told by its environment."""
    return bool(_compiler().config.DISABLE_JIT)


@cache
def _compiler() -> Any:
    """Return the compiler, which from now on knows a kernel inside another one by its machine code."""
    modules: Any = sys.modules
    # It loads a tool for coverage if there is one, and needs it not; whoever wants that later finds it.
    was_absent = modules.setdefault("coverage", None) is None
    import numba
    from numba.extending import typeof_impl

    if was_absent:
        del modules["coverage"]
    typeof_impl.register(Kernel)(lambda kernel, context: typeof_impl(kernel.machine, context))
    return numba
