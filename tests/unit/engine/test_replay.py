"""Replay: a run proves itself, a change is named by its first row, and "why?" has an answer."""

from dataclasses import replace

import pytest

from qt_ray.ai.baselines import EmaCross, baseline
from qt_ray.core.errors import Invalid
from qt_ray.core.records import digest_of
from qt_ray.engine.backtest import run_backtest
from qt_ray.engine.replay import differences, first_difference, replay_decision
from qt_ray.engine.rows import Action
from qt_ray.risk.reasons import Reason, reasons_in
from tests.unit.ai.ensemble.living import living
from tests.unit.engine.funds import lively

pytestmark = pytest.mark.unit

BARS, SETUP = lively(count=600)


def test_a_run_replays_without_a_difference() -> None:
    first = run_backtest(SETUP, BARS, baseline("trend", 3, {}))
    again = run_backtest(SETUP, BARS, baseline("trend", 3, {}))
    assert differences(first.digests, again, lambda name: getattr(first, name)) == ()


def test_a_different_fund_is_named_by_digest_and_first_row() -> None:
    first = run_backtest(SETUP, BARS, EmaCross(3))
    other = run_backtest(replace(SETUP, initial=SETUP.initial * 2), BARS, EmaCross(3))
    found = {d.name: d for d in differences(first.digests, other, lambda name: getattr(first, name))}
    assert {"setup", "cycles", "decisions", "fills", "state"} <= found.keys()
    assert "bars" not in found
    assert found["cycles"].row == 0
    assert found["decisions"].row == 29


def test_another_vote_is_named_by_the_first_bar_it_is_about() -> None:
    run = run_backtest(SETUP, BARS, living(BARS.symbols))
    assert differences(run.digests, run, lambda name: getattr(run, name)) == ()
    votes = run.votes.copy()
    votes["calibrated"][432, 1, 2] = 0.25
    told = {**run.digests, "votes": digest_of(votes)}
    (found,) = differences(told, run, lambda name: {"votes": votes}[name])
    assert (found.name, found.row) == ("votes", 432)


def test_votes_that_were_recorded_are_missed_when_nobody_votes() -> None:
    first = run_backtest(SETUP, BARS, living(BARS.symbols))
    other = run_backtest(SETUP, BARS, baseline("trend", 3, {}))
    found = {d.name: d for d in differences(first.digests, other, lambda name: getattr(first, name))}
    assert (found["votes"].replayed, found["votes"].row) == ("absent", 0)
    assert (found["outlook"].replayed, found["outlook"].row) == ("absent", 0)


def test_one_changed_byte_is_found_in_its_row() -> None:
    rows = run_backtest(SETUP, BARS, EmaCross(3)).decisions
    changed = rows.copy()
    changed["binding"][321, 1] ^= 1
    assert first_difference(rows, changed) == 321
    assert first_difference(rows, rows[:100]) == 100
    assert first_difference(rows, rows.copy()) == len(rows)
    assert first_difference(rows[:0], rows) == 0


@pytest.mark.parametrize("symbol", [0, 2])
def test_every_kind_of_decision_is_explained_as_it_was_recorded(symbol: int) -> None:
    """SPEC 1: every decision reproducible from the log."""
    run = run_backtest(SETUP, BARS, EmaCross(3))
    column = run.decisions[:, symbol]
    for action in (Action.ENTER, Action.FLIP, Action.REFUSED, Action.HOLD, Action.CLOSE):
        cycles = (column["action"] == action).nonzero()[0]
        if len(cycles) == 0:
            continue
        at = int(cycles[-1])
        answer = replay_decision(SETUP, BARS, EmaCross(3), at, run.bars.symbols[symbol])
        assert answer.row.tobytes() == column[at].tobytes()
        precision = 1 << Reason.PRECISION
        assert answer.verdict.bound | precision == int(column[at]["bound"]) | precision
        bound = {rule.reason for rule in answer.rules if rule.bound}
        assert bound == set(reasons_in(answer.verdict.bound))


def test_asking_beyond_the_run_is_refused_in_one_line() -> None:
    with pytest.raises(Invalid, match="has cycles 0 to 599, was asked for 600"):
        replay_decision(SETUP, BARS, EmaCross(3), 600, "SYM0USDT")
    with pytest.raises(Invalid, match="knows its own symbols, was asked for NOPE"):
        replay_decision(SETUP, BARS, EmaCross(3), 1, "NOPE")
