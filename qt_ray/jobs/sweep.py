"""Sweep: many funds over the same bars, what they share computed once.

Features and forecasts depend on market and predictor only, so points that differ in size, exits, venue or policy
share them and cost one compiled pass each. Points are dealt out in whole groups; their order never changes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from math import prod
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from qt_ray.adapters.config import Loaded, load
from qt_ray.core.codec import canonical
from qt_ray.core.errors import InvalidConfig
from qt_ray.engine.backtest import Simulation
from qt_ray.jobs.backtest import Result
from qt_ray.jobs.forecasting import blocks, forecast
from qt_ray.jobs.fund import material

POINTS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Point:
    """One combination of settings."""

    index: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one point."""

    point: Point
    summary: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What every point starts from: a profile, its folder, and settings above all files."""

    profile: str
    flags: Mapping[str, Any]
    environ: Mapping[str, str]
    root: Path

    def loaded(self, point: Point) -> Loaded:
        """Return the settings of one point."""
        return load(self.profile, {**self.flags, **point.settings}, self.environ, self.root)


def grid(axes: Sequence[str]) -> list[Point]:
    """Return the points of `KEY=a,b,c` axes, the last axis fastest."""
    names, values = [], []
    for axis in axes:
        key, equals, words = axis.partition("=")
        options = [word.strip() for word in words.split(",") if word.strip()]
        if not equals or not key.strip() or not options:
            raise InvalidConfig(f"an axis is KEY=a,b,c, was {axis!r}")
        if key.strip() in names:
            raise InvalidConfig(f"a sweep has one axis of each key, {key.strip()} is given twice")
        names.append(key.strip())
        values.append(options)
    count = prod(map(len, values))
    if count > POINTS_MAX:
        raise InvalidConfig(f"a sweep has at most {POINTS_MAX} points, had {count}")
    return [Point(at, dict(zip(names, chosen, strict=True))) for at, chosen in enumerate(product(*values))]


def sweep(plan: Plan, points: Sequence[Point], workers: int = 1) -> Iterator[Outcome]:
    """Yield the outcome of every point, in order."""
    groups = grouped(plan, points)
    if workers == 1 or len(groups) == 1:
        outcomes = [outcome for group in groups for outcome in run_group(plan, group)]
    else:
        with ProcessPoolExecutor(min(workers, len(groups)), mp_context=get_context("spawn")) as pool:
            outcomes = [one for part in pool.map(run_group, [plan] * len(groups), groups) for one in part]
    yield from sorted(outcomes, key=lambda outcome: outcome.point.index)


def grouped(plan: Plan, points: Iterable[Point]) -> list[list[Point]]:
    """Return the points in groups that share bars and forecasts."""
    groups: dict[bytes, list[Point]] = {}
    for point in points:
        settings = plan.loaded(point).settings
        shared = settings.model_dump(mode="json", include={"market", "data", "predictor", "run"})
        groups.setdefault(canonical(shared), []).append(point)
    return list(groups.values())


def run_group(plan: Plan, points: Sequence[Point]) -> list[Outcome]:
    """Run points that share bars and forecasts."""
    first = material(plan.loaded(points[0]))
    known = forecast(first.bars, first.recipe)
    outcomes = []
    for point in points:
        made = first if point is points[0] else material(plan.loaded(point), first)
        simulation = Simulation(made.setup, made.bars)
        for block in blocks(made.bars, known):
            simulation.feed(block)
        run = simulation.finish(made.recipe.plain())
        outcomes.append(Outcome(point, Result(run).summary))
    return outcomes
