"""`qt data`: bring market data in, judge it, list it.

Files are taken one by one: what is wrong with one is said in one line and does not stop the others, and the
worst of them decides the exit code.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qt_ray.cli.data_views import (
    checked_plain,
    import_line,
    imported_plain,
    print_table,
    series_plain,
    show_check,
    table_of,
)
from qt_ray.cli.screen import emit, fault, note, progress, say
from qt_ray.core.moments import rfc3339

if TYPE_CHECKING:
    from qt_ray.adapters.file_names import Hints
    from qt_ray.adapters.intake import Checked
    from qt_ray.adapters.table_times import TimeUnit
    from qt_ray.core.instruments import Instrument

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)

EXIT_CHECK_FAILED = 6
ENDINGS = (".parquet", ".pq", ".feather", ".arrow", ".csv", ".gz")

Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders of files.")]
Root = Annotated[Path, typer.Option("--root", envvar="QT_DATA_ROOT", help="Folder of the catalogue.")]
Venue = Annotated[str | None, typer.Option("--venue", help="Venue, where the file name does not tell.")]
Symbol = Annotated[str | None, typer.Option("--symbol", help="Symbol, where the file name does not tell.")]
Interval = Annotated[str | None, typer.Option("--interval", help="Interval of the bars, such as 1m or 4h.")]
Kind = Annotated[str | None, typer.Option("--kind", help="ohlcv, mark, index, funding or trades.")]
Unit = Annotated[
    str,
    typer.Option("--time-unit", help="auto, s, ms, us, ns; auto-rows judges each row of a file that mixes them."),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]


@app.command("import")
def import_(
    paths: Paths,
    root: Root = Path("data"),
    venue: Venue = None,
    symbol: Symbol = None,
    interval: Interval = None,
    kind: Kind = None,
    time_unit: Unit = "auto",
    json: Json = False,
) -> None:
    """Put files through the quality gate and into the catalogue."""
    from qt_ray.adapters.catalog import Catalog
    from qt_ray.adapters.intake import bring_in

    flags, unit = _flags(venue, symbol, interval, kind), _unit(time_unit)
    catalog = Catalog(root)
    results, code = _each(paths, "import", lambda path: bring_in(catalog, path, flags, unit))
    if json:
        emit(
            "qt.data.import/1",
            {"root": root, "files": [imported_plain(path, result) for path, result in results]},
        )
    else:
        for path, result in results:
            if isinstance(result, str):
                continue
            say(import_line(path, result))
    raise typer.Exit(code)


@app.command()
def check(
    paths: Paths,
    symbol: Symbol = None,
    venue: Venue = None,
    interval: Interval = None,
    kind: Kind = None,
    time_unit: Unit = "auto",
    json: Json = False,
) -> None:
    """Judge files without importing them; exit 6 when a row is quarantined or doubted."""
    from qt_ray.adapters.intake import check as judge

    flags, unit = _flags(venue, symbol, interval, kind), _unit(time_unit)

    def one(path: Path) -> "Checked":
        instrument = _instrument(path, flags)
        tick, step = (float(instrument.tick), float(instrument.step)) if instrument else (None, None)
        return judge(path, flags, unit, tick, step)

    results, code = _each(paths, "check", one)
    failed = any(not isinstance(result, str) and not result.report.passed for _, result in results)
    code = max(code, EXIT_CHECK_FAILED) if failed else code
    if json:
        emit("qt.data.check/1", {"passed": code == 0, "files": [checked_plain(path, r) for path, r in results]})
    else:
        for path, result in results:
            if not isinstance(result, str):
                show_check(path, result)
    raise typer.Exit(code)


@app.command()
def ls(root: Root = Path("data"), json: Json = False) -> None:
    """List what the catalogue holds."""
    from qt_ray.adapters.catalog import Catalog

    found = Catalog(root).ls()
    if json:
        emit("qt.data.ls/1", {"root": root, "series": [series_plain(series) for series in found]})
        return
    if not found:
        note(f"the catalogue {root} is empty; qt data import fills it")
        return
    table = table_of("venue", "symbol", "series", "rows", "from", "to", "files", "size", "digest")
    for series in found:
        key = series.key
        table.add_row(
            key.venue,
            key.symbol,
            key.file.stem,
            f"{series.rows:,}",
            rfc3339(series.start_ts)[:16],
            rfc3339(series.end_ts)[:16],
            str(len(series.sources)),
            f"{series.bytes / 1024:,.0f} kB",
            series.digest[:12],
        )
    print_table(table)


def _each(paths: list[Path], doing: str, work: Callable[[Path], Any]) -> tuple[list[tuple[Path, Any]], int]:
    """Do the work for each file; return the results, an error's line in place of one, and the exit code."""
    from qt_ray.adapters.file_names import Unstored
    from qt_ray.core.errors import Invalid

    results: list[tuple[Path, Any]] = []
    code = 0
    files = list(_files(paths))
    with progress() as bars:
        task = bars.add_task(doing, total=len(files))
        for path in files:
            try:
                results.append((path, work(path)))
            except Unstored as skipped:
                results.append((path, str(skipped)))
                note(f"skipped: {skipped}")
            except Invalid as error:
                results.append((path, str(error)))
                code = max(code, error.exit_code)
                fault(str(error))
            bars.advance(task)
    done = any(not isinstance(result, str) for _, result in results)
    return results, code if done or code else EXIT_CHECK_FAILED


def _files(paths: list[Path]) -> Iterator[Path]:
    """Yield the files named, and those of known form in the folders named."""
    from qt_ray.core.errors import InvalidConfig

    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(child for child in path.iterdir() if child.name.lower().endswith(ENDINGS))
        if not inside:
            raise InvalidConfig(f"{path}: a folder holds csv, parquet or feather files, this one holds none")
        yield from inside


def _flags(venue: str | None, symbol: str | None, interval: str | None, kind: str | None) -> "Hints":
    from qt_ray.adapters.file_names import Hints, interval_ms, kind_of
    from qt_ray.core.errors import Invalid, InvalidConfig

    try:
        return Hints(
            venue,
            symbol,
            kind_of(kind, "--kind") if kind else None,
            interval_ms(interval) if interval else None,
        )
    except Invalid as error:
        raise InvalidConfig(str(error)) from None


def _unit(text: str) -> "TimeUnit":
    from qt_ray.adapters.table_times import TimeUnit
    from qt_ray.core.errors import InvalidConfig

    if text not in tuple(TimeUnit):
        raise InvalidConfig(f"--time-unit: one of {', '.join(TimeUnit)}, was {text!r}")
    return TimeUnit(text)


def _instrument(path: Path, flags: "Hints") -> "Instrument | None":
    """Return the filters a file of that name should obey, if they are known."""
    from qt_ray.adapters.file_names import Kind as Kinds
    from qt_ray.adapters.file_names import hints
    from qt_ray.adapters.instruments import load_instruments, venue_of

    named = flags.over(hints(path))
    if named.venue not in (None, venue_of()) or named.kind not in (None, Kinds.OHLCV):
        return None
    return load_instruments().get(named.symbol or "")
