import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from qt_ray.adapters.latch import Latch
from qt_ray.adapters.settings import Settings
from qt_ray.execution.venue.calls import Done
from qt_ray.jobs.emergency import Order, order_of, ready, shut
from tests.unit.jobs.test_stopwatch import Slow

pytestmark = pytest.mark.unit


def settings(folder: Path, **data: str) -> Settings:
    return Settings.model_validate({"fund": {"state": str(folder)}, "data": data})


def test_what_settings_know_spares_an_emergency_its_questions(tmp_path: Path) -> None:
    order = order_of(settings(tmp_path), "drawdown", "ann")
    assert order.latch == tmp_path / "paper" / "main" / "latch.json"
    assert order.symbols == ("BTCUSDT", "ETHUSDT")
    assert order.parts["BTCUSDT"] > 1


@pytest.mark.parametrize("content", [None, b"", b"BTCUSDT: [", b"\xff"])
def test_a_file_of_instruments_that_cannot_be_read_is_no_reason_not_to_stop(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "instruments.yaml"
    if content is not None:
        file.write_bytes(content)
    order = order_of(settings(tmp_path, instruments=str(file)), "drawdown", "ann")
    assert order.parts == {}


def test_the_latch_is_shut_before_there_is_a_session_and_each_emergency_has_its_epoch(tmp_path: Path) -> None:
    order = Order("main", tmp_path / "latch.json", "drawdown", "ann", (), {"BTCUSDT": Decimal(1)})
    assert [shut(order).epoch, shut(order).epoch] == [1, 2]
    assert Latch(order.latch).state().closed


def test_a_disk_that_refuses_the_latch_stops_no_emergency(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert shut(Order("main", tmp_path / "file" / "latch.json", "drawdown", "ann")).epoch == 1


def test_connections_are_opened_by_asking_what_changes_nothing() -> None:
    slow = Slow(*[Done(1)] * 16)
    asyncio.run(ready(slow))
    assert slow.answers == []
