"""A kernel is a function that others know by name; the compiler comes with its first call, and changes no result."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from qt_ray.core.compiled import compiled, inlined

pytestmark = pytest.mark.unit


@inlined
def doubled(value: int) -> int:
    """Return twice a value."""
    return 2 * value


@compiled
def summed(values: np.ndarray) -> int:  # type: ignore[type-arg]
    """Return the sum of all values, each doubled."""
    total = 0
    for value in values:
        total += doubled(value)
    return total


def fresh(program: str, **environment: str) -> str:
    """Return what a program says in a process of its own."""
    told = {**os.environ, **environment}
    return subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True, env=told).stdout


def test_a_kernel_is_its_function_to_whoever_reads_it() -> None:
    assert (summed.__name__, summed.__doc__) == ("summed", "Return the sum of all values, each doubled.")
    assert summed.__module__ == __name__


def test_a_kernel_calls_another_one() -> None:
    assert summed(np.arange(10)) == 90


def test_another_process_finds_the_same_kernel_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(summed)) is summed


def test_the_compiler_comes_with_the_first_call_and_not_before() -> None:
    program = """
import sys
from qt_ray.core.money import portion
from qt_ray.execution.margin import maintenance
before = "numba" in sys.modules
from qt_ray.governance.checksum import crc32c
crc32c(b"123456789")
print(before, "numba" in sys.modules, "coverage" in sys.modules and sys.modules["coverage"] is not None)
"""
    assert fresh(program, COVERAGE_PROCESS_START="", COVERAGE_PROCESS_CONFIG="").split() == ["False", "True", "False"]


def test_without_a_compiler_the_result_is_the_same() -> None:
    program = "from qt_ray.governance.checksum import crc32c; print(crc32c(b'123456789'))"
    plain = fresh(program, NUMBA_DISABLE_JIT="1")
    assert plain == fresh(program)
    assert int(plain) == 0xE3069283
