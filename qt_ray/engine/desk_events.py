"""Desk events: what a desk tells the fund of what came of an entry.

What was executed, held and earned at the venue is the gateway's to tell, for it keeps the books; a desk tells what was
thought, what it asks for, and what its own view of a round trip was. Both what and when follow from the entry, so that
a desk that is born again tells the same events under the same ids.
"""

from collections.abc import Iterator
from typing import Any, Final

from qt_ray.core.orders import Side
from qt_ray.core.payloads import DecisionMade, ExecutionRequested, RiskAlert, SignalGenerated, TradeClosed
from qt_ray.engine.admission import reasons_of
from qt_ray.engine.desk import Outcome
from qt_ray.engine.desk_entries import Began, Decided, Entry
from qt_ray.engine.desk_entries import Told as Heard
from qt_ray.engine.errands import Errands
from qt_ray.engine.rows import Action
from qt_ray.engine.takeover import Difference
from qt_ray.engine.trips import Trip
from qt_ray.risk.reasons import Reason

Told = tuple[str, Any]

ENTERING: Final = frozenset({Action.ENTER, Action.ADD, Action.FLIP, Action.REFUSED})


def told_of(outcome: Outcome, began: Began) -> Iterator[Told]:
    """Yield the kind and the payload of everything that is to be told of an outcome."""
    yield from _signals(outcome, began)
    yield from _decisions(outcome, began)
    yield from _requests(outcome.errands)
    yield from map(_closed, outcome.closed)
    yield from map(_differs, outcome.differences)


def moment_of(entry: Entry) -> int:
    """Return when that happened of which an entry tells; of what nothing is told there is no moment."""
    if isinstance(entry, Decided):
        return entry.at_ms
    return entry.tidings[-1].what.ts_ms if isinstance(entry, Heard) and entry.tidings else 0


def _signals(outcome: Outcome, began: Began) -> Iterator[Told]:
    """Yield every opinion that something could be entered on, whatever was granted; it holds until the next bar."""
    if outcome.decision is None or outcome.stamp is None:
        return
    stamp = outcome.stamp
    for row, instrument in zip(outcome.decision.rows, began.setup.instruments, strict=True):
        if row["score"] == row["score"] and row["wish"] and row["action"] in ENTERING:
            name, side = stamp.decision(instrument.symbol), Side.BUY if row["wish"] > 0 else Side.SELL
            until_ms = stamp.cycle_ms + began.interval_ms
            yield "signal.generated", SignalGenerated(name, instrument.symbol, side, float(row["confidence"]), until_ms)


def _decisions(outcome: Outcome, began: Began) -> Iterator[Told]:
    """Yield what was decided about every symbol that somebody had a view on, or that anything was done about."""
    if outcome.decision is None or outcome.stamp is None:
        return
    digest, stamp = outcome.decision.digest(), outcome.stamp
    for row, instrument in zip(outcome.decision.rows, began.setup.instruments, strict=True):
        has_view = row["score"] == row["score"]
        if not has_view and row["action"] == Action.HOLD:
            continue
        yield (
            "decision.made",
            DecisionMade(
                decision_id=stamp.decision(instrument.symbol),
                account=began.account,
                symbol=instrument.symbol,
                cycle_ms=stamp.cycle_ms,
                wish=instrument.quantity(int(row["wish"])),
                granted=instrument.quantity(int(row["granted"])),
                confidence=float(row["confidence"]) if has_view else None,
                action=Action(int(row["action"])).name.lower(),
                binding=Reason(int(row["binding"])).label,
                bound=reasons_of(row),
                policy_version=stamp.policy_version,
                epoch=stamp.epoch,
                digest=digest,
            ),
        )


def _requests(errands: Errands) -> Iterator[Told]:
    for intent in errands.place:
        amounts = (intent.symbol, intent.side, intent.quantity, intent.reduce_only)
        yield "trade.execution_requested", ExecutionRequested(intent.decision_id, intent.client_id, *amounts)


def _closed(trip: Trip) -> Told:
    held_ms = (trip.closed_ms or trip.opened_ms) - trip.opened_ms
    amounts = (trip.realised, trip.fees, trip.funding, trip.r_multiple)
    return "trade.closed", TradeClosed(trip.name, trip.symbol, trip.side, trip.cause, *amounts, held_ms)


def _differs(difference: Difference) -> Told:
    symbol = None if difference.what == "wallet" else difference.what
    return "risk.alert", RiskAlert("warning", "the fund believes what its books say", str(difference), symbol)
