"""Setup: everything a fund is told before its first bar, and the world that follows from it.

A setup is plain values, so it can be written down, compared and digested. Its digest, the digest of the bars and
the predictor's name are all that a run depends on.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.sizing import SizerPlan, sizer_rows
from qt_ray.core.codec import plain
from qt_ray.core.errors import InvalidConfig
from qt_ray.core.instruments import Instrument
from qt_ray.core.money import BPS, money
from qt_ray.core.policy import Policy
from qt_ray.core.records import empty
from qt_ray.engine.world import Conduct, World, build_world
from qt_ray.execution.exits import ExitPlan, exit_rows
from qt_ray.execution.simulated import Venue
from qt_ray.market.regime_watch import params_of
from qt_ray.risk.ess import EssState, as_array
from qt_ray.risk.in_force import limits_in_force

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class VenueModel:
    """How the simulated venue treats orders; costs in basis points, depth in minutes of average volume."""

    latency_ms: int = 50
    half_spread_bps: Decimal = Decimal("0.5")
    slippage_bps: Decimal = Decimal(0)
    impact_coefficient: Decimal = Decimal("0.1")
    participation_max_bps: int = 1_000
    depth_minutes: Decimal = Decimal(5)
    queue_touch: bool = False
    entry_limit: bool = False
    limit_offset_bps: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.participation_max_bps <= BPS:
            raise InvalidConfig(f"venue: 0 < participation_max_bps <= 10000, was {self.participation_max_bps}")
        if self.latency_ms < 0 or min(self.half_spread_bps, self.slippage_bps, self.impact_coefficient) < 0:
            raise InvalidConfig("venue: latency and costs are not negative")


@dataclass(frozen=True, slots=True)
class Setup:
    """A fund before its first bar."""

    instruments: tuple[Instrument, ...]
    initial: Decimal = Decimal(10_000)
    policy: Policy = field(default_factory=Policy)
    venue: VenueModel = VenueModel()
    sizer: SizerPlan = field(default_factory=SizerPlan)
    exits: ExitPlan = field(default_factory=ExitPlan.by_regime)
    operator_reset_hours: int = 0
    funding_known: bool = False

    def __post_init__(self) -> None:
        if not self.instruments:
            raise InvalidConfig("a fund trades at least one symbol, was none")
        if self.initial <= 0:
            raise InvalidConfig(f"fund.initial_balance: a positive amount, was {self.initial}")

    def plain(self) -> dict[str, Any]:
        """Return the setup as plain values."""
        values: dict[str, Any] = plain(self)
        return values


def open_world(setup: Setup, interval_ms: int, start_ms: int) -> World:
    """Return the world of a fund that starts flat at `start_ms`."""
    world = build_world(
        instruments=setup.instruments,
        initial=money(setup.initial),
        start_ms=start_ms,
        limits=limits_in_force(setup.policy),
        venue=_venue_row(setup.venue, interval_ms),
        exits=exit_rows(setup.exits),
        sizers=sizer_rows(setup.instruments, setup.sizer, setup.policy.risk.scaling),
        regime_params=regime_rows(setup.policy),
        conduct=_conduct_row(setup, interval_ms),
        ess_table=as_array(),
    )
    _take_policy(world, setup)
    return world


def _take_policy(world: World, setup: Setup) -> None:
    policy, account, instruments, quotes = setup.policy, world.account, world.instruments, world.quotes
    _put(account, "allow_new", int(policy.allow_new_trades))
    _put(account, "ess", int(EssState.ARMED if policy.ess.enabled else EssState.DISABLED))
    _put(account, "governor_bps", BPS)
    _put(account, "policy_version", policy.version)
    _put(account, "policy_epoch", policy.epoch)
    _put(instruments, "allowed", [int(policy.may_trade(i.symbol)) for i in setup.instruments])
    _put(quotes, "funding_known", int(setup.funding_known))


def _put(rows: Any, name: str, value: Any) -> None:
    rows[name] = value


def _venue_row(model: VenueModel, interval_ms: int) -> NDArray[np.void]:
    row = empty(Venue, 1)
    row["latency_ms"] = model.latency_ms
    row["interval_ms"] = interval_ms
    row["taker_cost_ppm"] = int((model.half_spread_bps + model.slippage_bps) * 100)
    row["impact_x1000"] = int(model.impact_coefficient * 1_000)
    row["participation_bps"] = model.participation_max_bps
    row["depth_minutes_x100"] = int(model.depth_minutes * 100)
    row["limit_offset_bps"] = model.limit_offset_bps
    row["queue_touch"] = model.queue_touch
    row["entry_limit"] = model.entry_limit
    return row


def _conduct_row(setup: Setup, interval_ms: int) -> NDArray[np.void]:
    row = empty(Conduct, 1)
    row["operator_reset_ms"] = setup.operator_reset_hours * HOUR_MS
    # Volatility grows with the root of time: ATR of one bar as the ATR of an hour.
    row["atr_hour_x1000"] = int(1_000 * sqrt(HOUR_MS / interval_ms))
    row["pace_ms"] = min(interval_ms, MINUTE_MS)
    row["bars_per_day"] = max(DAY_MS // interval_ms, 1)
    return row


def regime_rows(policy: Policy) -> NDArray[np.void]:
    """Return where a policy lets volatility and trend change their names, as the cycle reads it."""
    params: Any = params_of(policy.volatility)
    return np.array([params], dtype=params.dtype)
