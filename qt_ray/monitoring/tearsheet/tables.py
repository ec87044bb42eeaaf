"""Tables: the numbers behind the pictures.

The first column names the row, the others are figures aligned on their decimals; a wide table scrolls in its
own box so that the page never does.
"""

from collections.abc import Iterable, Sequence
from math import isfinite

from qt_ray.engine.run import Run
from qt_ray.execution.fills import Cause
from qt_ray.monitoring.breakdown import Group, TripStats
from qt_ray.monitoring.decisions import Regret
from qt_ray.monitoring.growth import Month
from qt_ray.monitoring.performance import Performance
from qt_ray.monitoring.tearsheet import figures as f
from qt_ray.monitoring.tearsheet.markup import Child, Html, tag

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HEAT_MAX = 45
STATS = ("Trips", "Win rate", "Profit factor", "Expectancy", "Net", "Fees", "Mean hold")


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[Child]],
    label: str,
    foot: Sequence[Child] = (),
    sort: bool = False,
) -> Html:
    """Return a table in a box that scrolls; with `sort` its heads are buttons."""
    head = tag("tr", [_head(text, sort) for text in heads])
    body = [tag("tr", tag("th", row[0], scope="row"), [tag("td", cell) for cell in row[1:]]) for row in rows]
    below = tag("tfoot", tag("tr", tag("th", foot[0], scope="row"), [tag("td", c) for c in foot[1:]])) if foot else None
    inner = tag("table", tag("thead", head), tag("tbody", body), below, class_="sortable" if sort else None)
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=label)


def _head(text: str, sort: bool) -> Html:
    return tag("th", tag("button", text, type="button") if sort else text, scope="col")


def month_table(months: Sequence[Month]) -> Html:
    """Return a year per row and a month per column, tinted by size."""
    largest = max((abs(m.value) for m in months if isfinite(m.value)), default=0.0)
    known = {(m.year, m.month): m.value for m in months}
    years = sorted({m.year for m in months})
    head = tag("tr", [tag("th", text, scope="col") for text in ("Year", *MONTHS, "Total")])
    body = [
        tag(
            "tr",
            tag("th", str(year), scope="row"),
            [_month(known.get((year, month)), largest) for month in range(1, 13)],
            tag("td", _year_total(known, year), class_="total"),
        )
        for year in years
    ]
    inner = tag("table", tag("thead", head), tag("tbody", body), class_="months")
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label="Monthly returns")


def _month(value: float | None, largest: float) -> Html:
    if value is None:
        return tag("td", "")
    if not isfinite(value):
        return tag("td", f.NA)
    heat = round(HEAT_MAX * abs(value) / largest) if largest else 0
    return tag("td", f.number(value * 100, 1, True), class_=f"heat {f.tone(value)}", style=f"--heat:{heat}%")


def _year_total(known: dict[tuple[int, int], float], year: int) -> Html:
    grown = 1.0
    for month in range(1, 13):
        value = known.get((year, month), 0.0)
        grown *= 1.0 + (value if isfinite(value) else 0.0)
    return f.toned(f.number((grown - 1) * 100, 1, True), grown - 1)


def drawdown_table(performance: Performance) -> Html:
    """Return the deepest falls and how long they lasted."""
    rows = [
        [
            f.date(d.peak_ms),
            f.percent(d.depth),
            f.date(d.trough_ms),
            "not yet" if d.recovered_ms is None else f.date(d.recovered_ms),
            f.duration(d.length_ms),
        ]
        for d in performance.drawdowns
    ]
    if not rows:
        return tag("p", "Equity never closed below an earlier close.", class_="note")
    return table(("Peak", "Depth", "Trough", "Recovered", "Length"), rows, "Deepest drawdowns")


def stats_cells(stats: TripStats) -> list[Child]:
    """Return the cells of `STATS`."""
    return [
        f.count(stats.trips),
        f.percent(stats.win_rate, 1),
        f.number(stats.profit_factor),
        f.toned(f.money(stats.expectancy, True), stats.expectancy) if stats.trips else f.NA,
        f.toned(f.money(stats.net, True), stats.net) if stats.trips else f.NA,
        f.money(stats.fees),
        f.duration(stats.hold_ms),
    ]


def outcome_table(performance: Performance) -> Html:
    """Return round trips by side, then by what closed them."""
    groups = (*performance.sides, *performance.causes)
    rows = [[_group_name(group), *stats_cells(group.stats)] for group in groups]
    if not rows:
        return tag("p", "No round trips.", class_="note")
    return table(("Trips that", *STATS), rows, "Results by side and by what closed the trip")


def _group_name(group: Group) -> Child:
    if group.name in ("long", "short"):
        return ["were ", f.side(1 if group.name == "long" else -1)]
    return "closed by " + group.name.replace("_", " ")


def regime_table(performance: Performance) -> Html:
    """Return round trips by the regime they were decided in, and how common that regime was."""
    rows = [
        [group.name.replace("_", " "), f.percent(group.share, 1), *stats_cells(group.stats)]
        for group in performance.regimes
    ]
    return table(("Regime", "Of time", *STATS), rows, "Results by regime")


def symbol_table(run: Run, performance: Performance) -> Html:
    """Return one row per symbol; the foot ties their sum to the account."""
    rows = [
        [
            row.symbol,
            *stats_cells(row.stats),
            f.NA if row.open_result is None else f.money(row.open_result, True) if row.position else "flat",
            f.money(row.turnover),
            f.toned(f.percent(row.held, 1, True), row.held) if isfinite(row.held) else f.NA,
        ]
        for row in performance.symbols
    ]
    foot: list[Child] = ["All", *stats_cells(performance.stats), *_open_total(performance)]
    heads = ("Symbol", *STATS, "Open result", "Turnover", "Held")
    return table(heads, rows, "Results by symbol", foot, sort=len(rows) > 1)


def tie(performance: Performance) -> Html:
    """Return how the symbols' sums and what the account alone books make the account's net."""
    costs, closed = performance.costs, performance.stats
    opened = [row.open_result for row in performance.symbols if row.open_result is not None]
    parts = {
        "closed trips": closed.net,
        "open results": sum(opened),
        "fees of open trips": closed.fees - costs.fees,
        "funding": -costs.funding,
    }
    rest = costs.net - sum(parts.values())
    if rest:
        parts["marks other than the last close"] = rest
    text = ", ".join(f"{name} {f.money(value, True)}" for name, value in parts.items() if value)
    text = text[:1].upper() + text[1:] or "Nothing"
    return tag("p", f"{text}: together {f.money(costs.net, True)}, the account's net.", class_="note")


def _open_total(performance: Performance) -> list[Child]:
    parts = [row.open_result for row in performance.symbols]
    known = [part for part in parts if part is not None]
    held = performance.held
    return [
        f.money(sum(known), True) if len(known) == len(parts) else f.NA,
        f.money(performance.costs.turnover),
        f.NA if held is None else f.toned(f.percent(held.total, 1, True), held.total),
    ]


def regret_table(run: Run, performance: Performance) -> Html:
    """Return the round trips that lost most, with what was thought when they were opened."""
    if not performance.regrets:
        return tag("p", "No closed round trip lost money.", class_="note")
    heads = (
        "Opened",
        "Symbol",
        "Side",
        "Net",
        "Closed by",
        "Hold",
        "Score",
        "Confidence",
        "Agreement",
        "Regime",
        "Rules that bound",
    )
    return table(heads, [_regret(run, regret) for regret in performance.regrets], "Worst decisions")


def _regret(run: Run, regret: Regret) -> list[Child]:
    trip, opinion = regret.trip, regret.opinion
    first: list[Child] = [
        f.minute(int(trip["opened"])),
        run.bars.symbols[int(trip["symbol"])],
        f.side(int(trip["side"])),
        f.toned(f.money(regret.net, True), regret.net),
        Cause(int(trip["cause"])).name.lower().replace("_", " "),
        f.duration(int(trip["closed"]) - int(trip["opened"])),
    ]
    if opinion is None:
        return [*first, f.NA, f.NA, f.NA, f.NA, "decision not on record"]
    return [
        *first,
        f.number(opinion.score, 3, True),
        f.number(opinion.confidence, 2),
        str(opinion.agreement),
        opinion.regime.replace("_", " "),
        ", ".join(reason.label for reason in opinion.bound) or "none",
    ]
