"""`qt replay` of a running fund's decisions: from the desk's journal, or a copy of it, bit for bit.

It reads only. A desk that decides meanwhile is not disturbed, and what it writes at that moment is not waited for.
"""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from qt_ray.cli.replay_views import rules_shown, say_rule
from qt_ray.cli.screen import emit, say
from qt_ray.core.errors import Invalid
from qt_ray.core.moments import rfc3339

if TYPE_CHECKING:
    from qt_ray.engine.desk_replay import Retold

EXIT_CHECK_FAILED = 6
DECISION_ID = re.compile(r"[0-9a-hj-km-np-tv-z]{20}")


def is_decision(word: str) -> bool:
    """Return whether a word is a decision's name and not a folder."""
    return DECISION_ID.fullmatch(word) is not None and not Path(word).exists()


def journal_of(journal: Path | None, profile: str) -> Path:
    """Return the folder that was named, or that of the account's newest desk."""
    if journal is not None:
        return journal
    from qt_ray.adapters.config import load
    from qt_ray.adapters.trading.places import places_of

    places = places_of(load(profile, {}, os.environ).settings)
    desks = [places.desk, *places.folder.glob("lives/*/desk")]
    known = [folder for folder in desks if any(folder.glob("segment-*.qtj"))]
    if not known:
        raise Invalid(f"{places.folder}: an account with a desk's journal below it, had none; name one with --journal")
    return max(known, key=lambda folder: max(path.stat().st_mtime for path in folder.glob("segment-*.qtj")))


def replay_all(folder: Path, json: bool) -> None:
    """Make every decision of a journal again."""
    from qt_ray.adapters.desk_journal import entries_in
    from qt_ray.engine.desk_replay import retold

    count, orders = 0, 0
    differing: list[Retold] = []
    for again in retold(entries_in(folder)):
        count, orders = count + 1, orders + len(again.errands.place)
        differing += [] if again.is_same else [again]
    told: dict[str, Any] = {"journal": folder, "decisions": count, "orders": orders, "same": not differing}
    if differing:
        told["first_difference"] = _difference(differing[0])
    if json:
        emit("qt.replay_live/1", told)
    else:
        say(f"{count} decisions and {orders} orders of {folder}: {'all the same' if not differing else 'DIFFER'}")
        for name, value in told.get("first_difference", {}).items():
            say(f"  {name:<10} {value}")
    if differing:
        raise typer.Exit(EXIT_CHECK_FAILED)


def replay_one(folder: Path, decision_id: str, json: bool) -> None:
    """Make one decision again, and say why it was made."""
    from qt_ray.adapters.desk_journal import entries_in
    from qt_ray.engine.desk_replay import retold, why

    for again in retold(entries_in(folder)):
        symbol = again.symbol_of(decision_id)
        if symbol is not None:
            _show(_told(again, why(again, symbol), decision_id), json)
            if not again.is_same:
                raise typer.Exit(EXIT_CHECK_FAILED)
            return
    raise Invalid(f"{folder}: a decision of this journal, {decision_id} was not")


def _told(again: "Retold", answer: Any, decision_id: str) -> dict[str, Any]:
    thought, row = again.entry.thought, answer.row
    return {
        "decision_id": decision_id,
        "symbol": answer.symbol,
        "closed_at": rfc3339(again.stamp.cycle_ms),
        "same_as_recorded": again.is_same,
        "digest": again.entry.digest,
        "decision": {name: row[name].item() for name in row.dtype.names},
        "model_version": thought.version,
        "without_opinion": thought.why,
        "hindrance": again.entry.hindrance.closed or ("a switch was pulled" if again.entry.hindrance.killed else ""),
        "policy_version": again.stamp.policy_version,
        "epoch": again.stamp.epoch,
        "question": answer.question,
        "rules": rules_shown(answer.rules),
    }


def _show(told: dict[str, Any], json: bool) -> None:
    if json:
        emit("qt.live_decision/1", told)
        return
    decision = told["decision"]
    say(f"{told['symbol']} at {told['closed_at']}: wished {decision['wish']}, granted {decision['granted']} steps")
    who = told["model_version"] or "nobody"
    say(f"score {decision['score']:.4f}, confidence {decision['confidence']:.4f}, by {who}")
    say(f"policy {told['policy_version']}, epoch {told['epoch']}, digest {told['digest'][:16]}")
    say("same as recorded" if told["same_as_recorded"] else "DIFFERS from what was recorded")
    for name in ("without_opinion", "hindrance"):
        if told[name]:
            say(f"{name.replace('_', ' ')}: {told[name]}")
    for rule in told["rules"]:
        say_rule(rule)


def _difference(again: "Retold") -> dict[str, str]:
    return {
        "closed_at": rfc3339(again.stamp.cycle_ms),
        "decision": again.stamp.decision(again.began.symbols[0]),
        "recorded": again.entry.digest,
        "replayed": again.decision.digest(),
    }
