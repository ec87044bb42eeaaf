"""All benchmarks: every module in its own process, one page for all of them.

A module that fails is a section that says so and a non-zero exit; it never takes the others with it.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.form import HEADER, Row, cells, table, terminal

MODULES = (
    "features",
    "backtest",
    "money",
    "binance",
    "journal",
    "fault_campaign",
    "market",
    "trees",
    "ensemble",
    "research",
    "footprint",
    "planted",
    "drill",
    "exchange",
    "paper_venue",
    "crash_points",
    "fault_table",
    "gateway",
    "account_start",
    "start",
)
ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
SECONDS_MAX = 3600


def measured(name: str, quick: bool) -> tuple[list[Row], str]:
    """Run one module alone and return its rows, and what went wrong, if anything did."""
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", *(["--quick"] if quick else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return [], f"did not finish within {SECONDS_MAX} s"
    rows = [row_of(line) for line in done.stdout.splitlines() if line.startswith("{")]
    failure = "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no message"])[-1]
    return rows, failure


def row_of(line: str) -> Row:
    """Return the row that a line of JSON states."""
    fields = json.loads(line)
    low, high = fields.pop("spread")
    return Row(**fields, spread=(low, high))


def machine() -> str:
    """Describe what the numbers depend on, and nothing that names a host."""
    cpu, memory = platform.machine(), ""
    cpus, memories = Path("/proc/cpuinfo"), Path("/proc/meminfo")
    if cpus.exists() and memories.exists():
        lines = cpus.read_text().splitlines()
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        cpu = f"{len(models)} × {models[0]}" if models else f"{cpu}, {os.cpu_count()} CPUs"
        memory = f", {int(memories.read_text().split()[1]) / 2**20:.0f} GiB"
    software = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba"))
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{cpu}{memory}, {system}, {software}"


def section(name: str, rows: Sequence[Row], failure: str) -> Iterator[str]:
    """Yield the lines of one module's section."""
    yield f"## {name}\n"
    yield f"`python -m benchmarks.{name}`\n"
    if failure:
        yield f"**Did not finish:** {failure}\n"
    if rows:
        yield "| " + " | ".join(HEADER) + " |"
        yield "|" + "|".join("---" if head in ("row", "unit") else "--:" for head in HEADER) + "|"
        for row in rows:
            yield ("| " + " | ".join(f"**{cell}**" if cell == "FALLS SHORT" else cell for cell in cells(row)) + " |")
        yield ""


def page(results: Sequence[tuple[str, list[Row], str]], command: str, quick: bool) -> str:
    """Return the whole page as Markdown."""
    rows = [row for _, found, _ in results for row in found]
    short = sum(not row.holds for row in rows)
    lines = [
        "# Benchmarks\n",
        "Only ratios from one run travel: the peer ran on the same machine and data, in the same run.",
        "`value` and `peer` are medians in `unit`; `spread` is the fastest and the slowest run of ours.\n",
        f"- made by `{command}` on {datetime.now(UTC):%Y-%m-%d}",
        f"- on {machine()}",
        f"- {len(rows)} rows, {short} of them fall short" + ("; quick run, not for quoting" if quick else "") + "\n",
    ]
    for name, found, failure in results:
        lines.extend(section(name, found, failure))
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Run the modules asked for, show each as it finishes, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run every benchmark.")
    parser.add_argument("names", nargs="*", default=MODULES, help=f"some of {', '.join(MODULES)}; all when absent")
    parser.add_argument("--quick", action="store_true", help="less data and fewer runs; writes no page unless --out")
    parser.add_argument("--out", type=Path, help="where to write the page instead of docs/benchmarks.md")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(MODULES))
    if unknown:
        parser.error(f"a benchmark is one of {', '.join(MODULES)}, was {', '.join(unknown)}")
    console, results = terminal(stderr=True), []
    for name in options.names:
        with console.status(f"benchmarks.{name}"):
            rows, failure = measured(name, options.quick)
        results.append((name, rows, failure))
        console.print(table(rows) if rows else "", f"[red]{name}: {failure}[/red]" if failure else "")
    target = options.out or (None if options.quick or tuple(options.names) != MODULES else PAGE)
    if target is not None:
        command = " ".join(["python -m benchmarks", *sys.argv[1:]])
        target.write_text(page(results, command, options.quick), encoding="utf-8")
    return 1 if any(failure for _, _, failure in results) else 0


if __name__ == "__main__":
    sys.exit(main())
