import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from qt_ray.cli.screen import console, distance, emit, fault, moment, note, progress, say, spelled

pytestmark = pytest.mark.unit

UNITS_SAID = ("s", "min", "h", "days")


class Side(StrEnum):
    BUY = "buy"


class Level(IntEnum):
    HIGH = 2


@dataclass(frozen=True)
class Point:
    price: Decimal


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12))
def test_a_decimal_crosses_json_exactly(value: Decimal) -> None:
    text = spelled(value)
    assert "E" not in text
    assert Decimal(text) == value


@pytest.mark.parametrize(
    ("value", "spelling"),
    [
        (Decimal("1E+3"), "1000"),
        (Decimal("1e-8"), "0.00000001"),
        (float("nan"), None),
        (float("-inf"), None),
        (np.int64(7), 7),
        (np.float64(0.5), 0.5),
        (np.float64("nan"), None),
        (Side.BUY, "buy"),
        (Level.HIGH, 2),
        (Point(Decimal("1.50")), {"price": "1.50"}),
        ((1, "a", None, True), [1, "a", None, True]),
        ({"a": Decimal(1)}, {"a": "1"}),
        (PurePosixPath("runs/1"), "runs/1"),
        (datetime(2025, 1, 2, 9, tzinfo=timezone(timedelta(hours=1))), "2025-01-02T08:00:00.000Z"),
    ],
)
def test_each_kind_has_one_spelling(value: object, spelling: object) -> None:
    assert spelled(value) == spelling


def test_what_has_no_spelling_is_refused() -> None:
    with pytest.raises(TypeError, match="plain values"):
        spelled(object())


def test_emitted_data_carries_its_schema_first(capsys: pytest.CaptureFixture[str]) -> None:
    emit("qt.test/1", {"balance": Decimal("10000.00")})
    out = capsys.readouterr().out
    assert list(json.loads(out)) == ["schema", "balance"]
    for schema in ("test/1", "qt.test", "qt.test/x"):
        with pytest.raises(ValueError, match="a schema is"):
            emit(schema, {})


def test_data_goes_to_stdout_and_everything_else_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    say("data")
    note("remark")
    fault("two\nlines")
    with progress() as bars:
        task = bars.add_task("work", total=2)
        bars.advance(task)
    console().print("table")
    shown = capsys.readouterr()
    assert shown.out == "data\ntable\n"
    assert shown.err == "remark\nerror: two lines\n"


def test_a_table_that_nobody_looks_at_is_not_folded(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(box=None)
    for name in ("first", "second"):
        table.add_column(name)
    table.add_row("word " * 40, "last")
    console().print(table)
    assert [line.rstrip().endswith("last") for line in capsys.readouterr().out.splitlines()] == [False, True]


def test_a_moment_is_said_here_and_in_utc_and_what_never_was_is_never(monkeypatch: pytest.MonkeyPatch) -> None:
    at = "2026-01-01T02:30:00.000Z"
    for zone, shown in (
        ("UTC", "2026-01-01 02:30:00 UTC"),
        ("America/New_York", "2025-12-31 21:30:00 EST, 2026-01-01 02:30:00 UTC"),
    ):
        with monkeypatch.context() as here:
            here.setenv("TZ", zone)
            time.tzset()
            assert moment(at) == shown
    time.tzset()
    assert moment(None) == "never"


@given(st.integers(-(10**12), 10**12))
def test_a_distance_is_in_the_largest_whole_unit_and_says_which_way(ms: int) -> None:
    said = distance(ms)
    number = int(next(word for word in said.split() if word.isdigit()))
    size = {"s": 1, "min": 60, "h": 3_600, "days": 86_400}[next(unit for unit in said.split() if unit in UNITS_SAID)]
    assert number * size <= abs(ms) // 1_000 < (number + 1) * size
    assert said.endswith("ago") is (ms >= 0)
