"""Verdict: the result in plain words, the bad news included.

It says what happened, what it is compared with, what it cost and how far it can be told from luck; it never
calls a result good.
"""

from qt_ray.engine.run import Run
from qt_ray.monitoring.performance import Performance
from qt_ray.monitoring.tearsheet import figures as f

MUCH = 0.5


def verdict(run: Run, performance: Performance, quote: str) -> list[str]:
    """Return the verdict's sentences, the result first."""
    sentences = [
        _result(performance, quote),
        _held(performance),
        _costs(performance, quote),
        _luck(performance),
    ]
    sentences += [_emergencies(performance), _liquidations(run, performance), _open(performance)]
    return [sentence for sentence in sentences if sentence]


def _result(p: Performance, quote: str) -> str:
    span = f.span(int(p.curve.ts[-1]) - p.curve.start_ms)
    if p.curve.growth[-1] <= 0:
        return f"The fund lost everything within {span}."
    if p.stats.trips + p.open_trips == 0:
        return f"The fund never traded in {span}: there is no result to judge."
    total, net = p.reward.total, f.money(abs(p.costs.net))
    done = f"{f.count(p.stats.trips)} round trip{'s' if p.stats.trips != 1 else ''}"
    if total == 0:
        return f"The fund ended where it began after {span} and {done}."
    verb = "made" if total > 0 else "lost"
    return f"The fund {verb} {f.percent(abs(total))} net of all costs ({net} {quote}) in {span} and {done}."


def _held(p: Performance) -> str:
    if p.held is None:
        return "There are no prices to compare it with."
    held, gap = p.held.total, p.reward.total - p.held.total
    word = "one symbol" if len(p.symbols) == 1 else f"{len(p.symbols)} symbols in equal parts"
    moved = "gained" if held > 0 else "lost" if held < 0 else "returned"
    if abs(gap) < 5e-5:
        than = "the same"
    else:
        than = f"{f.number(abs(gap) * 100)} points {'less' if gap > 0 else 'more'} than the fund"
    return f"Merely holding the {word} would have {moved} {f.percent(abs(held))}, {than}, before any costs."


def _costs(p: Performance, quote: str) -> str:
    c = p.costs
    if c.turnover == 0:
        return ""
    paid = c.fees + c.funding
    parts = f"fees {f.money(c.fees)}, funding {f.money(c.funding)}"
    inside = f"a further {f.money(c.slippage)} of slippage is inside the prices"
    if paid <= 0:
        return f"Fees and funding together brought in {f.money(-paid)} {quote} ({parts}); {inside}."
    if c.gross <= 0:
        lost = f"It lost {f.money(-c.gross)} {quote} before costs"
        return f"{lost}, and costs took {f.money(paid)} more ({parts}); {inside}."
    share = paid / c.gross
    ate = f"Costs ate {f.percent(share, 0)} of the gross profit ({parts}); {inside}."
    if share >= 1:
        return f"Before costs it made {f.money(c.gross)} {quote}. {ate} It did not pay for its own trading."
    return ate


def _luck(p: Performance) -> str:
    if p.stats.trips + p.open_trips == 0:
        return ""
    band = p.reward.interval
    if band is None:
        return "There are too few returns to say how much of the result may be luck."
    between = f"95 % interval from {f.number(band.low)} to {f.number(band.high)}"
    ratio = f"The Sharpe ratio is {f.number(p.reward.sharpe)}, with a {between}"
    if band.includes_zero:
        return f"{ratio}: that includes zero, so the result cannot be told from luck."
    if band.high < 0:
        return f"{ratio}: it is below zero beyond what luck explains."
    return f"{ratio}: above zero, provided that this run was not picked as the best of many."


def _emergencies(p: Performance) -> str:
    if not p.emergencies:
        return "The emergency stop did not trip."
    first = p.emergencies[0]
    below = f"{f.percent(first.drawdown_bps / 10_000)} below the peak"
    when = f"on {f.minute(first.ts)} UTC by {first.trigger}, {below}"
    if len(p.emergencies) == 1:
        after = "was not reset" if first.until_ms is None else f"was reset on {f.minute(first.until_ms)}"
        return f"The emergency stop tripped once, {when}, and {after}."
    return f"The emergency stop tripped {len(p.emergencies)} times, first {when}."


def _liquidations(run: Run, p: Performance) -> str:
    if p.liquidations:
        often = "once" if p.liquidations == 1 else f"{f.count(p.liquidations)} times"
        return f"The venue liquidated positions {often}."
    if run.cycles["liquidated"].any():
        return "The account was liquidated."
    return "Nothing was liquidated." if p.stats.trips + p.open_trips else ""


def _open(p: Performance) -> str:
    if not p.open_trips:
        return ""
    what = "One position is" if p.open_trips == 1 else f"{p.open_trips} positions are"
    return f"{what} still open and counted at the last close."
