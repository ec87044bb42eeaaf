"""`qt drill`: what an emergency takes here, measured on a paper venue of its own."""

import asyncio
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from qt_ray.cli.config import Json
from qt_ray.cli.numbers import plain, whole
from qt_ray.cli.screen import console, emit, note, progress, say

if TYPE_CHECKING:
    from qt_ray.jobs.stopwatch import Laps

Runs = Annotated[int, typer.Option("--runs", "-n", help="How many emergencies.", **whole(1, 10_000))]
Positions = Annotated[int, typer.Option("--positions", help="Positions open at the trip.", **whole(1, 200))]
Orders = Annotated[int, typer.Option("--orders", help="Limit orders open at the trip.", **whole(0, 2_000))]
Errors = Annotated[float, typer.Option("--errors", help="Share of answers that are 5xx.", **plain(0.0, 0.9))]

STEPS = {
    "first_cancel_us": "first cancel sent",
    "first_answer_us": "first cancel answered",
    "closed_us": "last position closed",
    "cancelled_us": "last order cancelled",
    "flat_us": "proven flat",
}
# Fewer runs have no 99th percentile that is not their worst.
P99_RUNS_MIN = 100


def drill(
    runs: Runs = 20,
    positions: Positions = 50,
    orders: Orders = 100,
    errors: Errors = 0.0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the venue's market and faults.", **whole(0))] = 7,
    json: Json = False,
) -> None:
    """Open positions and orders on a venue of its own, trip the emergency stop, and time it until proven flat."""
    from qt_ray.jobs.drill import Scene, drilling

    note("drilling on a paper venue of its own: no account of yours is touched, and its latch stays as it is")

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
    rows = {step: _spread([getattr(laps, step) for laps in found]) for step in STEPS}
    if json:
        scene = {"positions": positions, "orders": orders, "errors": errors}
        emit("qt.drill/3", {"runs": runs, **scene, "after_trip": rows})
        return
    say(f"{runs} emergencies, each with {positions} positions, their stops and {orders} orders; {_weather(errors)}")
    _show(rows, runs)
    say("each ended flat: no position and no order was left when the venue was asked again")


def _spread(values: list[int | None]) -> dict[str, int | None]:
    """Return p50, p99 and max by rank, so that each is a time that was measured."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return {"p50": None, "p99": None, "max": None}
    return {"p50": known[_rank(50, known)], "p99": known[_rank(99, known)], "max": known[-1]}


def _rank(percent: int, known: list[int]) -> int:
    return max(-(-percent * len(known) // 100) - 1, 0)


def _weather(errors: float) -> str:
    return f"{errors:.0%} of all answers were a 5xx, half of those after the deed" if errors else "no answer was lost"


def _show(rows: dict[str, dict[str, int | None]], runs: int) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("ms after the trip")
    shown = {"p50": "median", **({"p99": "p99"} if runs >= P99_RUNS_MIN else {}), "max": "worst"}
    for name in shown.values():
        table.add_column(name, justify="right")
    for step, spread in rows.items():
        table.add_row(STEPS[step], *(_ms(spread[name]) for name in shown))
    console().print(table)


def _ms(us: int | None) -> str:
    return "-" if us is None else f"{us / 1_000:.1f}"
