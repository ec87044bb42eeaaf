"""`qt models`: what is served, what could be, how they differ, and the few words that change it.

Reading checks every byte before it shows a line of it. Whoever changes what is served says why; it is kept.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qt_ray.cli.screen import emit, fault, note, say

if TYPE_CHECKING:
    from qt_ray.ai.model_status import ModelSignal
    from qt_ray.ai.succession import Entry

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)

EXIT_CHECK_FAILED = 6

Root = Annotated[
    Path | None,
    typer.Option("--root", help="Folder of the registry: models here, else the one beside the program."),
]
Model = Annotated[str, typer.Argument(metavar="WORD", help="champion, a name, a version or its first digits.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept for good.")]
By = Annotated[str, typer.Option("--by", envvar="USER", help="Who says so.")]
Json = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]


@app.command("list")
def list_(root: Root = None, json: Json = False) -> None:
    """List every version with its status."""
    from qt_ray.adapters.models.registry import find_registry
    from qt_ray.cli.model_views import listed, print_list

    registry = find_registry(root)
    succession = registry.succession()
    rows = [listed(registry, entry) for entry in succession.entries]
    if json:
        emit("qt.models/1", {"root": registry.root, "revision": succession.revision, "entries": rows})
    elif rows:
        print_list(rows)
    else:
        note(f"the registry {registry.root} is empty")
    flaws = [row["flaw"] for row in rows if row["flaw"]]
    for flaw in flaws:
        fault(flaw)
    raise typer.Exit(EXIT_CHECK_FAILED if flaws else 0)


@app.command()
def show(word: Model, root: Root = None, json: Json = False) -> None:
    """Show a version: its manifest, what became of it, and whether its bytes are whole."""
    from qt_ray.adapters.models.registry import find_registry
    from qt_ray.cli.model_views import model_lines, model_plain

    registry = find_registry(root)
    entry = registry.entry(registry.resolve(word))
    manifest, flaws = registry.manifest(entry.version), registry.flaws(entry.version)
    if json:
        emit("qt.model/1", model_plain(entry, manifest, flaws))
    else:
        for line in model_lines(entry, manifest, flaws):
            say(line)
    raise typer.Exit(EXIT_CHECK_FAILED if flaws else 0)


@app.command()
def card(word: Model, root: Root = None) -> None:
    """Write the card of an ensemble: what it learned from, how good it was found, and what is not known."""
    from qt_ray.adapters.models.cards import card_of
    from qt_ray.adapters.models.registry import find_registry

    registry = find_registry(root)
    say(card_of(registry, registry.resolve(word)).rstrip())


@app.command()
def diff(before: Model, after: Model, root: Root = None, json: Json = False) -> None:
    """Show in what two versions differ, key by key."""
    from qt_ray.adapters.models.registry import find_registry
    from qt_ray.cli.model_views import difference_line, differences

    registry = find_registry(root)
    versions = registry.resolve(before), registry.resolve(after)
    found = differences(*(registry.manifest(version) for version in versions))
    if json:
        rows = [{"key": key, "before": old, "after": new} for key, old, new in found]
        emit("qt.models.diff/1", {"before": versions[0], "after": versions[1], "differences": rows})
        return
    for difference in found:
        say(difference_line(*difference))
    if not found:
        note("the same version")


@app.command()
def verify(root: Root = None, json: Json = False) -> None:
    """Read every byte the registry speaks of; exit 6 when one is not what it was."""
    from qt_ray.adapters.models.registry import find_registry

    registry = find_registry(root)
    flaws = registry.verify()
    if json:
        emit("qt.models.verify/1", {"root": registry.root, "whole": not flaws, "flaws": flaws})
    else:
        for line in flaws or [f"{registry.root}: {len(registry.entries())} versions, every byte is what it was"]:
            say(line)
    raise typer.Exit(EXIT_CHECK_FAILED if flaws else 0)


@app.command()
def shadow(word: Model, reason: Reason, by: By, root: Root = None) -> None:
    """Let a candidate forecast beside what serves, without being obeyed."""
    from qt_ray.ai.model_status import ModelSignal

    _advance(root, word, ModelSignal.SHADOW, by, reason)


@app.command()
def promote(word: Model, reason: Reason, by: By, root: Root = None) -> None:
    """Let a version serve in place of the one that does; one that has served before serves again."""
    from qt_ray.adapters.models.assembly import prove
    from qt_ray.adapters.models.manifest import Kind
    from qt_ray.adapters.models.registry import find_registry
    from qt_ray.ai.model_status import ModelSignal, ModelStatus

    registry = find_registry(root)
    version = registry.resolve(word)
    if registry.manifest(version).kind is Kind.ENSEMBLE:
        prove(registry, version)
    retired = registry.entry(version).status is ModelStatus.RETIRED
    _advance(root, word, ModelSignal.RESTORE if retired else ModelSignal.PROMOTE, by, reason)


@app.command()
def rollback(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name that is served, such as ensemble.")],
    reason: Reason,
    by: By,
    root: Root = None,
) -> None:
    """Let the version serve again that was replaced last."""
    from qt_ray.adapters.clock import now_ms
    from qt_ray.adapters.models.registry import find_registry

    _say_status(find_registry(root).rollback(name, by, reason, now_ms()))


def _advance(root: Path | None, word: str, signal: "ModelSignal", by: str, reason: str) -> None:
    from qt_ray.adapters.clock import now_ms
    from qt_ray.adapters.models.registry import find_registry

    registry = find_registry(root)
    _say_status(registry.advance(registry.resolve(word), signal, by, reason, now_ms()))


def _say_status(entry: "Entry") -> None:
    say(f"{entry.name} {entry.version[:12]} {entry.status}")
