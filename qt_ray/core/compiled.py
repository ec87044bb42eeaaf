"""Compiled functions: one definition, called from Python and from compiled loops alike.

A kernel is an ordinary typed function over integers, floats and records. Compiling it changes how
fast it is and nothing else: no fast-math, so a result is the same bits in a loop, in a test and live. Kernels
write into arrays they are given and never allocate; with numba's reference counting thus switched off, a cycle
that passes two dozen arrays around is twenty times faster.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` on first use and keep the machine code on disk."""
    decorate: Any = numba.njit
    return cast(Callable[P, R], decorate(cache=True, error_model="numpy", _nrt=False)(function))


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a small `function` that callers should swallow whole."""
    decorate: Any = numba.njit
    return cast(Callable[P, R], decorate(cache=True, error_model="numpy", _nrt=False, forceinline=True)(function))
