"""Drawings: the pictures that need no script, as boxes whose widths are figures.

Time series are drawn by the page's script from embedded numbers; what is here shows where none runs.
"""

from qt_ray.monitoring.decisions import Blocked
from qt_ray.monitoring.performance import Costs, Performance
from qt_ray.monitoring.tearsheet import figures as f
from qt_ray.monitoring.tearsheet.markup import Html, join, tag


def chart(name: str, label: str, legend: str = "") -> Html:
    """Return the place where the script draws series `name`, usable by keyboard."""
    return tag(
        "div",
        tag("div", class_="legend", data_legend=name),
        tag(
            "div",
            class_="plot",
            data_chart=name,
            tabindex="0",
            role="group",
            aria_label=f"{label}. Left and right arrows read values, plus and minus zoom, Escape resets.",
        ),
        tag("p", legend, class_="note") if legend else None,
        tag("div", class_="sr", aria_live="polite", data_spoken=name),
    )


def waterfall(costs: Costs, quote: str) -> Html:
    """Return gross profit walking down its costs to net."""
    steps = [
        ("Gross", 0, costs.gross, "before fees and funding"),
        ("Fees", costs.gross, costs.gross - costs.fees, _bps(costs, costs.fees)),
        ("Funding", costs.gross - costs.fees, costs.net, _bps(costs, costs.funding)),
        ("Net", 0, costs.net, "what equity shows"),
    ]
    low = min(min(a, b) for _, a, b, _ in steps)
    high = max(max(a, b) for _, a, b, _ in steps)
    width = max(1, high - low)
    rows = [_step(name, a, b, note, low, width) for name, a, b, note in steps]
    maker = f", {f.percent(costs.maker / costs.turnover, 1)} of it as maker" if costs.turnover else ""
    note = (
        f"In {quote}, on a turnover of {f.money(costs.turnover)}{maker}. "
        f"Slippage of {f.money(costs.slippage)} ({_bps(costs, costs.slippage)}) is already inside the prices "
        f"of fills and so inside gross: at the prices of decision, gross would have been "
        f"{f.money(costs.gross + costs.slippage)}."
    )
    return join((tag("div", rows, class_="falls"), tag("p", note, class_="note")))


def _bps(costs: Costs, cost: int) -> str:
    return f"{f.number(costs.bps(cost))} bps" if costs.turnover else f.NA


def _step(name: str, start: int, stop: int, note: str, low: int, width: int) -> Html:
    change = stop - start
    left = (min(start, stop) - low) * 100 / width
    fill = tag(
        "span",
        class_=f"fill {f.tone(change)} {'sum' if name in ('Gross', 'Net') else ''}".strip(),
        style=f"left:{left:.3f}%;width:{max(0.2, abs(change) * 100 / width):.3f}%",
    )
    zero = tag("span", class_="zero", style=f"left:{-low * 100 / width:.3f}%") if low < 0 else None
    return tag(
        "div",
        tag("span", name, class_="name"),
        tag("span", fill, zero, class_="track", aria_hidden="true"),
        tag("span", f.toned(f.money(change, True), change), class_="figure"),
        tag("span", note, class_="note"),
        class_="fall",
    )


def rule_bars(performance: Performance) -> Html:
    """Return what each rule bound: all it bound pale, what it decided alone solid."""
    blocks = performance.blocks
    share = performance.wishes and sum(block.binding for block in blocks) / performance.wishes
    decided, wished = f.count(performance.decisions), f.count(performance.wishes)
    total = f"{decided} decisions, {wished} of them with a wish for a position"
    if not blocks:
        return tag("p", f"No rule bound any wish: {total}.", class_="note")
    most = max(max(block.bound, block.binding) for block in blocks)
    legend = tag(
        "p",
        tag("span", class_="swatch solid"),
        "was the tightest ",
        tag("span", class_="swatch pale"),
        "also bound",
        class_="key",
    )
    rows = [_rule(block, most) for block in blocks]
    note = f"{total}; {f.percent(share, 1)} of these were cut. Cut is the mean part taken away when tightest."
    return join((legend, tag("div", rows, class_="rules"), tag("p", note, class_="note")))


def _rule(block: Blocked, most: int) -> Html:
    pale, solid = block.bound * 100 / most, block.binding * 100 / most
    return tag(
        "div",
        tag("span", block.reason.label, class_="name"),
        tag(
            "span",
            tag("span", class_="fill pale", style=f"width:{pale:.2f}%"),
            tag("span", class_="fill solid", style=f"width:{solid:.2f}%"),
            class_="track",
            aria_hidden="true",
        ),
        tag("span", f"{f.count(block.binding)} of {f.count(block.bound)}", class_="figure"),
        tag("span", f"cut {f.percent(block.cut, 0)}, refused {f.count(block.refused)}", class_="note"),
        class_="rule",
    )
