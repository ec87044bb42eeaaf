"""Views of market data: reports, imports and series as `qt data` shows them to people and to programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qt_ray.cli.screen import console, say
from qt_ray.core.moments import rfc3339

if TYPE_CHECKING:
    from qt_ray.adapters.intake import Checked, Imported
    from qt_ray.adapters.series import Series
    from qt_ray.market.quality_report import QualityReport

WIDE = 240


def import_line(path: Path, result: "Imported") -> str:
    """Return what one import did, as a line."""
    series, report = result.series, result.report
    counts = ", ".join(f"{finding.rule} {finding.count}" for finding in report.findings)
    state = "unchanged" if result.unchanged else f"{report.clean:,} of {report.rows:,} rows"
    held = f"; {report.quarantined} quarantined" if report.quarantined else ""
    return f"{series.key}: {state} from {path.name}{held}" + (f" ({counts})" if counts else "")


def show_check(path: Path, checked: "Checked") -> None:
    """Write one file's report as a table."""
    report = checked.report
    verdict = "passed" if report.passed else "FAILED"
    say(
        f"{verdict} {path.name}: {report.rows:,} rows, {report.clean:,} clean,"
        f" {report.quarantined:,} quarantined, {report.dropped:,} copies dropped, {report.missing:,} missing"
    )
    if not report.findings:
        return
    from qt_ray.market.quality_rules import RULES

    table = table_of("rule", "fate", "count", "first row", "at", "last row", "what")
    for finding in report.findings:
        what = RULES[finding.rule][1] + (f": {finding.detail}" if finding.detail else "")
        table.add_row(
            finding.rule,
            finding.fate,
            f"{finding.count:,}",
            str(finding.first_row),
            rfc3339(finding.first_ts)[:19],
            str(finding.last_row),
            what,
        )
    print_table(table)


def print_table(table: Any) -> None:
    """Write a table; without a terminal it is wide enough for its longest line."""
    screen = console()
    if not screen.is_terminal:
        screen.width = WIDE
    screen.print(table)


def table_of(*titles: str) -> Any:
    """Return an empty table with these titles."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE, pad_edge=False)
    for title in titles:
        right = title in ("rows", "count", "first row", "last row", "files", "size")
        table.add_column(title, justify="right" if right else "left", no_wrap=title != "what", overflow="fold")
    return table


def report_plain(report: "QualityReport") -> dict[str, Any]:
    """Return a quality report as plain values."""
    findings = [
        {
            "rule": finding.rule,
            "fate": finding.fate,
            "count": finding.count,
            "first_row": finding.first_row,
            "last_row": finding.last_row,
            "first_time": rfc3339(finding.first_ts),
            "last_time": rfc3339(finding.last_ts),
            "detail": finding.detail,
        }
        for finding in report.findings
    ]
    return {
        "passed": report.passed,
        "rows": report.rows,
        "clean": report.clean,
        "quarantined": report.quarantined,
        "dropped": report.dropped,
        "missing": report.missing,
        "start": rfc3339(report.start_ts) if report.clean else None,
        "end": rfc3339(report.end_ts) if report.clean else None,
        "findings": findings,
    }


def checked_plain(path: Path, result: "Checked | str") -> dict[str, Any]:
    """Return one file's check as plain values."""
    if isinstance(result, str):
        return {"file": path.name, "passed": False, "error": result}
    return {"file": path.name, "ignored_columns": result.ignored, **report_plain(result.report)}


def imported_plain(path: Path, result: "Imported | str") -> dict[str, Any]:
    """Return one file's import as plain values."""
    if isinstance(result, str):
        return {"file": path.name, "error": result}
    return {
        "file": path.name,
        "unchanged": result.unchanged,
        "ignored_columns": result.ignored,
        "series": series_plain(result.series),
        "report": report_plain(result.report),
    }


def series_plain(series: "Series") -> dict[str, Any]:
    """Return a series as plain values."""
    from qt_ray.adapters.file_names import interval_name

    key = series.key
    return {
        "venue": key.venue,
        "symbol": key.symbol,
        "kind": key.kind,
        "interval": interval_name(key.interval_ms) if key.interval_ms else None,
        "rows": series.rows,
        "start": rfc3339(series.start_ts),
        "end": rfc3339(series.end_ts),
        "digest": series.digest,
        "bytes": series.bytes,
        "sources": [source.name for source in series.sources],
    }
