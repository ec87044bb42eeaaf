"""Cards: the dozen figures a reader looks for first, each with the one that puts it in proportion."""

from math import isfinite

from qt_ray.monitoring.performance import Performance
from qt_ray.monitoring.tearsheet import figures as f
from qt_ray.monitoring.tearsheet.markup import Child, Html, tag


def card(label: str, value: str, note: Child, value_tone: str = "") -> Html:
    """Return one figure with its label and what puts it in proportion."""
    return tag(
        "div",
        tag("dt", label),
        tag("dd", value, class_=f"value {value_tone}".strip()),
        tag("dd", note, class_="note"),
        class_="card kpi",
    )


def cards(performance: Performance, quote: str) -> Html:
    """Return the grid of figures."""
    groups = (_reward_cards(performance, quote), _risk_cards(performance), _trade_cards(performance, quote))
    return tag("dl", groups, class_="kpis")


def _reward_cards(p: Performance, quote: str) -> list[Html]:
    r, held = p.reward, p.held
    gap = r.total - held.total if held is not None else float("nan")
    band = r.interval
    spread = f"95 %: {f.number(band.low)} to {f.number(band.high)}" if band else "95 %: too few returns"
    return [
        card(
            "Net return",
            f.percent(r.total, signed=True),
            f"{f.money(p.costs.net, True)} {quote}",
            f.tone(r.total),
        ),
        card(
            "Against holding",
            f.number(gap * 100, 2 if abs(gap) < 10 else 0, True) + (" pts" if isfinite(gap) else ""),
            f"held {f.percent(held.total, 1, True)}" if held is not None else "no prices",
            f.tone(gap),
        ),
        card(
            "CAGR",
            f.percent(r.cagr, signed=True),
            f"simple mean {f.percent(r.annual_mean, 1, True)}",
            f.tone(r.cagr),
        ),
        card("Sharpe", f.number(r.sharpe), spread),
    ]


def _risk_cards(p: Performance) -> list[Html]:
    r = p.reward
    worst = p.drawdowns[0] if p.drawdowns else None
    when: Child = "never below a peak"
    if worst:
        when = [f.day(worst.peak_ms), " to ", f.day(worst.trough_ms)]
    took = f"deepest lasted {f.duration(worst.length_ms)}" if worst else "never"
    return [
        card("Max drawdown", f.percent(r.drawdown), when, f.tone(r.drawdown)),
        card("Sortino", f.number(r.sortino), f"Calmar {f.number(r.calmar)}"),
        card(
            "Volatility",
            f.percent(r.volatility, 1),
            f"beta {f.number(p.beta)}, corr. {f.number(p.correlation)}",
        ),
        card("Under water", f.percent(r.under_water, 1), took),
    ]


def _trade_cards(p: Performance, quote: str) -> list[Html]:
    s, c = p.stats, p.costs
    paid = c.fees + c.funding + c.slippage
    return [
        card("Win rate", f.percent(s.win_rate, 1), f"{f.count(s.wins)} of {f.count(s.trips)} round trips"),
        card("Profit factor", f.number(s.profit_factor), f"mean win {f.number(s.payoff)} \u00d7 mean loss"),
        card(
            "Expectancy",
            f.money(s.expectancy, True) if s.trips else f.NA,
            f"{quote} a trip, held {f.duration(s.hold_ms)}",
            f.tone(s.expectancy),
        ),
        card("Costs", f"{f.number(c.bps(paid), 1)} bps" if c.turnover else f.NA, _turnover(p)),
    ]


def _turnover(p: Performance) -> str:
    turns = p.exposure.turns_per_year
    if not p.costs.turnover:
        return "no turnover"
    return f"of {f.money(p.costs.turnover)}" + (f", {f.number(turns, 1)} turns a year" if isfinite(turns) else "")
