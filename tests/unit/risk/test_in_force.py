"""The effective limit is the minimum over all layers and names the layer it came from (SPEC law 4)."""

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qt_ray.core.bounds import Side, bound_of
from qt_ray.core.errors import Invalid
from qt_ray.core.limits import EssLimits, Limits, Mode, Modes
from qt_ray.core.policy import Policy
from qt_ray.risk import ask
from qt_ray.risk.in_force import limits_in_force
from tests.unit.risk.asks import HIGHER_IS_TIGHTER, LOWER_IS_TIGHTER, NOT_THE_GUARDS

pytestmark = pytest.mark.unit

# The numbers of the watch tighten like this; `slippage_pause_bps` and those of trips lower, their windows longer.
WATCH_HIGHER = {"flash_window_ms", "stop_window_ms", "cooldown_ms"}
HIGHER = {*HIGHER_IS_TIGHTER, *WATCH_HIGHER}
LOWER = {*LOWER_IS_TIGHTER, *NOT_THE_GUARDS} - HIGHER


@pytest.mark.requirement("L4")
def test_every_limit_is_set_and_names_its_layer() -> None:
    force = limits_in_force(Policy())
    assert set(force.layers) == set(ask.Limits.__annotations__)
    assert all(force.value(name) > 0 for name in force.layers)
    assert {layer.split()[0] for layer in force.layers.values()} == {"mode", "controls", "emergency"}


# SPEC 2, the table of modes, in the units of the guard.
@pytest.mark.parametrize(
    ("mode", "leverage_x100", "risk_bps", "positions", "confidence_bps", "cap"),
    [
        (Mode.AGGRESSIVE_SMALL_ACCOUNT, 500, 300, 15, 4_500, 300),
        (Mode.NORMAL, 500, 150, 30, 5_000, 1_000),
        (Mode.DEFENSIVE, 300, 75, 10, 6_000, 500),
    ],
)
def test_the_active_mode_is_in_force(
    mode: Mode, leverage_x100: int, risk_bps: int, positions: int, confidence_bps: int, cap: int
) -> None:
    force = limits_in_force(replace(Policy(), active_mode=mode))
    assert force.value("leverage_x100") == leverage_x100
    assert force.value("risk_per_trade_bps") == risk_bps
    assert force.value("positions_max") == positions
    assert force.value("confidence_min_bps") == confidence_bps
    assert force.value("position_cap") == cap * 100_000_000
    assert force.layers["positions_max"] == f"mode {mode}"


# The defaults of the controls table, in the units of the guard.
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("collar_market_bps", 50),
        ("collar_volatile_bps", 300),
        ("slippage_pause_bps", 100),
        ("order_value_bps", 200),
        ("order_value_max", 50_000 * 100_000_000),
        ("depth_share_bps", 1_000),
        ("volume_day_share_bps", 10),
        ("orders_second_max", 5),
        ("orders_minute_max", 100),
        ("orders_ten_seconds_max", 200),
        ("repeat_entries_max", 5),
        ("repeat_window_ms", 600_000),
        ("duplicate_window_ms", 1_000),
        ("gross_bps", 30_000),
        ("net_bps", 20_000),
        ("position_bps", 5_000),
        ("cluster_bps", 7_500),
        ("margin_entry_bps", 5_000),
        ("margin_reduce_bps", 7_000),
        ("margin_flatten_bps", 8_500),
        ("liquidation_atr_x100", 300),
        ("liquidation_min_bps", 500),
        ("drawdown_soft_bps", 500),
        ("drawdown_soft_scale_bps", 5_000),
        ("drawdown_hard_bps", 1_000),
        ("day_loss_bps", 300),
        ("stop_hits_max", 10),
        ("stop_window_ms", 900_000),
        ("price_age_ms", 5_000),
        ("funding_entry_max", 100_000),
        ("agreement_quarters", 3),
        ("open_loss_bps", 1_000),
        ("day_drawdown_trip_bps", 500),
        ("flash_crash_bps", 300),
        ("cooldown_ms", 900_000),
        ("volatile_atr_bps", 300),
        ("confidence_volatile_bps", 6_500),
        ("confidence_margin_bps", 1_000),
    ],
)
def test_the_default_controls_are_in_force(name: str, value: int) -> None:
    assert limits_in_force(Policy()).value(name) == value


@pytest.mark.requirement("L4", "P1-03")
@pytest.mark.p1_patches
@pytest.mark.parametrize(
    ("changed", "name", "value", "layer"),
    [
        ({"limits": Limits(leverage_default=2)}, "leverage_x100", 200, "controls leverage_default"),
        ({"active_mode": Mode.DEFENSIVE}, "leverage_x100", 300, "mode DEFENSIVE"),
        (
            {"active_mode": Mode.DEFENSIVE, "limits": Limits(day_loss_max_bps=400)},
            "day_loss_bps",
            300,
            "mode DEFENSIVE",
        ),
        ({"ess": EssLimits(daily_drawdown_bps=200)}, "day_loss_bps", 200, "emergency daily_drawdown_bps"),
        ({"ess": EssLimits(equity_drawdown_bps=800)}, "drawdown_hard_bps", 800, "emergency equity_drawdown_bps"),
        ({"limits": Limits(drawdown_hard_bps=900)}, "drawdown_hard_bps", 900, "controls drawdown_hard_bps"),
        ({"ess": EssLimits(stop_hits_max=4)}, "stop_hits_max", 4, "emergency stop_hits_max"),
        ({"limits": Limits(stop_hits_max=3)}, "stop_hits_max", 3, "controls stop_hits_max"),
        (
            {"limits": Limits(stop_hits_window_ms=3_600_000)},
            "stop_window_ms",
            3_600_000,
            "controls stop_hits_window_ms",
        ),
        (
            {"ess": EssLimits(stop_hits_window_ms=1_800_000)},
            "stop_window_ms",
            1_800_000,
            "emergency stop_hits_window_ms",
        ),
    ],
)
def test_the_tighter_of_two_layers_rules_and_is_named(
    changed: dict[str, Any], name: str, value: int, layer: str
) -> None:
    force = limits_in_force(replace(Policy(), **changed))
    assert (force.value(name), force.layers[name]) == (value, layer)


# Control 1: the wider of the two collars in a volatile market.
def test_a_volatile_market_never_has_the_narrower_collar() -> None:
    narrow_limit = Limits(price_collar_market_bps=400, price_collar_limit_bps=100)
    assert limits_in_force(replace(Policy(), limits=narrow_limit)).value("collar_volatile_bps") == 400


def test_what_is_granted_rounds_down_and_what_is_asked_rounds_up() -> None:
    normal = replace(Modes().NORMAL, max_risk_pct=Decimal("0.01509"), min_confidence=Decimal("0.50001"))
    force = limits_in_force(replace(Policy(), modes=replace(Modes(), NORMAL=normal)))
    assert force.value("risk_per_trade_bps") == 150
    assert force.value("confidence_min_bps") == 5_001


def section(policy: Policy, name: str) -> Any:
    return policy.risk if name == "mode" else getattr(policy, name)


def changed_by(policy: Policy, where: str, name: str, value: Any) -> Policy:
    if where == "mode":
        row = replace(policy.risk, **{name: value})
        return replace(policy, modes=replace(policy.modes, **{policy.active_mode.name: row}))
    return replace(policy, **{where: replace(getattr(policy, where), **{name: value})})


def bounded() -> list[tuple[str, str]]:
    """Return every number of the layers that has a looser side."""
    policy, found = Policy(), []
    for where in ("mode", "limits", "ess"):
        kind = type(section(policy, where))
        for field in fields(kind):
            bound = bound_of(kind, field.name)
            if bound is not None and bound.side is not Side.EITHER:
                found.append((where, field.name))
    return found


@settings(deadline=None, max_examples=250)
@given(st.sampled_from(bounded()), st.sampled_from(list(Mode)), st.integers(0, 1_000))
def test_a_policy_that_is_tighter_anywhere_is_looser_nowhere(
    place: tuple[str, str], mode: Mode, thousandth: int
) -> None:
    where, name = place
    policy = replace(Policy(), active_mode=mode)
    bound = bound_of(type(section(policy, where)), name)
    assert bound is not None
    now = section(policy, where)
    value = bound.low + (bound.high - bound.low) * thousandth / 1_000
    kind = type(getattr(now, name))
    try:
        other = changed_by(policy, where, name, kind(value))
    except Invalid:
        assume(False)
    moved = (getattr(section(other, where), name) - getattr(now, name)) * bound.side.value
    tight, loose = (limits_in_force(p) for p in ((other, policy) if moved <= 0 else (policy, other)))
    for limit in tight.layers:
        if limit in LOWER:
            assert tight.value(limit) <= loose.value(limit), limit
        else:
            assert tight.value(limit) >= loose.value(limit), limit
