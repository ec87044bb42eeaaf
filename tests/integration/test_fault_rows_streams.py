"""Rows 21 to 27 of the fault catalogue: what becomes of an account whose news does, over real sockets."""

import asyncio
from pathlib import Path

import pytest

from qt_ray.adapters.clock import monotonic_ns
from qt_ray.adapters.paper.faults import Deed
from qt_ray.core.orders import Filled
from tests.integration.fault_rows import Row, tell

pytestmark = pytest.mark.integration

ORDERS = {"event": "ORDER_TRADE_UPDATE"}
REPAIRED_S = 6.0
WEIGHT_MAX = 2_400 * 8 // 10


async def traded(row: Row) -> str:
    """Buy, wait until all is known of it, and return its name."""
    [name] = row.want(row.market())
    await row.stage.until(lambda: isinstance(row.order(name), Filled))
    await row.agreed()
    return name


@pytest.mark.parametrize(
    "lost", [{"nth": 1, **ORDERS}, {"nth": 2, **ORDERS}, ORDERS, {"event": "*"}], ids=["news", "fill", "orders", "all"]
)
def test_row_21_lost_events_are_fetched_by_their_numbers(tmp_path: Path, lost: dict[str, object]) -> None:
    async def story(row: Row) -> None:
        row.break_(Deed.EVENT_LOSE, **lost)
        started = monotonic_ns()
        for _ in range(2):
            await traded(row)
        assert (monotonic_ns() - started) / 1e9 < REPAIRED_S
        assert set(row.executed.values()) == {1}

    tell(tmp_path, story)


def test_row_22_what_is_told_twice_happens_once(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        row.break_(Deed.EVENT_DUPLICATE, event="*")
        for _ in range(3):
            await traded(row)
        assert len(row.executed) == 3
        assert set(row.executed.values()) == {1}

    tell(tmp_path, story)


def test_row_23_events_in_any_order_tell_the_same(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        for hold in range(1, 6):
            row.break_(Deed.EVENT_HOLD, **ORDERS, count=2, hold=hold)
            await traded(row)
            row.lift()

    tell(tmp_path, story)


def test_row_24_a_stream_that_falls_silent_and_answers_pings_hides_nothing(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        assert row.do("stall", road="private")["stalled"] == 1
        row.break_(Deed.DROP_AFTER, method="POST", path="/fapi/v1/order", count=1)
        started = monotonic_ns()
        await traded(row)
        assert (monotonic_ns() - started) / 1e9 < REPAIRED_S

    tell(tmp_path, story)


def test_row_25_sockets_that_are_closed_again_and_again_cost_no_fill_and_no_storm(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        for _ in range(3):
            row.want(row.market())
            row.do("close", road="private")
            await asyncio.sleep(0.5)
        row.do("announce_shutdown")
        await row.agreed()
        await row.stage.until(lambda: row.stage.account.is_ready)
        assert (row.stage.session.usage().weight_minute or 0) < WEIGHT_MAX
        await traded(row)

    tell(tmp_path, story)


@pytest.mark.parametrize("told", ["true", "false"])
def test_row_26_a_listen_key_that_others_end_leaves_no_gap_in_the_books(tmp_path: Path, told: str) -> None:
    async def story(row: Row) -> None:
        assert row.do("end_listen_key", told=told)["ended"]
        [name] = row.want(row.market())
        await row.stage.until(lambda: isinstance(row.order(name), Filled))
        await row.agreed()

    tell(tmp_path, story)


BROKEN = [
    {"deed": Deed.EVENT_TRUNCATE},
    {"deed": Deed.EVENT_UNKNOWN},
    {"deed": Deed.EVENT_EXTRA},
    {"deed": Deed.EVENT_HUGE, "count": 1},
    *[{"deed": Deed.EVENT_SPOIL, "field": "L", "value": value} for value in ('"NaN"', '"-1"', '"1e400"', "5", '"１"')],
]


def test_row_27_nothing_that_cannot_be_read_is_believed_or_stops_anything(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        for how in BROKEN:
            row.break_(**{**ORDERS, **how})
            await traded(row)
            row.lift()

    tell(tmp_path, story)
