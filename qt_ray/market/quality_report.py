"""Quality report: what the gate found in a source, by rule, with the first and last row a person can look up.

A report only counts. Whether a count is acceptable is for the reader; `passed` says that nothing was kept out
and nothing is doubted.
"""

from dataclasses import dataclass, replace

from qt_ray.market.bars import Ints
from qt_ray.market.columns import Columns
from qt_ray.market.quality_rules import RULES, Fate, Rule

FAILING = (Fate.QUARANTINED, Fate.SUSPECT)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's catch: how many rows, and the first and last of them; rows count from 1 as in the source."""

    rule: Rule
    fate: Fate
    count: int
    first_row: int
    last_row: int
    first_ts: int
    last_ts: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What the gate saw; `clean + quarantined + dropped` is every row of the source."""

    rows: int
    clean: int
    quarantined: int
    dropped: int
    missing: int
    start_ts: int
    end_ts: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Tell whether nothing was quarantined or doubted."""
        return not any(finding.fate in FAILING for finding in self.findings)

    def of(self, rule: Rule) -> int:
        """Return how many rows `rule` caught."""
        return next((finding.count for finding in self.findings if finding.rule is rule), 0)


@dataclass(frozen=True, slots=True, eq=False)
class Inspected:
    """A source after the gate: what may be used, what may not, by which row and rule, and the report."""

    clean: Columns
    quarantined: Columns
    quarantined_rows: Ints
    reasons: tuple[Rule, ...]
    report: QualityReport


class Ledger:
    """Findings while a table is inspected; rows are named by their place in the source."""

    def __init__(self, ts: Ints) -> None:
        self.ts = ts
        self.findings: list[Finding] = []
        self.reasons: dict[int, Rule] = {}

    def note(
        self, rule: Rule, rows: Ints, detail: str = "", fate: Fate | None = None, count: int | None = None
    ) -> None:
        """Write down that `rows` broke `rule`."""
        if len(rows) == 0:
            return
        first, last = int(rows[0]), int(rows[-1])
        self.findings.append(
            Finding(
                rule=rule,
                fate=fate or RULES[rule][0],
                count=len(rows) if count is None else count,
                first_row=first + 1,
                last_row=last + 1,
                first_ts=int(self.ts[first]),
                last_ts=int(self.ts[last]),
                detail=detail,
            )
        )

    def quarantine(self, rule: Rule, rows: Ints) -> None:
        """Write down that `rows` broke `rule` and are kept out."""
        self.note(rule, rows)
        for row in rows:
            self.reasons.setdefault(int(row), rule)

    def merged(self) -> tuple[Finding, ...]:
        """Return the findings in the order of the table of rules, one for each rule."""
        merged: dict[Rule, Finding] = {}
        for finding in self.findings:
            known = merged.get(finding.rule)
            if known is not None:
                finding = replace(
                    known,
                    count=known.count + finding.count,
                    last_row=finding.last_row,
                    last_ts=finding.last_ts,
                )
            merged[finding.rule] = finding
        return tuple(merged[rule] for rule in RULES if rule in merged)
