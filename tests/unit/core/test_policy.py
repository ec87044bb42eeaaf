import pickle
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.bounds import Side, bound_of, leaves
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.limits import ASCENDING, EssLimits, Limits, Mode, ModeLimits, Volatility, mode
from qt_ray.core.policy import GUARDED, LiveModel, Policy, Stage

pytestmark = pytest.mark.unit

SEED = Policy()
PEOPLE = st.sampled_from(["alice", "bob"])

writes = st.one_of(
    st.tuples(st.just("with_mode"), st.sampled_from(["AGGRESSIVE", "NORMAL", "DEFENSIVE"]).map(lambda m: (m,))),
    st.tuples(st.just("with_new_trades"), st.booleans().map(lambda b: (b,))),
    st.tuples(st.just("with_emergency"), st.booleans().map(lambda b: (b, "because"))),
    st.tuples(st.just("with_incarnation"), st.just(())),
    st.tuples(st.just("with_changes"), st.just(({"deny_symbols": ["BTCUSDT"]},))),
)


@pytest.mark.requirement("S2 PolicyStore")
def test_the_table_of_modes_is_the_founding_one() -> None:
    shown = {name: [str(getattr(SEED.modes[name], field.name)) for field in fields(ModeLimits)] for name in Mode}
    assert shown == {
        Mode.AGGRESSIVE_SMALL_ACCOUNT: ["7", "2", "0.03", "0.06", "15", "0.45", "1.5", "300", "True"],
        Mode.NORMAL: ["5", "1", "0.015", "0.05", "30", "0.50", "1.0", "1000", "True"],
        Mode.DEFENSIVE: ["3", "1", "0.0075", "0.03", "10", "0.60", "0.7", "500", "False"],
    }
    assert SEED.active_mode is Mode.NORMAL
    assert mode("aggressive") is Mode.AGGRESSIVE_SMALL_ACCOUNT


def test_the_controls_have_their_published_defaults() -> None:
    shown = {name: value for name, value, _ in leaves(SEED.limits)}
    assert (shown["price_collar_market_bps"], shown["price_collar_limit_bps"]) == (50, 300)
    assert shown["order_value_max"] == Decimal(50_000)
    assert (shown["gross_exposure_max_bps"], shown["net_exposure_max_bps"]) == (30_000, 20_000)
    assert (shown["drawdown_soft_bps"], shown["drawdown_hard_bps"], shown["day_loss_max_bps"]) == (
        500,
        1_000,
        300,
    )
    assert (shown["margin_entry_max_bps"], shown["margin_reduce_bps"], shown["margin_flatten_bps"]) == (
        5_000,
        7_000,
        8_500,
    )
    assert (shown["book_age_max_ms"], shown["mark_age_max_ms"], shown["features_age_max_bars"]) == (
        2_000,
        5_000,
        2,
    )


@given(st.lists(st.tuples(writes, PEOPLE), max_size=8))
def test_every_write_counts_and_an_epoch_never_goes_back(
    history: list[tuple[tuple[str, tuple[Any, ...]], str]],
) -> None:
    policy = SEED
    for moment, ((name, arguments), who) in enumerate(history):
        before, policy = policy, getattr(policy, name)(*arguments, who, moment)
        emergency_changed = policy.emergency_mode is not before.emergency_mode
        new_epoch = emergency_changed or name == "with_incarnation"
        assert policy.epoch == before.epoch + new_epoch
        assert policy is before or (policy.version, policy.updated_by) == (before.version + 1, who)
        assert Policy.from_dict(decode(canonical(policy))) == policy
        assert policy.allow_new_trades is not (policy.emergency_mode or policy.new_trades_paused)


def test_the_end_of_an_emergency_does_not_end_a_persons_pause() -> None:
    policy = SEED.with_new_trades(False, "alice", 1).with_emergency(True, "flash crash", "ess", 2)
    assert not policy.with_new_trades(True, "bob", 3).allow_new_trades
    assert not policy.with_emergency(False, "reviewed", "bob", 3).allow_new_trades
    assert SEED.with_emergency(True, "x", "ess", 1).with_emergency(False, "y", "bob", 2).allow_new_trades


def test_a_second_emergency_keeps_the_first_cause() -> None:
    policy = SEED.with_emergency(True, "flash crash", "ess", 7)
    assert policy.with_emergency(True, "something else", "ess", 9) is policy
    assert (policy.emergency_reason, policy.emergency_activated_at) == ("flash crash", 7)
    assert policy.with_emergency(False, "over", "bob", 9).emergency_activated_at is None


def test_no_write_of_values_can_touch_the_emergency_or_the_counters() -> None:
    policy = SEED.with_emergency(True, "flash crash", "ess", 1)
    for name in GUARDED | {"allow_new_trades"}:
        with pytest.raises(Invalid, match="its own transition"):
            policy.with_changes({name: False}, "bob", 2)
    with pytest.raises(Invalid, match=r"risk\.max_leverage: follows from the active mode, set modes\.NORMAL\.max_lev"):
        policy.with_changes({"risk.max_leverage": 9}, "bob", 2)
    assert policy.with_changes({"limits.stop_hits_max": 9}, "bob", 2).emergency_mode


def test_a_durable_copy_with_a_lost_field_is_refused() -> None:
    whole = SEED.with_emergency(True, "x", "ess", 1).to_dict()
    for name in whole:
        with pytest.raises(Invalid, match=rf"policy\.{name}: required"):
            Policy.from_dict({key: value for key, value in whole.items() if key != name})
    del whole["modes"]["NORMAL"]["scaling"]
    with pytest.raises(Invalid, match=r"policy\.modes\.NORMAL\.scaling: required"):
        Policy.from_dict(whole)


def test_a_seed_names_only_what_differs() -> None:
    policy = Policy.seeded({"active_mode": "aggressive", "modes": {"NORMAL": {"max_leverage": "4"}}})
    assert policy.risk.max_leverage == 7
    assert policy.get_value("modes.NORMAL.max_leverage") == 4
    assert policy.get_value("modes.NORMAL.max_positions") == 30
    with pytest.raises(Invalid, match="emergency_mode: changes by its own transition"):
        Policy.seeded({"emergency_mode": False})


@pytest.mark.requirement("S2 PolicyStore")
def test_values_have_dotted_names() -> None:
    assert SEED.get_value("risk.max_leverage") == 5
    assert SEED.with_mode("DEFENSIVE", "bob", 1).get_value("risk.max_leverage") == 3
    assert SEED.get_value("allow_new_trades") is True
    assert SEED.get_value("digest") == SEED.digest
    for path in (
        "",
        "risk.",
        "nope",
        "risk.max_leverage.real",
        "__class__",
        "with_mode",
        "risk.risk",
        "limits.digest",
    ):
        with pytest.raises(Invalid, match="a path names"):
            SEED.get_value(path)


def test_changes_are_all_made_or_none() -> None:
    changed = SEED.with_changes({"active_mode": "AGGRESSIVE", "limits.order_value_max": Decimal("10000")}, "bob", 1)
    assert changed.active_mode is Mode.AGGRESSIVE_SMALL_ACCOUNT
    assert changed.limits.order_value_max == 10_000
    with pytest.raises(Invalid, match="drawdown_hard_bps"):
        SEED.with_changes({"limits.drawdown_hard_bps": 1, "stage": "PARTIAL"}, "bob", 1)
    with pytest.raises(Invalid, match="a path names"):
        SEED.with_changes({"limits.gros": 1}, "bob", 1)
    with pytest.raises(Invalid, match="a path names"):
        SEED.with_changes({"stage.PARTIAL": 1}, "bob", 1)


def test_every_bound_is_kept_on_both_sides() -> None:
    for value in (SEED.limits, SEED.ess, SEED.volatility, SEED.risk):
        for field in fields(value):
            bound = bound_of(type(value), field.name)
            if bound is None:
                continue
            kind = type(getattr(value, field.name))
            for outside in (bound.low - 1, bound.high + 1):
                with pytest.raises(Invalid, match=field.name):
                    replace(value, **{field.name: kind(outside)})
            with pytest.raises(Invalid, match=field.name):
                replace(value, **{field.name: "5"})


def test_every_limit_is_bounded() -> None:
    for value in (SEED.limits, SEED.ess, SEED.volatility, SEED.risk):
        for name, item, bound in leaves(value):
            assert isinstance(item, bool) or (bound is not None and bound.side in Side), name


@pytest.mark.parametrize(("lower", "upper"), ASCENDING)
def test_limits_that_contradict_each_other_are_refused(lower: str, upper: str) -> None:
    with pytest.raises(Invalid):
        Limits(**{lower: getattr(SEED.limits, upper) + 1})


@pytest.mark.parametrize(
    "build",
    [
        lambda: replace(SEED.risk, min_leverage=Decimal(6)),
        lambda: EssLimits(recovery_protective_bps=1_500),
        lambda: Volatility(atr_high_bps=20),
        lambda: Volatility(adx_trend=50),
        lambda: replace(SEED.risk, max_risk_pct=Decimal("NaN")),
        lambda: replace(SEED.risk, learning=1),
        lambda: replace(SEED, version=0),
        lambda: replace(SEED, updated_by=" "),
        lambda: replace(SEED, emergency_mode=True),
        lambda: replace(SEED, emergency_activated_at=5),
        lambda: replace(SEED, emergency_mode=True, emergency_activated_at=5),
        lambda: replace(SEED, allow_symbols=("",)),
        lambda: replace(SEED, live_models=(LiveModel("a", "1"), LiveModel("a", "2"))),
        lambda: replace(SEED, deny_symbols=tuple(f"S{i}" for i in range(5_001))),
        lambda: SEED.with_emergency(True, " ", "bob", 1),
        lambda: SEED.with_mode("reckless", "bob", 1),
        lambda: SEED.with_incarnation("bob", 5).with_incarnation("bob", 4),
        lambda: Policy.seeded({"stage": "HEAVEN"}),
        lambda: Policy.seeded({"modes": 3}),
    ],
)
def test_an_impossible_policy_cannot_be_made(build: Any) -> None:
    with pytest.raises(Invalid):
        build()


def test_lists_of_symbols_are_sets() -> None:
    policy = Policy.seeded({"allow_symbols": ["ETHUSDT", "BTCUSDT", "ETHUSDT"], "deny_symbols": ["ETHUSDT"]})
    assert policy.allow_symbols == ("BTCUSDT", "ETHUSDT")
    assert [policy.may_trade(s) for s in ("BTCUSDT", "ETHUSDT", "SOLUSDT")] == [True, False, False]
    assert SEED.may_trade("SOLUSDT")


def test_a_digest_follows_the_value_and_nothing_else() -> None:
    assert Policy().digest == SEED.digest == pickle.loads(pickle.dumps(SEED)).digest
    assert replace(SEED, stage=Stage.PARTIAL).digest != SEED.digest
