"""`qt demo|backtest|report|sweep`: run a fund over bars, and show what came of it."""

import os
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qt_ray.cli.config import Assignments, Json, Models, Profile, assigned, of_models
from qt_ray.cli.numbers import whole
from qt_ray.cli.screen import emit, note, progress, say
from qt_ray.core.moments import rfc3339

if TYPE_CHECKING:
    from qt_ray.adapters.config import Loaded
    from qt_ray.adapters.forecast_cache import ForecastCache
    from qt_ray.engine.run import Run
    from qt_ray.jobs.backtest import Result
    from qt_ray.jobs.fund import Material

DEMO = {
    "data.source": "synthetic",
    "market.symbols": "BTCUSDT,ETHUSDT,SOLUSDT,XRPUSDT,DOGEUSDT",
    "market.interval": "1h",
    "exits.kind": "dynamic",
    "fund.name": "demo",
}

Out = Annotated[Path | None, typer.Option("--out", "-o", help="Folder of the run; default runs/NAME.")]
Page = Annotated[Path | None, typer.Option("--out", "-o", help="File of the page; default RUN/report.html.")]
Folder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
Workers = Annotated[int | None, typer.Option("--workers", "-w", help="Processes; changes no digest.", **whole(1))]


def demo(assignments: Assignments = None, out: Out = None, json: Json = False) -> None:
    """Backtest a fund on a seeded synthetic market with a planted edge, and write its report."""
    _backtest("backtest", {**DEMO, **assigned(assignments)}, out, None, json)


def backtest(
    profile: Profile = "backtest",
    assignments: Assignments = None,
    models: Models = None,
    out: Out = None,
    workers: Workers = None,
    json: Json = False,
) -> None:
    """Run the fund over bars of the catalogue, record the run and write its report."""
    _backtest(profile, {**assigned(assignments), **of_models(models)}, out, workers, json)


def _backtest(profile: str, flags: dict[str, Any], out: Path | None, workers: int | None, json: bool) -> None:
    from qt_ray.adapters.config import load
    from qt_ray.adapters.run_files import check_place, save_run
    from qt_ray.jobs.recorded import settings_of

    loaded = load(profile, flags, os.environ)
    folder = out or Path(loaded.settings.run.out) / loaded.settings.fund.name
    check_place(folder)
    result = _run(loaded, workers)
    save_run(folder, result.run, settings_of(loaded), result.summary)
    page = result.report(folder / "report.html", title_of(loaded))
    if json:
        emit("qt.backtest/1", {"run": folder, "report": page, **result.summary})
        return
    show(result.summary)
    note(f"report  {page}")
    note(f"replay  qt replay {folder}")


def _run(loaded: "Loaded", workers: int | None) -> "Result":
    from qt_ray.adapters.forecast_cache import ForecastCache
    from qt_ray.jobs.backtest import Result
    from qt_ray.jobs.fund import material

    note("reading bars")
    asked, made = loaded.settings.run, material(loaded)
    cache = None if asked.cache is None else ForecastCache(Path(asked.cache))
    until = made.recipe.learned_until_ms()
    if until is not None and made.bars.ts[0] < until:
        note(f"the models learned from bars up to {rfc3339(until)}: what comes of those proves nothing")
    return Result(simulated(made, workers or asked.workers, asked.block_bars, cache))


def simulated(
    made: "Material", workers: int = 1, block_bars: int = 4_096, cache: "ForecastCache | None" = None
) -> "Run":
    """Run `made` under a progress bar; with a cache, forecasts of models that were made before are not made again."""
    from qt_ray.jobs.backtest import run_material

    note(f"running {len(made.bars)} bars of {', '.join(made.bars.symbols)} (the first run compiles, about a minute)")
    with progress() as bars:
        task = bars.add_task("bars", total=len(made.bars))
        return run_material(made, workers, block_bars, lambda done: bars.advance(task, done), cache)


def title_of(loaded: "Loaded") -> str:
    """Return the title of a fund's page."""
    settings = loaded.settings
    source = "synthetic market" if settings.data.source == "synthetic" else settings.market.venue
    return f"{settings.fund.name}: {settings.predictor.kind} on {source}, {settings.market.interval}"


def show(summary: dict[str, Any]) -> None:
    """Write a run's numbers as lines that `grep` likes."""
    period, reward, trips, costs = (summary[name] for name in ("period", "reward", "trips", "costs"))
    held = summary["buy_and_hold"] or {}
    lines = {
        "period": f"{period['start']} to {period['end']}, {period['bars']} bars",
        "symbols": " ".join(summary["symbols"]),
        "equity": f"{_cents(summary['initial'])} to {_cents(summary['final'])}",
        "return": f"{_share(reward['total'])} (buy and hold {_share(held.get('total'))})",
        "sharpe": f"{_plain(reward['sharpe'])} ({_plain(reward['sharpe_low'])} to {_plain(reward['sharpe_high'])})",
        "drawdown": _share(reward["drawdown"]),
        "trips": f"{trips['count']}, won {_share(trips['win_rate'])}",
        "result": ", ".join(
            f"{name} {_cents(costs[name])}" for name in ("gross", "fees", "funding", "slippage", "net")
        ),
        "stops": "; ".join(f"{e['trigger']} at {e['at']}" for e in summary["emergencies"]) or "none",
        "decisions": summary["digests"]["decisions"],
        "fills": summary["digests"]["fills"],
    }
    for name, value in lines.items():
        say(f"{name:<10} {value}")


def _cents(amount: str | None) -> str:
    return "n/a" if amount is None else f"{Decimal(amount).quantize(Decimal('0.01'), ROUND_HALF_UP):,}"


def _share(value: float | None) -> str:
    return "n/a" if value is None else f"{100 * value:+.2f} %"


def _plain(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"


def report(run: Folder, out: Page = None, json: Json = False) -> None:
    """Show a run's numbers, and write its page again."""
    from qt_ray.adapters.run_files import check_place, open_run
    from qt_ray.jobs.backtest import Result
    from qt_ray.jobs.recorded import recorded_run

    recorded, page = open_run(run), out or run / "report.html"
    check_place(page.parent)
    if page.is_dir():
        raise typer.BadParameter(f"the page is a file, {page} is a folder", param_hint="--out")
    result = Result(recorded_run(recorded))
    result.report(page, f"{run.absolute().name}: report")
    if json:
        emit("qt.report/1", {"run": run, "report": page, **result.summary})
        return
    show(result.summary)
    note(f"report  {page}")


def sweep(
    axes: Annotated[list[str], typer.Argument(metavar="KEY=A,B,C...", help="Settings to try, every combination.")],
    profile: Profile = "backtest",
    assignments: Assignments = None,
    models: Models = None,
    workers: Workers = None,
    json: Json = False,
) -> None:
    """Backtest every combination of some settings; bars and forecasts are shared."""
    from qt_ray.adapters.config import find_root, load
    from qt_ray.jobs.sweep import Plan, grid
    from qt_ray.jobs.sweep import sweep as run_sweep

    plan = Plan(profile, {**assigned(assignments), **of_models(models)}, dict(os.environ), find_root())
    points = grid(axes)
    note(f"{len(points)} points")
    busy = workers or load(profile, plan.flags, os.environ).settings.run.workers
    outcomes = list(run_sweep(plan, points, busy))
    if json:
        emit("qt.sweep/1", {"points": [{"settings": o.point.settings, **o.summary} for o in outcomes]})
        return
    for outcome in outcomes:
        reward = outcome.summary["reward"]
        told = " ".join(f"{key}={value}" for key, value in outcome.point.settings.items())
        numbers = f"{_share(reward['total'])} sharpe {_plain(reward['sharpe'])}"
        say(f"{outcome.summary['final']:>20} {numbers}  {told}")
    note(f"{len(outcomes)} trials: the best of many is worth less than it looks")
