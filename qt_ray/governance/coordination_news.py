"""Coordination news: what people are told of a beat of the coordinator, each change once."""

from collections.abc import Iterator

from qt_ray.core.events import Event, event
from qt_ray.core.notices import FundRestrained, RiskModeChanged
from qt_ray.governance.coordination import Coordinated
from qt_ray.risk.restraints import Restraint

SOURCE = "FundOS"


def news(before: Coordinated | None, now: Coordinated, at_ms: int) -> Iterator[Event]:
    """Yield what has changed since the beat before."""
    if now.turned_from is not None:
        yield event("hfos.mode.changed", _turned(now, now.turned_from.name), SOURCE, at_ms)
    known = before.restraints if before else ()
    for one in now.restraints:
        if one not in known:
            yield event("policy.restrained", _restrained(one), SOURCE, at_ms)


def _turned(now: Coordinated, old: str) -> RiskModeChanged:
    standing, said = now.standing, now.standing.directive
    return RiskModeChanged(
        old=old,
        new=standing.mode.name,
        health=standing.health,
        reason=standing.reason,
        size_bps=said.size_bps,
        leverage_max=said.leverage_max,
        allows_entries=said.allows_entries,
    )


def _restrained(one: Restraint) -> FundRestrained:
    return FundRestrained(
        layer=one.layer,
        size_bps=one.size_bps,
        leverage_max=one.leverage_max,
        confidence_min_bps=one.confidence_min_bps,
        positions_max=one.positions_max,
        deny=one.deny,
        reason=one.reason,
    )
