"""Imports: what loads what, seen from outside in a fresh interpreter."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

PACKAGE = Path(__file__).parents[2] / "qt_ray"
PURE = ("core", "market", "ai", "risk", "execution", "governance", "engine", "monitoring")
HEAVY = (
    "pandas",
    "pyarrow",
    "ray",
    "torch",
    "xgboost",
    "lightgbm",
    "sklearn",
    "redis",
    "aiohttp",
    "typer",
    "rich",
)
TOO_SLOW_FOR_HELP = ("numba", "numpy", "pandas", "pyarrow", "ray", "torch")


def modules_of(*packages: str) -> list[str]:
    """Return the dotted names of every module under some packages of ours."""
    files = sorted(path for package in packages for path in (PACKAGE / package).rglob("*.py"))
    names = (".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in files)
    return [name.removesuffix(".__init__") for name in names]


def loaded(code: str, heavy: tuple[str, ...]) -> list[str]:
    """Return which of `heavy` are loaded after `code` has run in a fresh interpreter."""
    tail = f"\nimport sys\nsys.stderr.write('LOADED ' + ' '.join(m for m in {heavy!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, timeout=100, check=True)
    return done.stderr.split("LOADED ")[-1].split()


def test_the_pure_packages_load_nothing_of_the_world() -> None:
    names = modules_of(*PURE)
    assert len(names) > 20
    assert loaded("\n".join(f"import {name}" for name in names), HEAVY) == []


def test_the_check_sees_what_is_loaded() -> None:
    assert loaded("import json, decimal", ("json", "decimal", "wave")) == ["json", "decimal"]


def test_help_waits_for_nothing_heavy() -> None:
    code = """
import contextlib, io, sys
sys.argv = ["qt", "--help"]
from qt_ray.cli.main import main
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main()
"""
    assert loaded(code, TOO_SLOW_FOR_HELP) == []
