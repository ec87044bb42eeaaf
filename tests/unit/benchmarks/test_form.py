import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.__main__ import MODULES, ROOT, row_of
from benchmarks.form import (
    Row,
    Sample,
    at_least,
    at_most,
    less_is_better,
    main,
    median_of,
    more_is_better,
    number,
)

pytestmark = pytest.mark.unit

sizes = st.floats(1e-6, 1e9)
KEYS = ["row", "value", "unit", "peer", "ratio", "target", "holds", "runs", "spread"]


def sample(value: float) -> Sample:
    return Sample(value, 3, (value, value))


@given(sizes, sizes, sizes)
def test_a_row_holds_exactly_when_its_ratio_reaches_the_target(ours: float, peer: float, target: float) -> None:
    faster = more_is_better("a", "bars/s", sample(ours), peer, target)
    smaller = less_is_better("a", "us", sample(ours), peer, target)
    assert faster.ratio == smaller.ratio == ours / peer
    assert faster.holds == (ours / peer >= target)
    assert smaller.holds == (ours / peer <= target)


@given(sizes, sizes)
def test_a_row_without_a_peer_holds_by_its_own_value(ours: float, target: float) -> None:
    assert at_least("a", "b", sample(ours), target).holds == (ours >= target)
    assert at_most("a", "b", sample(ours), target).holds == (ours <= target)


@given(sizes, sizes)
def test_a_row_survives_the_way_through_json(value: float, peer: float) -> None:
    row = more_is_better("a × b", "bars/s", sample(value), peer, 10)
    assert list(json.loads(row.line())) == KEYS
    assert row_of(row.line()) == row


def test_the_median_is_of_warm_runs_and_inside_its_spread() -> None:
    runs: list[int] = []
    timing = median_of(lambda: runs.append(1), 5)
    assert len(runs) == 6
    assert timing.runs == 5
    assert timing.spread[0] <= timing.value <= timing.spread[1]


def test_a_rate_turns_the_slowest_run_into_the_lowest_number() -> None:
    assert Sample(2.0, 3, (1.0, 4.0)).rate(8) == Sample(4.0, 3, (2.0, 8.0))
    assert Sample(2.0, 3, (1.0, 4.0)).scaled(1e6) == Sample(2e6, 3, (1e6, 4e6))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (0.0, "0"), (0.01234, "0.01234"), (29_743.8, "29 744"), (3_970_000.0, "3.97 M")],
)
def test_numbers_are_shown_with_about_four_figures(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_json_prints_one_object_per_row_and_a_table_prints_the_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[bool] = []

    def measure(quick: bool) -> list[Row]:
        asked.append(quick)
        return [
            at_least("slow thing", "x/s", sample(1.0), 2.0),
            at_least("quick thing", "x/s", sample(3.0), 2.0),
        ]

    main(measure, ["--json", "--quick"])
    assert [json.loads(line)["holds"] for line in capsys.readouterr().out.splitlines()] == [False, True]
    main(measure, [])
    assert "FALLS SHORT" in capsys.readouterr().out
    assert asked == [True, False]


def test_every_benchmark_is_registered_once() -> None:
    scripts = {path.stem: path.read_text() for path in (ROOT / "benchmarks").glob("[!_]*.py")}
    measured = [name for name, text in scripts.items() if "benchmarks.form import" in text and "__main__" in text]
    assert sorted(MODULES) == sorted(measured)
