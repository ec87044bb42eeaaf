"""Burden: what a guard knows beside a fund is laid upon a copy of it for one review, and lifted again.

The rules need not know of it: what others hold is held, a switch that was pulled is pulled. Which of the others'
orders will fill nobody knows, so what was granted is looked at again with only the one side of them, then the other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from qt_ray.core.money import bps_of
from qt_ray.engine.world import World
from qt_ray.execution.slots import PER_SYMBOL
from qt_ray.risk.at_work import Entering
from qt_ray.risk.hindrance import NOTHING, Committed, Hindrance, Sides
from qt_ray.risk.reservations import Claim

MARGIN_BPS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Laid:
    """What was laid upon a fund, and the switches as they were."""

    committed: Committed
    killed: int
    allow_new: int
    margin_bps: int


def laid(world: World, hindrance: Hindrance) -> Laid:
    """Let a fund stand as it would with what others were granted, and with nothing growing if nothing may."""
    fund: Any = world.account[0]
    before = Laid(hindrance.committed, int(fund["killed"]), int(fund["allow_new"]), int(fund["margin_bps"]))
    if hindrance.killed:
        fund["killed"] = 1
    if hindrance.closed:
        fund["allow_new"] = 0
    if hindrance.committed != NOTHING:
        _add(world, hindrance.committed, 1)
        fund["margin_bps"] = _margin_bps(fund, hindrance.committed.maintenance)
    return before


def lifted(world: World, before: Laid) -> None:
    """Take off what was laid upon a fund, and nothing that was decided meanwhile."""
    fund: Any = world.account[0]
    fund["killed"], fund["allow_new"], fund["margin_bps"] = before.killed, before.allow_new, before.margin_bps
    if before.committed != NOTHING:
        _add(world, before.committed, -1)


def overcommits(before: World, after: World, committed: Committed) -> bool:
    """Return whether a review let something grow past a limit, if of what others hold only one side fills."""
    if committed == NOTHING:
        return False
    was, now, limits = _fund(before), _fund(after), _fund_limits(after)
    equity = max(int(now["equity"]), 0)
    if _exceeds(int(was["net"]), int(now["net"]), committed.net, bps_of(equity, int(limits["net_bps"]))):
        return True
    room = bps_of(equity, int(limits["cluster_bps"]))
    return any(
        _exceeds(int(old), int(new), committed.cluster(number), room)
        for number, (old, new) in enumerate(zip(before.clusters, after.clusters, strict=True))
    )


def claims_of(world: World) -> tuple[Claim, ...]:
    """Return by how much the working entries of a fund will make its positions larger than they are."""
    slots = _rows(world.slots)[::PER_SYMBOL]
    entering = ((i, int(slot["quantity"])) for i, slot in enumerate(slots) if slot["kind"] and not slot["reduce_only"])
    return tuple(claim for i, quantity in entering if (claim := _claim(world, i, quantity)) is not None)


def claims_at_work(world: World, symbols: Sequence[str], entries: Iterable[Entering]) -> tuple[Claim, ...]:
    """Return by how much entries of others may make positions larger than a fund's books hold them."""
    places = {symbol: i for i, symbol in enumerate(symbols)}
    found = ((places[one.symbol], float(one.left)) for one in entries if one.symbol in places)
    claims = (_claim(world, i, round(left * float(world.steps_per[i]))) for i, left in found)
    return tuple(claim for claim in claims if claim is not None)


def _claim(world: World, i: int, quantity: int) -> Claim | None:
    """Return what so many steps more, signed, add to a position; nothing if it becomes no larger."""
    instrument, book = _rows(world.instruments)[i], _rows(world.books)[i]
    held = int(book["position"])
    aimed = held + quantity
    if abs(aimed) <= abs(held):
        return None
    value = int(_rows(world.quotes)[i]["mark"]) * int(instrument["unit"])
    gross = (abs(aimed) - abs(held)) * value
    rate = int(_rows(world.brackets)[int(instrument["first_bracket"])]["maintenance_ppm"])
    maintenance = gross * rate // 1_000_000
    return Claim(int(instrument["cluster"]), gross, quantity * value, maintenance, opens=held == 0)


def _add(world: World, committed: Committed, sign: int) -> None:
    fund, clusters = _fund(world), _rows(world.clusters)
    fund["gross"] += sign * committed.gross
    fund["net"] += sign * committed.net.net
    fund["positions"] += sign * committed.positions
    for number in range(len(clusters)):
        clusters[number] += sign * committed.cluster(number).net


def _margin_bps(fund: Any, more: int) -> int:
    if fund["equity"] <= 0:
        return MARGIN_BPS_MAX
    return min((int(fund["maintenance"]) + more) * 10_000 // int(fund["equity"]), MARGIN_BPS_MAX)


def _exceeds(was: int, now: int, sides: Sides, room: int) -> bool:
    """Return whether either extreme has moved further out while it is beyond its room."""
    return max(room, was + sides.long) < now + sides.long or min(-room, was + sides.short) > now + sides.short


def _fund(world: World) -> Any:
    return _rows(world.account)[0]


def _fund_limits(world: World) -> Any:
    return _rows(world.limits)[0]


def _rows(rows: Any) -> Any:
    return rows
