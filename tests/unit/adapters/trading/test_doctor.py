from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import product

import pytest

from qt_ray.adapters.instruments import load_instruments
from qt_ray.adapters.trading.doctor import judged_filters, judged_key, judged_mode, why_not_start
from qt_ray.adapters.trading.premises import Finding, Health
from qt_ray.core.instruments import Instrument
from qt_ray.execution.venue.views import KeyView, ModeView, RulesView, SymbolRules
from tests.unit.execution.emergency import symbol_rules

pytestmark = pytest.mark.unit

BTC = load_instruments()["BTCUSDT"]
OK = Finding("reachable", Health.OK, "answers in 1 ms")
ANSWERS = (True, False, None)


def worst(findings: Iterator[Finding]) -> Health:
    return max(finding.health for finding in findings)


def listed(instrument: Instrument, status: str = "TRADING") -> SymbolRules:
    return replace(
        symbol_rules(instrument.symbol, instrument.market_quantity_max),
        status=status, tick=instrument.tick, step=instrument.step, quantity_min=instrument.quantity_min,
        notional_min=instrument.notional_min,
    )  # fmt: skip


def seen(*rules: SymbolRules) -> RulesView:
    return RulesView({one.symbol: one for one in rules}, 2_400, 300, 1_200, 0)


@pytest.mark.parametrize(("withdraw", "bound"), [*product(ANSWERS, ANSWERS)])
def test_only_a_key_that_cannot_withdraw_may_start_and_with_real_money_somebody_must_say_so(
    withdraw: bool | None, bound: bool | None
) -> None:
    live = worst(judged_key(KeyView(True, withdraw, bound), "live"))
    assert (live is Health.CRITICAL) == (withdraw is not False)
    assert (live is Health.OK) == (withdraw is False and bound is True)
    found = {
        kind: worst(iter([*judged_key(KeyView(True, withdraw, bound), kind), OK])) for kind in ("paper", "testnet")
    }
    assert found["paper"] < Health.CRITICAL
    assert (found["testnet"] is Health.CRITICAL) == (withdraw is True)


@pytest.mark.parametrize("kind", ["paper", "testnet", "live"])
def test_a_key_that_cannot_trade_is_critical_everywhere(kind: str) -> None:
    assert worst(judged_key(KeyView(False, False, True), kind)) is Health.CRITICAL


def test_hedge_mode_is_for_a_person_to_weigh_and_margin_in_several_assets_forbids_a_start() -> None:
    assert worst(judged_mode(ModeView(False, False, {}))) is Health.OK
    assert worst(judged_mode(ModeView(True, False, {}))) is Health.WARNING
    assert worst(judged_mode(ModeView(True, True, {}))) is Health.CRITICAL


def test_filters_are_as_backtests_have_them_or_the_difference_is_named() -> None:
    wanted: dict[str, Instrument | None] = {"BTCUSDT": BTC}
    assert worst(judged_filters(seen(listed(BTC)), wanted)) is Health.OK
    (other,) = judged_filters(seen(replace(listed(BTC), tick=Decimal("0.5"))), wanted)
    assert (other.health, "tick 0.5 not 0.1" in other.detail) == (Health.WARNING, True)
    (unknown,) = judged_filters(seen(listed(BTC)), {"BTCUSDT": None})
    assert unknown.health is Health.WARNING


@pytest.mark.parametrize("rules", [(), (listed(BTC, "SETTLING"),)])
def test_a_symbol_that_does_not_trade_forbids_a_start(rules: tuple[SymbolRules, ...]) -> None:
    assert worst(judged_filters(seen(*rules), {"BTCUSDT": BTC})) is Health.CRITICAL


def test_only_what_is_critical_forbids_a_start_and_each_reason_is_given() -> None:
    warned = Finding("clock", Health.WARNING, "ours is 300 ms ahead")
    bad = [Finding("latch", Health.CRITICAL, "closed"), Finding("keys", Health.CRITICAL, "the key can withdraw")]
    assert why_not_start([OK, warned]) == ()
    assert why_not_start([bad[0], OK, warned, bad[1]]) == ("latch, closed", "keys, the key can withdraw")
