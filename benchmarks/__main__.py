"""All benchmarks: every module in its own process, one page for all of them.

A module that fails is a section that says so and a non-zero exit; it never takes the others with it. The page is
written anew after each, so that whatever ends a long run costs no more than the module it was at. What a module
complains about, such as the seeds that broke something, stands on the page: it and the commit repeat them.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.form import HEADER, Row, cells, table, terminal
from qt_ray.adapters.files import write_text_atomic

MODULES = (
    "features",
    "backtest",
    "money",
    "binance",
    "journal",
    "fault_campaign",
    "fence_campaign",
    "fence_processes",
    "market",
    "trees",
    "ensemble",
    "research",
    "footprint",
    "planted",
    "promotion",
    "drill",
    "emergency",
    "cluster_drill",
    "exchange",
    "paper_venue",
    "crash_points",
    "fault_table",
    "gateway",
    "market_burst",
    "decision_path",
    "feed",
    "account_start",
    "console",
    "start",
    "serving",
    "head_restart",
    "policy_readers",
    "living_fund",
    "part_kills",
)
ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
SECONDS_MAX = 3600
# A module that is told to end may show what it has.
SECONDS_TO_END = 180
COMPLAINTS_MAX = 100


@dataclass(frozen=True, slots=True)
class Measured:
    """What one module came to: its rows, why it failed if it did, and everything that it complained about."""

    name: str
    rows: list[Row]
    failure: str = ""
    complaints: tuple[str, ...] = ()

    @property
    def is_bad(self) -> bool:
        """Return whether it failed, or has something of what must be nothing."""
        return bool(self.failure) or any(row.target == 0 and not row.holds for row in self.rows)


def measured(name: str, quick: bool, seconds_max: float = SECONDS_MAX) -> Measured:
    """Run one module alone; one that takes too long is told to end, and what it has shown by then counts."""
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", *(["--quick"] if quick else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            shown, complained = process.communicate(timeout=seconds_max)
            late = ""
        except subprocess.TimeoutExpired:
            shown, complained = _ended(process)
            late = f"did not finish within {seconds_max:g} s"
    rows = [row_of(line) for line in shown.splitlines() if line.startswith("{")]
    complaints = tuple(line for line in complained.splitlines() if line.strip())
    failure = "" if process.returncode == 0 else (complaints or ("no message",))[-1]
    return Measured(name, rows, late or failure, complaints)


def _ended(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """Tell a process to end, wait for what it still has to say, and end it if that takes too long."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        return process.communicate(timeout=SECONDS_TO_END)
    process.kill()
    return process.communicate()


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


def commit() -> str:
    """Return the commit that was measured, and whether anything had been changed since; no history is no reason."""
    told = [
        _git("rev-parse", "--short=12", "HEAD"),
        "with changes" if _git("status", "--porcelain", "--", ":!docs") else "",
    ]
    return " ".join(word for word in told if word) or "unknown"


def _git(*words: str) -> str:
    with suppress(OSError):
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return ""


def section(found: Measured) -> Iterator[str]:
    """Yield the lines of one module's section."""
    yield f"## {found.name}\n"
    yield f"`python -m benchmarks.{found.name}`\n"
    if found.failure:
        yield f"**Failed:** {found.failure}\n"
    if found.rows:
        yield "| " + " | ".join(HEADER) + " |"
        yield "|" + "|".join("---" if head in ("row", "unit") else "--:" for head in HEADER) + "|"
        for row in found.rows:
            yield ("| " + " | ".join(f"**{cell}**" if cell == "FALLS SHORT" else cell for cell in cells(row)) + " |")
        yield ""
    if found.complaints:
        hidden = len(found.complaints) - COMPLAINTS_MAX
        yield "It complained:\n"
        yield "\n".join(
            ("```text", *found.complaints[:COMPLAINTS_MAX], *([f"and {hidden} more"] if hidden > 0 else []))
        )
        yield "```\n"


def page(results: Sequence[Measured], command: str, quick: bool, to_come: Sequence[str] = ()) -> str:
    """Return the whole page as Markdown; one that is not complete says what is still to come."""
    rows = [row for found in results for row in found.rows]
    short = sum(not row.holds for row in rows)
    lines = [
        "# Benchmarks\n",
        "Only ratios from one run travel: the peer ran on the same machine and data, in the same run.",
        "`value` and `peer` are medians in `unit`; `spread` is the fastest and the slowest run of ours.\n",
        f"- made by `{command}` on {datetime.now(UTC):%Y-%m-%d}, of commit {commit()}",
        f"- on {machine()}",
        f"- {len(rows)} rows, {short} of them fall short" + ("; quick run, not for quoting" if quick else ""),
        *([f"- **not complete**, still to come: {', '.join(to_come)}"] if to_come else []),
        "",
    ]
    for found in results:
        lines.extend(section(found))
    return "\n".join(lines).rstrip() + "\n"


def main(argv: Sequence[str] | None = None, measure: Callable[[str, bool], Measured] = measured) -> int:
    """Run the modules asked for, show each as it finishes, and write the page after each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run every benchmark.")
    parser.add_argument("names", nargs="*", default=MODULES, help=f"some of {', '.join(MODULES)}; all when absent")
    parser.add_argument("--quick", action="store_true", help="less data and fewer runs; writes no page unless --out")
    parser.add_argument("--out", type=Path, help="where to write the page instead of docs/benchmarks.md")
    options = parser.parse_args(argv)
    unknown = sorted(set(options.names) - set(MODULES))
    if unknown:
        parser.error(f"a benchmark is one of {', '.join(MODULES)}, was {', '.join(unknown)}")
    console, results = terminal(stderr=True), list[Measured]()
    target = options.out or (None if options.quick or tuple(options.names) != MODULES else PAGE)
    command = " ".join(["python -m benchmarks", *(sys.argv[1:] if argv is None else argv)])
    for name in options.names:
        with console.status(f"benchmarks.{name}"):
            results.append(found := measure(name, options.quick))
        console.print(
            table(found.rows) if found.rows else "", *found.complaints[:COMPLAINTS_MAX], sep="\n", markup=False
        )
        if found.failure:
            console.print(f"{name}: {found.failure}", style="red")
        if target is not None:
            write_text_atomic(target, page(results, command, options.quick, options.names[len(results) :]))
    return 1 if any(found.is_bad for found in results) else 0


if __name__ == "__main__":
    sys.exit(main())
