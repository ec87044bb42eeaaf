"""The gateway as a part: errands in, tidings out, and no entry without the policy store's leave."""

from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import monotonic_ns

import pytest

from qt_ray.actors.gateway import Gateway
from qt_ray.actors.gateway_shift import Shift
from qt_ray.adapters.binance.ban import Ban
from qt_ray.adapters.trading.opening import told
from qt_ray.adapters.trading.places import Places
from qt_ray.adapters.trading.workplace import workplace_of
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.orders import Side
from qt_ray.engine.errands import Errands, Stamp
from qt_ray.engine.tidings import Filled, Stand
from qt_ray.execution.venue.calls import AskMode, Throttled
from qt_ray.execution.venue.views import PositionSide
from qt_ray.governance.rulebook import Denied
from qt_ray.governance.rulebook_entries import Author
from qt_ray.governance.wishes import Approve, Change, Propose, Wish
from tests.integration.accounts import SYMBOLS
from tests.integration.gateways import BTC, Direct, House, Reader, placed, play

pytestmark = pytest.mark.integration


def test_errands_become_orders_once_and_tidings_become_what_the_books_hold(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        async with house.at_work() as gateway:
            reader = Reader()
            await house.read(gateway, reader, lambda: reader.cursor > 0)
            assert isinstance(reader.told[0].what, Stand)
            intent = house.entry(1)
            for _ in range(2):  # the answer to the first may have been lost
                await placed(house, gateway, intent)
            await house.read(gateway, reader, lambda: intent.client_id in reader.ended())
            fills = [tiding.what for tiding in reader.told if isinstance(tiding.what, Filled)]
            assert sum(fill.quantity for fill in fills) == Decimal("0.01")
            assert {fill.client_id for fill in fills} == {intent.client_id}
            place = gateway._open_place()
            books = place.account.custody.books
            assert reader.held[BTC] == books.position(BTC, PositionSide.BOTH).quantity
            assert reader.wallet == books.wallets["USDT"]
            facts = (await gateway.condition()).facts
            assert facts["positions"] == 1
            assert facts["is_reconciled"]
            gateway._shift._herald.look()  # type: ignore[union-attr]
            kinds = [event.type for event in house.voice.events]
            assert {"order.filled", "trade.executed", "position.opened", "account.equity.updated"} <= set(kinds)
        assert not house.ends

    play(tmp_path, story)


def test_what_is_refused_ends_among_the_tidings_and_is_counted_by_its_rule(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        async with house.at_work() as gateway:
            reader = Reader()
            await house.read(gateway, reader, lambda: reader.cursor > 0)
            old = house.entry(1)
            await house.stop()
            await placed(house, gateway, old)
            await house.read(gateway, reader, lambda: old.client_id in reader.ended())
            condition = await gateway.condition()
            assert condition.is_ready
            assert not condition.facts["lets_entries"]
            assert condition.facts["declined"] == {"no entry in an emergency": 1}
            await placed(house, gateway, old)  # and again: its name is spent, under every later lease too
            assert sum((await gateway.condition()).facts["declined"].values()) == 1
            with pytest.raises(Invalid, match="for the account main"):
                await gateway.errands(Errands(), Stamp("other", "trend", 0, 1, 1))
            with pytest.raises(Invalid, match="wait_ms"):
                await gateway.tidings(0, 10**6)
        assert not house.venue.exchange.open_orders("paper")

    play(tmp_path, story)


def test_an_entry_under_an_epoch_that_has_turned_is_told_as_ended(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        async with house.at_work() as gateway:
            reader = Reader()
            await house.read(gateway, reader, lambda: reader.cursor > 0)
            old = house.entry(1)
            await house.stop()
            await house.line.end_emergency("ann", "it was nothing")
            await house.until(gateway, lambda found: found.facts["lets_entries"])
            await placed(house, gateway, old)
            await house.read(gateway, reader, lambda: bool(reader.ended()))
            assert reader.ended() == {old.client_id}
            assert (await gateway.condition()).facts["declined"] == {"an entry is of the epoch in force": 1}
            fresh = house.entry(2)
            await placed(house, gateway, fresh)
            await house.read(gateway, reader, lambda: reader.held.get(BTC, 0) != 0)

    play(tmp_path, story)


def test_a_second_gateway_of_one_account_gets_no_lease_and_sends_nothing(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        async with house.at_work(), house.at_work(Direct(house.store), folder="two", ready=False) as second:
            intent = house.entry(1)
            await placed(house, second, intent)
            condition = await second.condition()
            assert not condition.is_ready
            assert condition.reasons[0] == "no entry without a lease of the policy store"
            assert sum(condition.facts["declined"].values()) == 1
            assert not house.venue.exchange.open_orders("paper")

    play(tmp_path, story)


def test_rest_takes_back_what_could_open_and_the_next_life_says_how_the_account_stands(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        reader = Reader()
        async with house.at_work() as gateway:
            await house.read(gateway, reader, lambda: reader.cursor > 0)
            resting, bought = house.resting(1), house.entry(2)
            await placed(house, gateway, resting, bought)
            await house.read(gateway, reader, lambda: bought.client_id in reader.ended())
            assert house.open_entries() == 1
        assert house.open_entries() == 0
        with pytest.raises(Retryable, match="the account is open"):
            await gateway.tidings(reader.cursor, 0)
        async with house.at_work(Direct(house.store)) as successor:
            reader.apply(await successor.tidings(reader.cursor, 0))
            stand = reader.told[-1].what
            assert isinstance(stand, Stand)
            assert resting.client_id not in stand.working
            assert reader.held[BTC] == Decimal("0.01")
            assert await successor.tidings(reader.cursor, 0) == ()

    play(tmp_path, story)


@pytest.mark.requirement("S3 EmergencyStop")
def test_the_dead_mans_timer_is_wound_only_while_those_who_end_positions_are_well(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        async with house.at_work() as gateway:
            engine = gateway._open_place().account.gateway.engine
            await house.until(gateway, lambda _: engine._is_healthy)
            house.is_well = False
            await house.until(gateway, lambda _: not engine._is_healthy)
            house.is_well = True
            await house.until(gateway, lambda _: engine._is_healthy)
            house.line.is_away = True
            await house.until(gateway, lambda found: not engine._is_healthy and not found.is_ready)
        assert not house.ends

    play(tmp_path, story)


def test_nothing_is_opened_while_nobody_would_write_it_down_and_exits_go_on(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        async with house.at_work() as gateway:
            reader = Reader()
            await house.read(gateway, reader, lambda: reader.cursor > 0)
            bought, resting = house.entry(1), house.resting(2)
            await placed(house, gateway, bought, resting)
            await house.read(gateway, reader, lambda: bought.client_id in reader.ended())
            house.silent = "no entry on a full disk, 3 MiB of 500 are left"
            await house.until(gateway, lambda found: not found.facts["lets_entries"])
            # What rests is taken back, what asks is refused, and what lessens risk is carried out.
            late, closing = house.entry(3), replace(house.entry(4), side=Side.SELL, reduce_only=True)
            await placed(house, gateway, late, closing)
            await house.read(gateway, reader, lambda: {late.client_id, resting.client_id} <= reader.ended())
            await house.read(gateway, reader, lambda: reader.held[BTC] == 0)
            condition = await gateway.condition()
            assert condition.facts["declined"] == {"no entry on a full disk": 1}
            assert (condition.is_ready, condition.reasons[0]) == (True, house.silent)
            house.silent = None
            await house.until(gateway, lambda found: found.facts["lets_entries"])

    play(tmp_path, story)


async def bought_twice(house: House, gateway: Gateway, reader: Reader, number: int) -> None:
    """Ask for two entries that are like each other, one after the other, once entries are let in."""
    await house.until(gateway, lambda found: found.facts.get("lets_entries", False))
    for intent in (house.entry(number), house.entry(number + 1)):
        await placed(house, gateway, intent)
        await house.read(gateway, reader, partial(ended, reader, intent.client_id))


def ended(reader: Reader, client_id: str) -> bool:
    return client_id in reader.ended()


async def governed(house: House, gateway: Gateway, wish: Wish, person: str) -> Shift:
    """Have the limits changed, and return the shift that works under them."""
    assert not isinstance(house.store.wish(wish, Author(person, is_person=True)), Denied)
    limits = house.store.get_policy().limits
    await house.until(gateway, lambda found: found.is_ready and shift_of(gateway).place.limits == limits)
    return shift_of(gateway)


def shift_of(gateway: Gateway) -> Shift:
    assert gateway._shift is not None
    return gateway._shift


def test_limits_that_change_count_for_the_next_order_tighter_or_looser(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        async with house.at_work() as gateway:
            reader, store = Reader(), house.store
            await house.read(gateway, reader, lambda: reader.cursor > 0)
            tighter, looser = ({"limits.duplicate_window_ms": ms} for ms in (3_600_000, 0))
            first = shift_of(gateway)
            change = Change(tighter, store.get_policy().version, "double orders")
            assert await governed(house, gateway, change, "ann") is first
            await bought_twice(house, gateway, reader, 1)
            assert reader.held[BTC] == Decimal("0.01")
            store.wish(Propose(looser, store.get_policy().version, "looked at"), Author("ann", is_person=True))
            (proposal,) = store.proposals()
            assert await governed(house, gateway, Approve(proposal.id), "bob") is first
            await bought_twice(house, gateway, reader, 3)
            assert reader.held[BTC] == Decimal("0.03")
        assert not house.ends

    play(tmp_path, story)


def test_under_another_leverage_the_account_is_opened_anew_because_the_venue_must_be_told(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        async with house.at_work() as gateway:
            first, store = shift_of(gateway), house.store
            change = Change({"limits.leverage_default": 2}, store.get_policy().version, "less is more")
            assert await governed(house, gateway, change, "ann") is not first
            found = await told(shift_of(gateway).place.session, AskMode())
            assert {found.symbols[symbol].leverage for symbol in SYMBOLS} == {2}
        assert not house.ends

    play(tmp_path, story)


def test_while_the_venue_has_shut_its_door_an_account_is_not_opened_and_nobody_knocks(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        gateway, ban = house.gateway(), Ban()
        ban.hear(Throttled(-1003, 3_600_000, banned=True), monotonic_ns())
        gateway._opening = lambda policy, ring: workplace_of(
            house.settings, Places(house.folder / "one"), policy.limits, ring, ban
        )
        gateway._living.keep(gateway.run())
        await house.until(gateway, lambda found: "too much was asked" in "".join(found.reasons))
        assert not house.venue.hall.limits._visitors
        await gateway.rest()

    play(tmp_path, story)
