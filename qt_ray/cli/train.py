"""`qt train`: an ensemble from bars, judged on bars it has not seen, into the registry."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qt_ray.cli.config import Assignments, Json, assigned
from qt_ray.cli.models import Root
from qt_ray.cli.screen import emit, note, progress, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qt_ray.adapters.models.learner import Progress
    from qt_ray.jobs.training.train import Trained

Profile = Annotated[str, typer.Option("--profile", "-p", envvar="QT_PROFILE", help="File of configs to use.")]
Members = Annotated[str | None, typer.Option("--members", "-m", help="Kinds to train, between commas.")]
Here = Annotated[bool, typer.Option("--here", help="Train in this process, one after the other, without Ray.")]
Tune = Annotated[int, typer.Option("--tune", min=0, help="Try so many sets of numbers for each member first.")]
Activate = Annotated[bool, typer.Option("--activate", help="Make it the champion at once; --reason says why.")]
Reason = Annotated[str, typer.Option("--reason", help="Why it becomes the champion.")]
By = Annotated[str, typer.Option("--by", envvar="USER", help="Who trains.")]


def train(
    profile: Profile = "champion",
    assignments: Assignments = None,
    members: Members = None,
    root: Root = None,
    here: Here = False,
    tune: Tune = 0,
    activate: Activate = False,
    reason: Reason = "",
    by: By = "train",
    json: Json = False,
) -> None:
    """Train, calibrate, judge and register an ensemble; an interrupted training goes on where it was."""
    if activate and not reason.strip():
        raise typer.BadParameter("a champion is made with a --reason", param_hint="--activate")
    from qt_ray.adapters.config import load
    from qt_ray.adapters.models.registry import find_registry
    from qt_ray.jobs.training.train import train as run
    from qt_ray.jobs.training.tune import tuned

    flags = assigned(assignments)
    if members is not None:
        flags["train.members"] = members
    loaded = load(profile, flags, os.environ)
    with progress() as bars:
        tasks: dict[str, Any] = {}

        def told(kind: str, at: "Progress") -> None:
            if kind not in tasks:
                tasks[kind] = bars.add_task(kind)
            bars.update(tasks[kind], completed=at.done, total=at.total, description=f"{kind} {at.loss:.5f}")

        if tune:
            loaded = tuned(loaded, tune, not here, told, note)
        trained = run(loaded, find_registry(root), not here, by, told, note)
    if activate:
        trained.activate(by, reason)
    if json:
        emit("qt.train/1", trained.plain())
        return
    for line in _lines(trained):
        say(line)


def _lines(trained: "Trained") -> "Iterator[str]":
    told = trained.plain()
    yield f"version    {told['version']}"
    yield f"status     {told['status']}"
    for name, version in told["members"].items():
        yield f"{name:<10} {version}"
    for name, value in told["metrics"].items():
        yield f"{name:<36} {value:.6g}"
