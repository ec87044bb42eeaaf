"""`qt drill`: what an emergency takes here, measured on a paper venue of its own."""

import asyncio
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from qt_ray.cli.config import Json
from qt_ray.cli.screen import console, emit, progress

if TYPE_CHECKING:
    from qt_ray.jobs.stopwatch import Laps

Runs = Annotated[int, typer.Option("--runs", "-n", min=1, max=10_000, help="How many emergencies.")]
Positions = Annotated[int, typer.Option("--positions", min=1, max=200, help="Positions open at the trip.")]
Orders = Annotated[int, typer.Option("--orders", min=0, max=2_000, help="Limit orders open at the trip.")]
Errors = Annotated[float, typer.Option("--errors", min=0.0, max=0.9, help="Share of answers that are 5xx.")]

STEPS = {
    "trip -> first cancel sent": "first_cancel_us",
    "trip -> first cancel answered": "first_answer_us",
    "trip -> last cancel answered": "cancelled_us",
    "trip -> last close answered": "closed_us",
    "trip -> flat, proven": "flat_us",
}


def drill(
    runs: Runs = 20,
    positions: Positions = 50,
    orders: Orders = 100,
    errors: Errors = 0.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the venue's market and faults.")] = 7,
    json: Json = False,
) -> None:
    """Open positions and orders, trip the emergency stop, and time it until the venue itself says flat."""
    from qt_ray.jobs.drill import Scene, drilling

    async def work(folder: Path) -> "list[Laps]":
        scene = Scene(positions, orders, Decimal(str(errors)))
        async with drilling(folder, positions, seed) as stage:
            with progress() as bars:
                task = bars.add_task("emergencies", total=runs)
                found = []
                for _ in range(runs):
                    found.append(await stage.once(scene))
                    bars.advance(task)
                return found

    with TemporaryDirectory() as folder:
        found = asyncio.run(work(Path(folder)))
    rows = {name: _spread([getattr(laps, field) for laps in found]) for name, field in STEPS.items()}
    if json:
        scene = {"positions": positions, "orders": orders, "errors": errors}
        emit("qt.drill/2", {"runs": runs, **scene, "us": rows})
        return
    _show(rows)


def _spread(values: list[int | None]) -> dict[str, int | None]:
    """Return p50, p99 and max by rank, so that each is a time that was measured."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return {"p50": None, "p99": None, "max": None}
    return {"p50": known[_rank(50, known)], "p99": known[_rank(99, known)], "max": known[-1]}


def _rank(percent: int, known: list[int]) -> int:
    return max(-(-percent * len(known) // 100) - 1, 0)


def _show(rows: dict[str, dict[str, int | None]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("ms")
    for name in ("p50", "p99", "max"):
        table.add_column(name, justify="right")
    for name, spread in rows.items():
        table.add_row(name, *("-" if value is None else f"{value / 1_000:.1f}" for value in spread.values()))
    console().print(table)
