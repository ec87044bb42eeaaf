"""`qt train`: an ensemble from bars, judged on bars it has not seen, into the registry."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qt_ray.cli.config import Assignments, Json, assigned
from qt_ray.cli.screen import emit, note, progress, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qt_ray.jobs.training.train import Trained

Profile = Annotated[str, typer.Option("--profile", "-p", envvar="QT_PROFILE", help="File of configs to use.")]
Members = Annotated[str | None, typer.Option("--members", "-m", help="Kinds to train, between commas.")]
Here = Annotated[bool, typer.Option("--here", help="Train in this process, one after the other, without Ray.")]
Tune = Annotated[int, typer.Option("--tune", min=0, help="Try so many sets of numbers for each member first.")]
Activate = Annotated[bool, typer.Option("--activate", help="Make it the champion at once; --reason says why.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why it becomes the champion.")]


def train(
    profile: Profile = "champion",
    assignments: Assignments = None,
    members: Members = None,
    here: Here = False,
    tune: Tune = 0,
    activate: Activate = False,
    reason: Reason = None,
    json: Json = False,
) -> None:
    """Train, calibrate, judge and register an ensemble; an interrupted training goes on where it was."""
    if activate and not (reason or "").strip():
        raise typer.BadParameter("a champion is made with a --reason", param_hint="--activate")
    from qt_ray.adapters.config import load
    from qt_ray.jobs.training.train import train as run

    flags = assigned(assignments)
    if members is not None:
        flags["train.members"] = members
    loaded = load(profile, flags, os.environ)
    with progress() as bars:
        tasks: dict[str, Any] = {}

        def told(kind: str, done: int, total: int, loss: float) -> None:
            if kind not in tasks:
                tasks[kind] = bars.add_task(kind, total=total)
            bars.update(tasks[kind], completed=done, total=total, description=f"{kind} {loss:.5f}")

        trained = run(loaded.settings, on_ray=not here, tune=tune, told=told, say=note)
    if activate:
        trained.activate(reason or "")
    if json:
        emit("qt.train/1", trained.plain())
        return
    for line in _lines(trained):
        say(line)


def _lines(trained: "Trained") -> "Iterator[str]":
    yield f"version    {trained.version}"
    yield f"status     {trained.status}"
    for name, version in trained.members.items():
        yield f"{name:<10} {version}"
    for name, value in trained.metrics.items():
        yield f"{name:<32} {value:.6g}"
