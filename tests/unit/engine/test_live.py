"""SPEC law 10: a live fund that is told what its simulated twin was told decides the same, bit for bit."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from qt_ray.ai.baselines import EmaCross, MeanReversion
from qt_ray.ai.forecast import Predictor
from qt_ray.core.errors import Invalid
from qt_ray.core.limits import Volatility
from qt_ray.core.money import decimal
from qt_ray.engine.backtest import Simulation, forecast_blocks
from qt_ray.engine.live import LiveFund
from qt_ray.engine.tapes import Block
from qt_ray.execution.fills import Cause
from qt_ray.execution.slots import Kind, Place
from qt_ray.market.regime import Regime
from qt_ray.risk.ess import EssState
from tests.unit.engine.funds import lively

pytestmark = pytest.mark.unit

BARS, SETUP = lively(count=600)
PLACES = {Cause.STOP: Place.STOP, Cause.TAKE_PROFIT: Place.TARGET}


def one_by_one(predictor: Predictor) -> list[Block]:
    return list(forecast_blocks(BARS, predictor, 1))


def tell(live: LiveFund, row: Any) -> None:
    """Tell a live fund of a fill of its twin's."""
    instrument = SETUP.instruments[int(row["symbol"])]
    live.filled(
        instrument.symbol,
        PLACES.get(Cause(int(row["cause"])), Place.ENTRY),
        int(row["ts"]),
        instrument.quantity(int(row["quantity"])),
        instrument.price(int(row["price"])),
        decimal(int(row["fee"])),
        maker=bool(row["maker"]),
    )


def retold(predictor: Predictor) -> tuple[Simulation, LiveFund]:
    """Run a twin bar by bar, and tell a live fund what its venue did before each bar's decision."""
    twin, live, heard, funded = Simulation(SETUP, BARS), LiveFund(SETUP, BARS.interval_ms, int(BARS.ts[0])), 0, 0
    for at, block in enumerate(one_by_one(predictor)):
        twin.feed(block)
        account, fills = twin_rows(twin)
        live.funded(decimal(int(account["funding"]) - funded))
        for row in fills[heard:]:
            tell(live, row)
        heard, funded = len(fills), int(account["funding"])
        assert live.decided(block).tobytes() == twin.journal.decisions[at].tobytes(), f"cycle {at}"
    return twin, live


def twin_rows(twin: Simulation) -> tuple[Any, Any]:
    account: Any = twin.world.account
    fills: Any = twin.journal.fills
    return account[0], fills[: int(twin.journal.filled[0])]


@pytest.mark.requirement("L10")
@pytest.mark.parametrize("predictor", [EmaCross(3), EmaCross(12), MeanReversion()], ids=["quick", "slow", "mean"])
def test_what_its_twin_was_told_makes_it_decide_the_same(predictor: Predictor) -> None:
    twin, live = retold(predictor)
    account, fills = twin_rows(twin)
    ours: Any = live.world.account[0]
    assert len(fills) > 20
    for name in ("wallet", "equity", "realised", "fees", "funding", "gross", "net", "next_order"):
        assert ours[name] == account[name], name
    for name in ("books", "quotes", "drawdown", "regimes"):
        np.testing.assert_array_equal(getattr(live.world, name), getattr(twin.world, name), name)
    for name in ("kind", "quantity", "price", "cause", "decided", "order"):  # since when one is active is the venue's
        np.testing.assert_array_equal(live.world.slots[name], twin.world.slots[name], name)  # type: ignore[call-overload]


def first_entry(predictor: Predictor) -> tuple[LiveFund, list[Block], int]:
    """Return a live fund at the bar where it first wants something, the bars, and which that is."""
    live, blocks = LiveFund(SETUP, BARS.interval_ms, int(BARS.ts[0])), one_by_one(predictor)
    for at, block in enumerate(blocks):
        live.decided(block)
        if any(live.wanted()):
            return live, blocks, at
    raise AssertionError("a fund wants something once")


def test_what_a_fund_wants_at_the_venue_is_read_off_its_slots() -> None:
    live, _, at = first_entry(EmaCross(3))
    entry = next(iter(live.wanted()))
    assert (entry.place, entry.kind, entry.reduce_only, entry.cause) == (Place.ENTRY, Kind.MARKET, False, Cause.SIGNAL)
    live.filled(
        entry.symbol, Place.ENTRY, int(BARS.ts[at + 1]), entry.quantity, Decimal(str(BARS.close[at, 0])), Decimal(0)
    )
    (stop, target) = [one for one in live.wanted() if one.symbol == entry.symbol]
    assert (stop.place, stop.kind, stop.reduce_only, stop.quantity) == (Place.STOP, Kind.STOP, True, -entry.quantity)
    assert (target.place, target.kind, target.reduce_only) == (Place.TARGET, Kind.LIMIT, True)
    side = 1 if entry.quantity > 0 else -1
    assert side * stop.price < side * target.price


def test_an_order_that_ended_is_wanted_no_more_and_a_part_leaves_the_rest() -> None:
    live, _, at = first_entry(EmaCross(3))
    entry = next(iter(live.wanted()))
    instrument = next(one for one in SETUP.instruments if one.symbol == entry.symbol)
    part = instrument.step if entry.quantity > 0 else -instrument.step
    live.filled(entry.symbol, Place.ENTRY, int(BARS.ts[at + 1]), part, Decimal(str(BARS.close[at, 0])), Decimal(0))
    assert next(iter(live.wanted())).quantity == entry.quantity - part
    live.ended(entry.symbol, Place.ENTRY)
    assert [one.place for one in live.wanted() if one.symbol == entry.symbol] == [Place.STOP, Place.TARGET]


@pytest.mark.parametrize("state", [EssState.FLATTENING, EssState.FLAT, EssState.COOLING_DOWN])
def test_in_an_emergency_nothing_is_entered(state: EssState) -> None:
    live = LiveFund(SETUP, BARS.interval_ms, int(BARS.ts[0]))
    live.governed(SETUP.policy, state, 10_000)
    for block in one_by_one(EmaCross(3))[:200]:
        live.decided(block)
        assert not any(live.wanted())


def test_a_policy_that_changed_is_in_force_at_the_next_bar() -> None:
    live, blocks, at = first_entry(EmaCross(3))
    again = LiveFund(SETUP, BARS.interval_ms, int(BARS.ts[0]))
    for block in blocks[:at]:
        again.decided(block)
    again.governed(SETUP.policy.with_new_trades(False, "ann", 1), EssState.ARMED, 10_000)
    again.decided(blocks[at])
    assert not any(again.wanted())
    assert next(iter(live.wanted())).number == 1


def test_volatility_changes_its_name_where_the_policy_in_force_says_so() -> None:
    live = LiveFund(SETUP, BARS.interval_ms, int(BARS.ts[0]))
    wild = replace(SETUP.policy, volatility=Volatility(atr_low_bps=1, atr_high_bps=2, atr_extreme_bps=3))
    live.governed(wild, EssState.ARMED, 10_000)
    for block in one_by_one(EmaCross(3))[:60]:
        live.decided(block)
    quotes: Any = live.world.quotes
    assert set(quotes["regime"].tolist()) == {Regime.EXTREME}


def test_a_transfer_is_neither_profit_nor_loss() -> None:
    live = LiveFund(SETUP, BARS.interval_ms, int(BARS.ts[0]))
    blocks = one_by_one(EmaCross(3))
    live.decided(blocks[0])
    live.transferred(Decimal(-5_000))
    live.decided(blocks[1])
    drawdown: Any = live.world.drawdown[0]
    assert (drawdown["drawdown_bps"], drawdown["day_bps"]) == (0, 0)


def test_what_makes_no_sense_is_refused_and_changes_nothing() -> None:
    live, blocks, at = first_entry(EmaCross(3))
    before = list(live.wanted())
    with pytest.raises(Invalid, match="NOPEUSDT: a fund trades the symbols"):
        live.filled("NOPEUSDT", Place.ENTRY, 0, Decimal(1), Decimal(1), Decimal(0))
    with pytest.raises(Invalid, match="whole steps"):
        live.filled(before[0].symbol, Place.ENTRY, 0, Decimal("0.00000001"), Decimal(1), Decimal(0))
    with pytest.raises(Invalid, match="a bar at a time, were 2"):
        live.decided(Block(0, BARS.window(at, at + 2), blocks[at].forecasts))
    assert list(live.wanted()) == before
