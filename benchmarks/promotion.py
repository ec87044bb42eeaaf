"""Promotion: how many challengers that can do nothing pass the gate, and how many that can are found.

Every candidate is the best of its own search on a past, and is then watched beside the champion on what comes after.
All that the gate asks of skill and risk is computed from those returns; what is asked of the moment is granted, so
that nothing else can refuse. Returns follow one another, and an hour of them is a block. A candidate with an edge is
searched for among as many trials of nothing.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.form import Row, Sample, at_least, at_most, less_is_better, main
from qt_ray.ai.members.member import Floats, Singles
from qt_ray.ai.overfitting import overfitting
from qt_ray.ai.paired_trial import Pairs, Plan, judged
from qt_ray.ai.promotion_gate import Bounds, Evidence, Refusal, Schemas, Verdict, Versus
from qt_ray.ai.promotion_gate import judged as gated
from qt_ray.ai.scores import ece

SEED: Final = 20
TRIALS: Final = 20
PAST: Final = 8_000
# Twelve decisions an hour for the four weeks that a trial may last.
EACH: Final = 12
PLAN: Final = Plan()
AHEAD: Final = PLAN.blocks_max * EACH
FOLLOWS: Final = 0.3
# What a return of one decision is in bps, what the champion turns over for it, and what of equity one holds.
SPREAD_BPS: Final = 10.0
TURNOVER_BPS: Final = 500.0
TAIL: Final = 0.01
# Sharpe ratio of a decision above the champion's, which has none: the one is plain to see, the other just findable.
EDGES: Final = (0.12, 0.06)
PROMOTED_MAX: Final = 0.05
FOUND_MIN, JUST_FOUND_MIN = 0.8, 0.5
SECONDS_MAX: Final = 60.0
DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the gate said of a candidate, what its parts did, and whether it earned more than the champion at all."""

    gate: Verdict
    earned_more: bool

    def held(self, refusal: Refusal) -> bool:
        """Return whether one condition held."""
        return refusal not in self.gate.refusals


def returns(dice: np.random.Generator, rows: int, columns: int) -> Floats:
    """Return columns of nothing in bps, each row of which follows the one before, with the spread of a decision."""
    fresh = dice.standard_normal((rows + 1, columns))
    return np.asarray(SPREAD_BPS * (fresh[1:] + FOLLOWS * fresh[:-1]) / np.sqrt(1.0 + FOLLOWS**2), np.float64)


def drawdown(column: Floats) -> float:
    """Return the most that was lost from the best before, in bps."""
    path = np.concatenate([[0.0], np.cumsum(column)])
    return float((np.maximum.accumulate(path) - path).max())


def tail_loss(column: Floats) -> float:
    """Return the mean loss of the worst hundredth, in bps."""
    worst = np.sort(column)[: max(int(len(column) * TAIL), 1)]
    return float(-worst.mean())


def said(dice: np.random.Generator) -> tuple[Floats, Singles]:
    """Return probabilities and outcomes that really had them."""
    p = dice.uniform(0.35, 0.65, AHEAD)
    return p, (dice.random(AHEAD) < p).astype(np.float32)


def outcome(seed: Sequence[int], edge: float) -> Outcome:
    """Search, watch and judge one candidate; the first trial of its search has the edge."""
    dice = np.random.default_rng(seed)
    past = returns(dice, PAST, TRIALS)
    past[:, 0] += edge * SPREAD_BPS
    chosen = int(np.argmax(past.mean(axis=0) / past.std(axis=0)))
    champion, challenger = returns(dice, AHEAD, 2).T
    challenger = challenger + (edge * SPREAD_BPS if chosen == 0 else 0.0)
    block, traded = np.arange(AHEAD, dtype=np.int64) // EACH, np.ones(AHEAD, np.bool_)
    trial, worth = judged(PLAN, Pairs(champion, challenger, block, traded)), overfitting(past, chosen, TRIALS)
    watched = (trial.looks[-1].blocks if trial.looks else 0) * EACH
    before, after = champion[:watched], challenger[:watched]
    evidence = Evidence(
        trial=trial.answer,
        calibration_error=Versus(ece(*said(dice)), ece(*said(dice))),
        deflated_sharpe=worth.deflated,
        overfitting=worth.probability,
        drawdown_bps=Versus(drawdown(before), drawdown(after)),
        tail_loss_bps=Versus(tail_loss(before), tail_loss(after)),
        turnover_bps=Versus(TURNOVER_BPS * 24, TURNOVER_BPS * 24),
        shadow_decisions=watched,
        shadow_ms=watched // EACH * (DAY_MS // 24),
        emergency=False,
        quiet_ms=DAY_MS,
        since_change_ms=30 * DAY_MS,
        features=Schemas("same", "same"),
        actions=Schemas("same", "same"),
    )
    return Outcome(gated(evidence, Bounds()), bool(challenger.mean() > champion.mean()))


def share(flags: Sequence[bool]) -> Sample:
    """Return how many of them, as a share, with the interval that 95 % of such counts lie in."""
    value, count = float(np.mean(flags)), len(flags)
    doubt = 1.96 * float(np.sqrt(value * (1.0 - value) / count))
    return Sample(value, count, (max(value - doubt, 0.0), min(value + doubt, 1.0)))


def measure(quick: bool) -> list[Row]:
    """Judge candidates that can do nothing and some that can, and say how long that took."""
    count, started = (100 if quick else 1_000), time.process_time()
    noise = [outcome((SEED, 0, number), 0.0) for number in range(count)]
    naive = share([one.earned_more for one in noise]).value
    rows = [
        less_is_better(
            f"promoted of {count} that can do nothing, peer whoever earned more in four weeks",
            "share",
            share([one.gate.passes for one in noise]),
            naive,
            PROMOTED_MAX / naive,
        ),
        *(
            at_most(
                f"the same by {refusal.label} alone",
                "share",
                share([one.held(refusal) for one in noise]),
                limit,
            )
            for refusal, limit in ((Refusal.NOT_PROVEN_BETTER, PLAN.alpha), (Refusal.DEFLATED_SHARPE, PLAN.alpha))
        ),
    ]
    for place, edge in enumerate(EDGES, 1):
        able = [outcome((SEED, place, number), edge) for number in range(count // 10)]
        found = share([one.gate.passes for one in able])
        proven = share([one.held(Refusal.NOT_PROVEN_BETTER) for one in able])
        name = f"of {count // 10} with a Sharpe ratio of {edge} a decision"
        rows += [
            at_least(f"promoted {name}", "share", found, FOUND_MIN if place == 1 else JUST_FOUND_MIN),
            at_least(f"proven better in pairs {name}", "share", proven, FOUND_MIN),
        ]
    taken = time.process_time() - started
    return [*rows, at_most("all of this, time of one processor", "s", Sample(taken, 1, (taken, taken)), SECONDS_MAX)]


if __name__ == "__main__":
    main(measure)
