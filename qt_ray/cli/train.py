"""`qt train`: an ensemble from bars, judged on bars it has not seen, into the registry; or a version checked."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qt_ray.cli.config import Assignments, Json, assigned
from qt_ray.cli.models import EXIT_CHECK_FAILED, Root
from qt_ray.cli.numbers import whole
from qt_ray.cli.screen import emit, note, progress, say

if TYPE_CHECKING:
    from qt_ray.adapters.config import Loaded
    from qt_ray.adapters.models.learner import Progress
    from qt_ray.jobs.training.train import Trained

Told = Callable[[str, "Progress"], None]

Profile = Annotated[str, typer.Option("--profile", "-p", envvar="QT_PROFILE", help="File of configs to use.")]
Members = Annotated[str | None, typer.Option("--members", "-m", help="Kinds to train, between commas.")]
Here = Annotated[bool, typer.Option("--here", help="Train in this process, one after the other, without Ray.")]
Tune = Annotated[int, typer.Option("--tune", help="Try so many sets of numbers for each member first.", **whole(0))]
Activate = Annotated[bool, typer.Option("--activate", help="Make it the champion at once; --reason says why.")]
Reason = Annotated[str, typer.Option("--reason", help="Why it becomes the champion.")]
By = Annotated[str, typer.Option("--by", envvar="USER", help="Who trains.")]
Check = Annotated[
    str | None,
    typer.Option("--check", metavar="WORD", help="Train this version again beside the registry, and compare; exit 6."),
]


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
    check: Check = None,
    json: Json = False,
) -> None:
    """Train, calibrate, judge and register an ensemble; an interrupted training goes on where it was."""
    if activate and not reason.strip():
        raise typer.BadParameter("a champion is made with a --reason", param_hint="--activate")
    if check is not None and (tune or activate):
        raise typer.BadParameter("a check changes nothing, --tune and --activate do", param_hint="--check")
    from qt_ray.adapters.config import load

    flags = assigned(assignments)
    if members is not None:
        flags["train.members"] = members
    loaded = load(profile, flags, os.environ)
    if check is not None:
        _check(loaded, root, check, here, json)
        return
    trained = _trained(loaded, root, here, tune, by)
    if activate:
        trained.activate(by, reason)
    if json:
        emit("qt.train/1", trained.plain())
        return
    for line in _lines(trained):
        say(line)


def _trained(loaded: "Loaded", root: Path | None, here: bool, tune: int, by: str) -> "Trained":
    from qt_ray.adapters.models.registry import find_registry
    from qt_ray.jobs.training.train import train as run
    from qt_ray.jobs.training.tune import tuned

    with _telling() as told:
        if tune:
            loaded = tuned(loaded, tune, not here, told, note)
        return run(loaded, find_registry(root), not here, by, told, note)


def _check(loaded: "Loaded", root: Path | None, word: str, here: bool, json: bool) -> None:
    from qt_ray.adapters.models.registry import find_registry
    from qt_ray.jobs.training.check import check

    with _telling() as told:
        found = check(loaded, find_registry(root), word, not here, told, note)
    if json:
        emit("qt.train.check/1", {"same": all(one.same for one in found), "comparisons": found})
    else:
        for one in found:
            say(f"{one.name:<28} {one.was[:16]:<16}  {'same' if one.same else f'DIFFERS: {one.now[:16]}'}")
    if not all(one.same for one in found):
        raise typer.Exit(EXIT_CHECK_FAILED)


@contextmanager
def _telling() -> Iterator[Told]:
    """Yield what draws a bar for every kind that is being trained."""
    with progress() as bars:
        tasks: dict[str, Any] = {}

        def told(kind: str, at: "Progress") -> None:
            if kind not in tasks:
                tasks[kind] = bars.add_task(kind)
            bars.update(tasks[kind], completed=at.done, total=at.total, description=f"{kind} {at.loss:.5f}")

        yield told


def _lines(trained: "Trained") -> Iterator[str]:
    told = trained.plain()
    yield f"version    {told['version']}"
    yield f"status     {told['status']}"
    for name, version in told["members"].items():
        yield f"{name:<10} {version}"
    for name, value in told["metrics"].items():
        yield f"{name:<36} {value:.6g}"
