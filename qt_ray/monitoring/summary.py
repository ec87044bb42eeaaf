"""Summary: a run's performance as a plain mapping, for `--json` and for comparing runs.

Money is a decimal string, a time is RFC 3339 in UTC, a ratio is a float, and what is not known is null.
"""

from dataclasses import asdict
from math import isfinite
from typing import Any

from qt_ray.core.moments import rfc3339
from qt_ray.core.money import decimal
from qt_ray.engine.run import Run
from qt_ray.monitoring.breakdown import Group, TripStats
from qt_ray.monitoring.performance import Performance, Reward, measure

DIGITS = 10


def summary(run: Run) -> dict[str, Any]:
    """Return the performance of `run`, measured now."""
    return summarised(run, measure(run))


def summarised(run: Run, performance: Performance) -> dict[str, Any]:
    """Return what `performance` says of `run` as plain values."""
    p = performance
    return {
        "period": {
            "start": rfc3339(p.curve.start_ms),
            "end": rfc3339(int(p.curve.ts[-1])),
            "bars": len(p.curve.ts),
            "interval_ms": p.curve.interval_ms,
            "returns": "daily" if p.returns.daily else "per bar",
        },
        "symbols": list(run.bars.symbols),
        "initial": amount(run.initial),
        "final": amount(int(run.cycles["equity"][-1])),
        "reward": reward_values(p.reward),
        "buy_and_hold": None if p.held_reward is None else reward_values(p.held_reward),
        "correlation": ratio(p.correlation),
        "beta": ratio(p.beta),
        "drawdowns": [drawdown_values(d) for d in p.drawdowns],
        "months": [{"month": f"{m.year:04d}-{m.month:02d}", "return": ratio(m.value)} for m in p.months],
        "trips": stats_values(p.stats) | {"open": p.open_trips},
        "costs": cost_values(p),
        "exposure": {name: ratio(value) for name, value in asdict(p.exposure).items()},
        "by_side": group_values(p.sides),
        "by_cause": group_values(p.causes),
        "by_regime": group_values(p.regimes),
        "by_symbol": symbol_values(p),
        "decisions": {"count": p.decisions, "wishes": p.wishes, "blocks": block_values(p)},
        "worst_decisions": regret_values(run, p),
        "emergencies": [
            {"at": rfc3339(e.ts), "trigger": e.trigger, "drawdown_bps": e.drawdown_bps} for e in p.emergencies
        ],
        "liquidations": p.liquidations,
        "digests": dict(run.digests),
    }


def amount(units: float) -> str | None:
    """Return money as a decimal string, None when it is not known."""
    return f"{decimal(round(units)):f}" if isfinite(units) else None


def ratio(value: float) -> float | None:
    """Return a ratio rounded to ten digits, None when it is not known."""
    return float(f"{value:.{DIGITS}g}") if isfinite(value) else None


def reward_values(reward: Reward) -> dict[str, Any]:
    """Return ratios, and the Sharpe ratio's interval as a triple."""
    values: dict[str, Any] = {name: ratio(value) for name, value in asdict(reward).items() if name != "interval"}
    band = reward.interval
    values["sharpe_low"] = None if band is None else ratio(band.low)
    values["sharpe_high"] = None if band is None else ratio(band.high)
    values["sharpe_above_zero"] = None if band is None else ratio(band.above_zero)
    return values


def drawdown_values(drawdown: Any) -> dict[str, Any]:
    """Return one drawdown with its dates."""
    recovered = drawdown.recovered_ms
    return {
        "depth": ratio(drawdown.depth),
        "peak": rfc3339(drawdown.peak_ms),
        "trough": rfc3339(drawdown.trough_ms),
        "recovered": None if recovered is None else rfc3339(recovered),
        "length_ms": drawdown.length_ms,
    }


def stats_values(stats: TripStats) -> dict[str, Any]:
    """Return what a set of round trips came to."""
    return {
        "count": stats.trips,
        "wins": stats.wins,
        "losses": stats.losses,
        "win_rate": ratio(stats.win_rate),
        "profit_factor": ratio(stats.profit_factor),
        "payoff": ratio(stats.payoff),
        "net": amount(stats.net),
        "fees": amount(stats.fees),
        "slippage": amount(stats.slippage),
        "expectancy": amount(stats.expectancy),
        "best": amount(stats.best),
        "worst": amount(stats.worst),
        "hold_ms": ratio(stats.hold_ms),
        "losing_streak": stats.losing_streak,
    }


def group_values(groups: tuple[Group, ...]) -> dict[str, Any]:
    """Return a table of round trips by name."""
    return {group.name: stats_values(group.stats) | {"share": ratio(group.share)} for group in groups}


def cost_values(performance: Performance) -> dict[str, Any]:
    """Return costs as money and in basis points of turnover."""
    costs = performance.costs
    values: dict[str, Any] = {name: amount(value) for name, value in asdict(costs).items()}
    for name in ("fees", "funding", "slippage"):
        values[f"{name}_bps"] = ratio(costs.bps(getattr(costs, name)))
    return values


def symbol_values(performance: Performance) -> dict[str, Any]:
    """Return every symbol's result."""
    return {
        row.symbol: stats_values(row.stats)
        | {
            "position_steps": row.position,
            "open_result": None if row.open_result is None else amount(row.open_result),
            "turnover": amount(row.turnover),
            "held": ratio(row.held),
        }
        for row in performance.symbols
    }


def block_values(performance: Performance) -> dict[str, Any]:
    """Return what each rule bound."""
    return {
        block.reason.label: {
            "bound": block.bound,
            "binding": block.binding,
            "refused": block.refused,
            "cut": ratio(block.cut),
        }
        for block in performance.blocks
    }


def regret_values(run: Run, performance: Performance) -> list[dict[str, Any]]:
    """Return the worst round trips with what was thought when they were opened."""
    return [
        {
            "symbol": run.bars.symbols[int(regret.trip["symbol"])],
            "side": "long" if regret.trip["side"] > 0 else "short",
            "opened": rfc3339(int(regret.trip["opened"])),
            "closed": rfc3339(int(regret.trip["closed"])),
            "net": amount(regret.net),
            "decision": opinion_values(regret.opinion),
        }
        for regret in performance.regrets
    ]


def opinion_values(opinion: Any) -> dict[str, Any] | None:
    """Return a decision's own words, None when it is not on record."""
    if opinion is None:
        return None
    return {
        "at": rfc3339(opinion.ts),
        "score": ratio(opinion.score),
        "confidence": ratio(opinion.confidence),
        "agreement": opinion.agreement,
        "regime": opinion.regime,
        "binding": opinion.binding.label,
        "bound": [reason.label for reason in opinion.bound],
    }
