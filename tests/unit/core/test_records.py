from typing import Any

import numpy as np
import pytest

from qt_ray.core.account import Account, Book, Forecast, Quote
from qt_ray.core.compiled import compiled
from qt_ray.core.instruments import BracketRow, InstrumentRow
from qt_ray.core.records import F32, F64, I32, I64, U8, U32, Rows, dtype, empty
from qt_ray.execution.exits import ExitRow
from qt_ray.execution.fills import Fill
from qt_ray.execution.simulated import Venue
from qt_ray.execution.slots import Slot
from qt_ray.risk.ask import Ask, Limits
from qt_ray.risk.drawdown import Drawdown

pytestmark = pytest.mark.unit

RECORDS = [Account, Book, Forecast, Quote, BracketRow, InstrumentRow, ExitRow, Fill, Venue, Slot, Ask, Limits, Drawdown]


class Sample:
    """One field of every kind."""

    large: I64
    small: I32
    mask: U32
    flag: U8
    exact: F64
    rough: F32


def test_a_row_is_packed_little_endian_in_order_of_declaration() -> None:
    layout = dtype(Sample)
    assert layout.names == tuple(Sample.__annotations__)
    assert [layout[name].str for name in Sample.__annotations__] == ["<i8", "<i4", "<u4", "|u1", "<f8", "<f4"]
    assert layout.itemsize == 8 + 4 + 4 + 1 + 8 + 4


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_no_record_has_bytes_that_no_field_owns(record: type[Any]) -> None:
    layout = dtype(record)
    assert layout.itemsize == sum(layout[name].itemsize for name in record.__annotations__)
    assert layout.names == tuple(record.__annotations__)


def test_fresh_rows_are_zero_and_so_are_their_bytes() -> None:
    rows = empty(Sample, 3)
    assert len(rows) == 3
    assert rows.tobytes() == bytes(3 * dtype(Sample).itemsize)


def test_bytes_make_the_same_rows_again() -> None:
    rows = empty(Sample, 2)
    rows[1] = (-(2**63), -1, 2**32 - 1, 255, 0.1, 0.5)
    again = np.frombuffer(rows.tobytes(), dtype(Sample))
    assert (again == rows).all()


@compiled
def _raise(rows: Rows[Sample], at: int, amount: int) -> int:
    row = rows[at]
    row.large += amount
    row.flag = 1
    return len(rows)


def test_a_kernel_writes_into_the_row_it_is_given() -> None:
    rows = empty(Sample, 2)
    assert _raise(rows, 1, 5) == 2
    assert rows["large"].tolist() == [0, 5]
    assert rows["flag"].tolist() == [0, 1]
