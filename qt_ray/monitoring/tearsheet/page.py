"""Page: the tearsheet put together, one file that needs nothing else.

The page may not load anything: its own security policy forbids it, so a report can be mailed, archived and
opened years later and still say the same.
"""

from collections.abc import Mapping

import orjson

from qt_ray.engine.run import Run
from qt_ray.monitoring.performance import Performance, measure
from qt_ray.monitoring.tearsheet import drawings, provenance, series, tables
from qt_ray.monitoring.tearsheet import figures as f
from qt_ray.monitoring.tearsheet.cards import cards
from qt_ray.monitoring.tearsheet.markup import Child, Html, join, tag, trusted
from qt_ray.monitoring.tearsheet.script import SCRIPT
from qt_ray.monitoring.tearsheet.styles import STYLES
from qt_ray.monitoring.tearsheet.verdict import verdict

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
NAMES_SHOWN = 12
QUOTES = ("USDT", "USDC", "FDUSD", "USD", "BTC")
NO_SCRIPT = "The charts over time are drawn by a script, which does not run here. All else is complete."


def render(run: Run, title: str) -> str:
    """Return the tearsheet of `run` as one HTML page."""
    return rendered(run, measure(run), title)


def rendered(run: Run, performance: Performance, title: str) -> str:
    """Return the tearsheet of a performance that was already measured."""
    quote = quote_of(run)
    body = tag(
        "body",
        tag("a", "Skip to the verdict", href="#verdict", class_="skip"),
        header(run, performance, title),
        tag("main", main(run, performance, quote), id="main"),
        trusted('<svg id="ns" class="sr" aria-hidden="true"></svg>'),
        tag("script", trusted(payload(run, performance, quote)), type="application/json", id="data"),
        tag("script", trusted(SCRIPT)),
    )
    return "<!doctype html>\n" + tag("html", head(title), body, lang="en")


def head(title: str) -> Html:
    """Return what the browser needs before the page."""
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} \u00b7 QT-Ray"),
        tag("link", rel="icon", href="data:,"),
        tag("style", trusted(STYLES)),
    )


def header(run: Run, performance: Performance, title: str) -> Html:
    """Return the name, the period and the symbols."""
    curve, symbols = performance.curve, run.bars.symbols
    span = f"{f.minute(curve.start_ms)} to {f.minute(int(curve.ts[-1]))} UTC"
    bars = "1 bar" if len(curve.ts) == 1 else f"{f.count(len(curve.ts))} bars"
    size = f"{bars} of {f.duration(curve.interval_ms)}"
    chips = [tag("li", text) for text in (span, size, *symbols[:NAMES_SHOWN])]
    if len(symbols) > NAMES_SHOWN:
        rest = symbols[NAMES_SHOWN:]
        chips.append(tag("li", f"and {len(rest)} more", title=", ".join(rest)))
    links = (
        ("Equity", "equity"),
        ("Trades", "trades"),
        ("Costs", "costs"),
        ("Rules", "rules"),
        ("Symbols", "symbols"),
    )
    menu = [tag("a", text, href=f"#{name}") for text, name in (*links, ("Decisions", "decisions"), ("Run", "run"))]
    return tag(
        "header",
        tag(
            "div",
            tag("span", "QT-Ray", class_="brand"),
            tag("h1", title),
            tag("span", "BACKTEST", class_="badge"),
            tag("button", "Theme", type="button", id="theme", aria_label="Switch between dark and light"),
            tag("button", "Print", type="button", id="print"),
            class_="bar",
        ),
        tag("ul", chips, class_="chips"),
        tag("nav", menu, aria_label="Sections"),
    )


def section(title: str, *children: Child, name: str | None = None, tools: Child = None, span: str = "wide") -> Html:
    """Return a card with a small title."""
    top = tag("div", tag("h2", title), tag("div", tools, class_="tools") if tools else None, class_="top")
    return tag("section", top, join(children), class_=f"card {span}".strip(), id=name)


def main(run: Run, p: Performance, quote: str) -> list[Child]:
    """Return the sections in reading order: the answer, the pictures, the reasons, the record."""
    sentences = verdict(run, p, quote)
    tone = "down" if p.reward.total < 0 else "up" if p.reward.total > 0 else "flat"
    return [
        tag(
            "section",
            tag("h2", "Verdict"),
            tag("p", tag("strong", sentences[0]), " ", " ".join(sentences[1:])),
            class_=f"card wide verdict {tone}",
            id="verdict",
        ),
        cards(p, quote),
        tag(
            "noscript",
            tag("p", NO_SCRIPT, class_="card wide"),
        ),
        *_growth(p, quote),
        *_trading(p, quote),
        section("Results by symbol", tables.symbol_table(run, p), tables.tie(p), name="symbols"),
        section("Worst decisions", tables.regret_table(run, p), name="decisions"),
        section("Parameters", provenance.parameters(run.parameters), name="run", span="tall"),
        section("Digests", provenance.digests(run.digests), span=""),
        section("How these numbers are made", provenance.definitions(run, p), span=""),
    ]


def _growth(p: Performance, quote: str) -> list[Child]:
    log = tag("button", "Log scale", type="button", data_log="equity", aria_pressed="false")
    reset = tag("button", "Whole period", type="button", data_reset=True, hidden=True)
    what = f"Equity in {quote} against holding equal parts, with the drawdown below"
    return [
        section("Equity vs. buy-and-hold", drawings.chart("equity", what), name="equity", tools=[log, reset]),
        section("Monthly returns, %", tables.month_table(p.months), name="months"),
        section("Price and round trips", _trades(p), name="trades", tools=_chooser()),
        section("Rolling Sharpe", drawings.chart("rolling", "Rolling Sharpe ratio"), span=""),
        section("Exposure, multiples of equity", drawings.chart("exposure", "Gross and net exposure"), span=""),
    ]


def _trading(p: Performance, quote: str) -> list[Child]:
    return [
        section("What costs took", drawings.waterfall(p.costs, quote), name="costs", span=""),
        section("Blocks by rule", drawings.rule_bars(p), name="rules", span="tall"),
        section("Deepest drawdowns", tables.drawdown_table(p), name="drawdowns", span=""),
        section("By side and by what closed the trip", tables.outcome_table(p), name="outcomes"),
        section("By regime at entry", tables.regime_table(p), name="regimes"),
    ]


def _chooser() -> Html:
    return tag("label", tag("span", "Symbol ", class_="sr"), tag("select", id="symbol"))


def _trades(p: Performance) -> Html:
    key = (
        f"{f.UP}{f.DOWN} filled: entry, long or short. Hollow: exit, green when it earned, red with a bar when it "
        "lost; a dotted line joins the two. The band is the range between low and high."
    )
    if len(p.symbols) > series.SYMBOLS_MAX:
        key += f" The {series.SYMBOLS_MAX} most traded of {len(p.symbols)} symbols can be chosen."
    return drawings.chart("price", "Price with entries and exits", key)


def quote_of(run: Run) -> str:
    """Return the quote currency: as the parameters name it, else as every symbol ends."""
    fund = run.parameters.get("fund")
    named = run.parameters.get("quote") or (fund.get("quote") if isinstance(fund, Mapping) else None)
    ends = [quote for quote in QUOTES if all(symbol.endswith(quote) for symbol in run.bars.symbols)]
    return str(named or (ends[0] if ends else "quote"))


def payload(run: Run, p: Performance, quote: str) -> str:
    """Return the charts' numbers as JSON that cannot end its own element."""
    data = {
        "quote": quote,
        "equity": series.equity_series(run, p),
        "rolling": series.rolling_series(p),
        "exposure": series.exposure_series(run),
        "prices": series.price_series(run, p),
        "spans": series.spans(p, run),
    }
    return orjson.dumps(data).decode().replace("<", "\\u003c").replace("\u2028", " ").replace("\u2029", " ")
