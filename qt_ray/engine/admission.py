"""Admission: whether a guard may let anything grow at all, before it looks at a single wish.

The guard does not believe the limits that a fund brings along: they must be those of the policy that it knows itself,
of that version and that epoch. What is older, newer or other than that is refused, for a moment or for good; exits
pass in any case.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import numpy as np

from qt_ray.core.ids import decision_id
from qt_ray.core.payloads import RiskBlock
from qt_ray.core.policy import Policy
from qt_ray.engine.pipeline import Decision
from qt_ray.engine.rows import Action
from qt_ray.engine.world import World
from qt_ray.risk.in_force import limits_in_force
from qt_ray.risk.reasons import Reason, reasons_in

ALL: Final = "*"
ORDERING: Final = (Action.ENTER, Action.ADD, Action.REDUCE, Action.CLOSE, Action.FLIP)


def why_refused(world: World, policy: Policy, size_bps: int) -> str:
    """Return why nothing may grow in a fund under the policy and the share of sizes that are known here, or nothing."""
    fund: Any = world.account[0]
    if int(fund["policy_epoch"]) != policy.epoch:
        return f"a decision is made in epoch {policy.epoch}, was {int(fund['policy_epoch'])}"
    if int(fund["policy_version"]) != policy.version:
        return f"a decision is made under policy {policy.version}, was {int(fund['policy_version'])}"
    if np.asarray(world.limits).tobytes() != limits_in_force(policy).row.tobytes():
        return f"a fund's limits are those of policy {policy.version}, were others"
    if int(fund["governor_bps"]) > size_bps:
        return f"a size is at most {size_bps} bps of itself, was {int(fund['governor_bps'])}"
    return ""


def name_of(decision: Decision, account: str) -> str:
    """Return the name of what was decided about all symbols of one bar together."""
    fund: Any = decision.world.account[0]
    return decision_id(account, int(fund["ts"]), ALL, int(fund["policy_version"]))


def orders_in(decision: Decision) -> int:
    """Return how many orders a decision sends."""
    return int(np.isin(decision.rows["action"], ORDERING).sum())


def units_of(world: World) -> tuple[Decimal, ...]:
    """Return what a step of each symbol is."""
    return tuple(1 / Decimal(repr(float(steps))) for steps in world.steps_per)


def blocks(decision: Decision, account: str) -> Iterator[RiskBlock]:
    """Yield what a rule refused or shrank."""
    fund: Any = decision.world.account[0]
    steps, symbols = units_of(decision.world), decision.sized.opinion.snapshot.bars.symbols
    close_ms, version = int(fund["ts"]), int(fund["policy_version"])
    for i in np.flatnonzero((decision.rows["wish"] != decision.rows["granted"]) & (decision.rows["bound"] != 0)):
        row, symbol = decision.rows[i], symbols[i]
        yield RiskBlock(
            decision_id=decision_id(account, close_ms, symbol, version),
            symbol=symbol,
            reason=Reason(int(row["binding"])).label,
            wish=steps[i] * int(row["wish"]),
            granted=steps[i] * int(row["granted"]),
            layer="guard",
        )


def reasons_of(row: Any) -> tuple[str, ...]:
    """Return every reason that bound a wish, by label."""
    return tuple(reason.label for reason in reasons_in(int(row["bound"])))
