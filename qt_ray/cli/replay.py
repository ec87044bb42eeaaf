"""`qt replay`: run a recorded run again, digest by digest, or say why one of its decisions was made.

A replay computes: it takes no forecast from a cache, because what was kept proves nothing about what would be said.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qt_ray.cli.backtest import Workers, simulated
from qt_ray.cli.config import Json, Profile
from qt_ray.cli.numbers import whole
from qt_ray.cli.replay_live import is_decision, journal_of, replay_all, replay_one
from qt_ray.cli.replay_views import rules_shown, say_rule
from qt_ray.cli.screen import emit, say

if TYPE_CHECKING:
    from qt_ray.adapters.run_files import Recorded
    from qt_ray.ai.forecast import Predictor

EXIT_CHECK_FAILED = 6
What = Annotated[str | None, typer.Argument(metavar="[RUN|DECISION]", help="A run's folder, or a decision's id.")]


def replay(
    run: What = None,
    at: Annotated[int | None, typer.Option("--at", help="Explain the decision of this cycle.", **whole(0))] = None,
    symbol: Annotated[str | None, typer.Option("--symbol", help="And of this symbol.")] = None,
    workers: Workers = None,
    live_all: Annotated[bool, typer.Option("--live-all", help="Make all decisions of a desk's journal again.")] = False,
    journal: Annotated[Path | None, typer.Option("--journal", help="Folder of a desk's journal, or a copy.")] = None,
    profile: Profile = "paper",
    json: Json = False,
) -> None:
    """Run a recorded run again, or decisions of a running fund, and compare every digest or explain one decision."""
    if (at is None) != (symbol is None):
        raise typer.BadParameter("--at and --symbol come together", param_hint="--at")
    if live_all:
        replay_all(journal_of(journal, profile), json)
    elif run is None:
        raise typer.BadParameter("the folder of a run, the id of a decision, or --live-all", param_hint="RUN")
    elif is_decision(run):
        replay_one(journal_of(journal, profile), run, json)
    elif at is not None and symbol is not None:
        _explain(Path(run), at, symbol, json)
    else:
        _replay(Path(run), workers or 1, json)


def _replay(folder: Path, workers: int, json: bool) -> None:
    from qt_ray.adapters.run_files import open_run
    from qt_ray.engine.replay import differences
    from qt_ray.jobs.recorded import recorded_material

    recorded = open_run(folder).checked()
    again = simulated(recorded_material(recorded), workers)
    found = differences(recorded.digests, again, recorded.rows)
    if json:
        emit("qt.replay/1", {"run": folder, "same": not found, "differences": found, "digests": again.digests})
    for name, digest in recorded.digests.items():
        line = next((d for d in found if d.name == name), None)
        row = "" if line is None or line.row is None else f", first at row {line.row}"
        if not json:
            say(f"{name:<10} {digest[:16]}  {'same' if line is None else 'DIFFERS: ' + line.replayed[:16] + row}")
    if found:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _explain(folder: Path, at: int, symbol: str, json: bool) -> None:
    from qt_ray.adapters.run_files import open_run
    from qt_ray.engine.replay import replay_decision
    from qt_ray.jobs.recorded import recorded_material

    recorded = open_run(folder)
    decisions = recorded.rows("decisions")
    made = recorded_material(recorded)
    predictor = made.recipe.predictor(made.bars)
    answer = replay_decision(made.setup, made.bars, predictor, at, symbol)
    row = decisions[at, made.bars.symbols.index(symbol)]
    same = row.tobytes() == answer.row.tobytes()
    told = {
        "cycle": at,
        "symbol": symbol,
        "same_as_recorded": same,
        "decision": {name: row[name].item() for name in row.dtype.names},
        "question": answer.ask,
        "rules": rules_shown(answer.rules),
        "votes": _votes(recorded, predictor, at, symbol),
    }
    if json:
        emit("qt.decision/1", told)
    else:
        _show_answer(told)
    if not same:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _votes(recorded: "Recorded", predictor: "Predictor", at: int, symbol: str) -> list[dict[str, Any]]:
    """Return what every member said of a bar, as it was written down; a predictor without members has no votes."""
    from qt_ray.ai.ensemble.ensemble import Ensemble
    from qt_ray.ai.members.member import Silence

    ballot = recorded.ballot
    if ballot is None or not isinstance(predictor, Ensemble):
        return []
    votes = ballot.votes[at, recorded.symbols.index(symbol)]
    return [
        {
            "kind": seat.kind,
            "version": seat.version,
            **{name: float(vote[name]) for name in ("raw", "calibrated", "weight")},
            "silence": Silence(int(vote["silence"])).name.lower(),
        }
        for seat, vote in zip(predictor.placed, votes, strict=True)
    ]


def _show_answer(told: dict[str, Any]) -> None:
    decision = told["decision"]
    say(f"cycle {told['cycle']} {told['symbol']}: wished {decision['wish']}, granted {decision['granted']} steps")
    say(f"score {decision['score']:.4f}, confidence {decision['confidence']:.4f}")
    say("same as recorded" if told["same_as_recorded"] else "DIFFERS from what was recorded")
    for vote in told["votes"]:
        _show_vote(vote)
    for rule in told["rules"]:
        say_rule(rule)


def _show_vote(vote: dict[str, Any]) -> None:
    who = f"   {vote['kind']:<9} {vote['version'][:12]}"
    if vote["silence"] != "spoke":
        say(f"{who}  silent: {vote['silence'].replace('_', ' ')}")
        return
    say(f"{who}  raw {vote['raw']:.4f}  calibrated {vote['calibrated']:.4f}  weight {vote['weight']:.3f}")
