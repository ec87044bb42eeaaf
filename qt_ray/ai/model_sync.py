"""Model sync: who has which version, and when all of them change to the next one.

A version that the policy names is first made ready by every user that is alive, beside the one that serves; only then
does anybody serve it. So nobody is asked for what it has not, and what one user refuses is served by none. The epoch of
a version is the version of the policy that named it: it only grows, and survives whoever counts it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from qt_ray.core.errors import Invalid

# Who was not heard of for so long is not waited for; and so long a new board listens before it changes anything.
LEASE_MS: Final = 3_000
USERS_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class Live:
    """A version, and since which epoch it is meant to serve."""

    version: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Report:
    """What one user of models says of itself: what it serves, has ready, is loading, and refuses, and why."""

    user: str
    serving: Live | None = None
    ready: frozenset[str] = frozenset()
    loading: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Orders:
    """What every user is to serve now, and what it is to make ready beside it."""

    serve: Live | None = None
    coming: Live | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """What a user has to do under its orders: serve a version, or make one ready, or nothing."""

    load: str = ""
    serve: Live | None = None


@dataclass(frozen=True, slots=True)
class ModelSync:
    """The state of one swap after another; `withheld` says why the version named last serves nobody."""

    began_ms: int
    named: Live | None = None
    orders: Orders = Orders()
    withheld: str = ""
    reports: Mapping[str, tuple[int, Report]] = field(default_factory=dict)

    def naming(self, live: Live) -> "ModelSync":
        """Return the state after the policy has named a version; of an older epoch it is no news."""
        if self.named is not None and (live.epoch <= self.named.epoch or live.version == self.named.version):
            return self
        return replace(self, named=live, withheld="", orders=replace(self.orders, coming=live))

    def heard(self, report: Report, at_ms: int) -> "ModelSync":
        """Return the state after a user has said how it is."""
        if report.user not in self.reports and len(self.reports) >= USERS_MAX:
            raise Invalid(f"models: at most {USERS_MAX} users, was one more, {report.user:.60}")
        return replace(self, reports={**self.reports, report.user: (at_ms, report)})._settled(at_ms)

    def elapsed(self, at_ms: int) -> "ModelSync":
        """Return the state at a moment: who was not heard of for a lease is waited for no more."""
        heard = {user: told for user, told in self.reports.items() if at_ms - told[0] < LEASE_MS}
        return replace(self, reports=heard)._settled(at_ms)

    @property
    def mixed(self) -> bool:
        """Return whether anybody serves another version than the one in force, or none."""
        return any(report.serving != self.orders.serve for report in self._alive)

    @property
    def _alive(self) -> list[Report]:
        return [report for _, report in self.reports.values()]

    def _settled(self, at_ms: int) -> "ModelSync":
        """Return the state after everything has followed that follows from it."""
        known = self._recalled()
        coming = known.orders.coming
        if coming is None or not known.reports:
            return known
        refusals = [(one.user, one.refused[coming.version]) for one in known._alive if coming.version in one.refused]
        if refusals:
            return replace(known, orders=Orders(known.orders.serve), withheld="{}: {}".format(*min(refusals)))
        was_heard = at_ms - known.began_ms >= LEASE_MS  # by then whoever is alive has told a new board so
        if was_heard and all(coming.version in report.ready for report in known._alive):
            return replace(known, orders=Orders(coming))
        return known

    def _recalled(self) -> "ModelSync":
        """Return the state with what somebody serves already: it was in force before this board knew of it."""
        served = [report.serving for report in self._alive if report.serving is not None]
        newest = max(served, key=lambda live: live.epoch, default=None)
        serve, coming = self.orders.serve, self.orders.coming
        if newest is None or (serve is not None and newest.epoch <= serve.epoch):
            return self
        is_over = coming is not None and coming.epoch <= newest.epoch
        return replace(self, orders=Orders(newest, None if is_over else coming))


def duty(orders: Orders, told: Report) -> Duty:
    """Return what a user has to do next: what is in force goes first, and nothing refused is tried again."""
    serve = orders.serve
    if serve is not None and serve.version in told.ready and _is_news(serve, told.serving):
        return Duty(serve=serve)
    settled = told.ready | told.refused.keys() | {told.loading}
    for live in (orders.serve, orders.coming):
        if live is not None and live.version not in settled:
            return Duty(load="" if told.loading else live.version)
    return Duty()


def _is_news(serve: Live, serving: Live | None) -> bool:
    return serving is None or serve.epoch > serving.epoch
