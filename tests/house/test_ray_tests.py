"""Tests that begin a Ray, or share one, run one after the other in one process: two of them at once are too many."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
TESTS = sorted((ROOT / "tests" / "integration").glob("test_*.py"))
# What a module has that takes part in a Ray: the fixtures of one that is shared, or a way to begin or join another.
TAKES_PART = re.compile(
    r"\bray_head\b|\bnamespace: str\b"
    r"|\bray\.init\b|jobs\.cluster import|inference_funds|consoles import.*deployed|QT, \"up\""
)
GROUP = 'pytest.mark.xdist_group("ray")'


def unmarked(name: str, source: str) -> Iterator[str]:
    """Yield the name of a module that takes part in a Ray and whose every test is not in the group."""
    marks = [
        ast.unparse(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    ]
    if TAKES_PART.search(source) and not any(GROUP.replace('"', "'") in mark for mark in marks):
        yield name


def test_whoever_takes_part_in_a_ray_is_in_its_group() -> None:
    assert [name for path in TESTS for name in unmarked(path.name, path.read_text("utf-8"))] == []


@pytest.mark.parametrize(
    "source",
    [
        "def test_a(ray_head: str) -> None:\n    assert ray_head\n",
        "from qt_ray.jobs.cluster import cluster\n",
        "import ray\nray.init()\n",
        'import pytest\n\n@pytest.mark.xdist_group("ray")\ndef test_a(namespace: str) -> None: ...\n',
    ],
)
def test_who_is_not_is_found(source: str) -> None:
    assert list(unmarked("x", source)) == ["x"]


def test_who_is_or_needs_no_ray_is_not_accused() -> None:
    marked = f"import pytest\npytestmark = [pytest.mark.integration, {GROUP}]\ndef test_a(ray_head: str) -> None: ...\n"
    assert list(unmarked("x", marked)) == []
    assert list(unmarked("x", "def test_a() -> None: ...\n")) == []
