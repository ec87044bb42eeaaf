"""Form: how every benchmark is asked, and how it answers.

A row is a claim that can fail: what was measured, against whom, what we promised and whether it holds. Only
ratios from one run on one machine travel; a row without a peer promises a bound on its own value instead.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from rich import box
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One published number: `peer` is what the peer reached, in the same unit and the same run."""

    row: str
    value: float
    unit: str
    peer: float | None
    ratio: float | None
    target: float | None
    holds: bool
    runs: int
    spread: tuple[float, float]

    def line(self) -> str:
        """Return the row as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Sample:
    """Several runs of the same work: the median, and the extremes as `spread`."""

    value: float
    runs: int
    spread: tuple[float, float]

    def rate(self, count: float) -> "Sample":
        """Return seconds as a rate: `count` things per second, slowest run first."""
        return Sample(count / self.value, self.runs, (count / self.spread[1], count / self.spread[0]))

    def scaled(self, factor: float) -> "Sample":
        """Return seconds in another unit, such as microseconds per thing."""
        low, high = self.spread
        return Sample(self.value * factor, self.runs, (low * factor, high * factor))


def median_of(function: Callable[[], object], runs: int) -> Sample:
    """Return the wall seconds of `runs` runs after one unmeasured run (compilation, page faults)."""
    function()
    return timed(function, runs)


def timed(function: Callable[[], object], runs: int) -> Sample:
    """Return the wall seconds of `runs` runs, the first one counted: for work too long to warm up."""
    walls = []
    for _ in range(runs):
        started = time.perf_counter()
        function()
        walls.append(time.perf_counter() - started)
    return Sample(median(walls), runs, (min(walls), max(walls)))


def more_is_better(row: str, unit: str, ours: Sample, peer: float, target: float) -> Row:
    """Return a row that promises at least `target` times what the peer reached."""
    ratio = ours.value / peer
    return Row(row, ours.value, unit, peer, ratio, target, ratio >= target, ours.runs, ours.spread)


def less_is_better(row: str, unit: str, ours: Sample, peer: float, target: float) -> Row:
    """Return a row that promises at most `target` times what the peer needed."""
    ratio = ours.value / peer
    return Row(row, ours.value, unit, peer, ratio, target, ratio <= target, ours.runs, ours.spread)


def at_least(row: str, unit: str, ours: Sample, target: float) -> Row:
    """Return a row that promises a value of at least `target`, without a peer."""
    holds = ours.value >= target
    return Row(row, ours.value, unit, None, None, target, holds, ours.runs, ours.spread)


def at_most(row: str, unit: str, ours: Sample, target: float) -> Row:
    """Return a row that promises a value of at most `target`, without a peer."""
    holds = ours.value <= target
    return Row(row, ours.value, unit, None, None, target, holds, ours.runs, ours.spread)


def number(value: float | None) -> str:
    """Return a number as a table shows it: about four figures, thousands apart, millions named."""
    if value is None:
        return ""
    if abs(value) >= 1e6:
        return f"{value / 1e6:.4g} M"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.4g}"


WIDTH_MIN = 120
HEADER = ("row", "value", "unit", "peer", "ratio", "target", "holds", "runs", "spread")


def cells(row: Row) -> tuple[str, ...]:
    """Return a row as the cells under `HEADER`."""
    spread = f"{number(row.spread[0])} to {number(row.spread[1])}"
    verdict = "yes" if row.holds else "FALLS SHORT"
    figures = (number(row.peer), number(row.ratio), number(row.target))
    return (row.row, number(row.value), row.unit, *figures, verdict, str(row.runs), spread)


def table(rows: Sequence[Row]) -> Table:
    """Return the rows as a table for a terminal."""
    drawn = Table(box=box.SIMPLE, pad_edge=False)
    for name in HEADER:
        words = name in ("row", "unit")
        drawn.add_column(name, justify="left" if words else "right", no_wrap=name != "row")
    for row in rows:
        drawn.add_row(*cells(row), style="" if row.holds else "red")
    return drawn


def terminal(stderr: bool = False) -> Console:
    """Return a console wide enough for a row on one line."""
    console = Console(stderr=stderr)
    console.width = max(console.width, WIDTH_MIN)
    return console


def report(rows: Sequence[Row], as_json: bool) -> None:
    """Print one JSON object per row, or a table."""
    if as_json:
        print("\n".join(row.line() for row in rows))
    else:
        terminal().print(table(rows))


def main(measure: Callable[[bool], list[Row]], argv: Sequence[str] | None = None) -> None:
    """Measure and report; `measure` is told whether a quick look is enough."""
    parser = argparse.ArgumentParser(description="Run one benchmark alone.")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    parser.add_argument("--quick", action="store_true", help="less data and fewer runs: a smoke test, not a number")
    options = parser.parse_args(argv)
    report(measure(options.quick), options.json)
