"""Provenance: what made this run, so that anyone can make it again, and how its numbers are defined."""

from collections.abc import Mapping
from typing import Any

from qt_ray.engine.run import Run
from qt_ray.monitoring import ratios
from qt_ray.monitoring.performance import Performance
from qt_ray.monitoring.tearsheet import figures as f
from qt_ray.monitoring.tearsheet.markup import Child, Html, join, tag

DEPTH_MAX = 12
OPEN_MAX = 12
DEFINITIONS = {
    "Interval": f"The middle 95 % of the Sharpe ratios of {f.count(ratios.RESAMPLES)} circular block "
    "resamples, drawn with a fixed seed.",
    "Yearly rates": "A return of less than 30 days is not extrapolated to a year; it shows n/a. Volatility "
    "and Sharpe are scaled to a year however short the record, as is the custom: mind the interval.",
    "Times": "All times are UTC. A bar is known at its close, and equity is taken there at the mark.",
    "Drawdown": "From the highest close so far, the initial balance included.",
    "Holding": "Equal parts of every symbol bought at its first close and never touched, without fees or "
    "funding. A symbol's part waits as cash until its first price.",
    "Round trip": "From flat to flat. A fill through zero ends one and begins the next, its fee split by "
    "quantity. Net is after fees; funding is booked per account and is in the costs, not in a trip.",
    "Slippage": "Fill price less the price at the moment of decision, for a stop its trigger, times quantity.",
}


def parameters(values: Mapping[str, Any]) -> Html:
    """Return nested parameters as nested lists."""
    if not values:
        return tag("p", "No parameters are on record.", class_="note")
    return tag("div", _nested(values, 0), class_="parameters")


def _nested(values: Mapping[str, Any], depth: int) -> Html:
    return tag("dl", [_entry(str(name), value, depth) for name, value in values.items()])


def _entry(name: str, value: Any, depth: int) -> Html:
    branch = _branch(value)
    if branch and depth < DEPTH_MAX:
        shown = depth == 0 and len(branch) <= OPEN_MAX and not isinstance(value, list | tuple)
        inner: Child = tag("details", tag("summary", name), _nested(branch, depth + 1), open=shown)
        return tag("div", inner, class_="branch")
    return tag("div", tag("dt", name), tag("dd", _plain(value)), class_="leaf")


def _branch(value: Any) -> Mapping[str, Any]:
    """Return what is nested in a value; a list of mappings goes by their symbols or names, else by place."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list | tuple) and value and all(isinstance(item, Mapping) for item in value):
        names = [str(item.get("symbol") or item.get("name") or at) for at, item in enumerate(value, 1)]
        if len(set(names)) == len(names):
            return dict(zip(names, value, strict=True))
        return {str(at): item for at, item in enumerate(value, 1)}
    return {}


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_plain(item) for item in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None or value == {} else str(value)


def digests(values: Mapping[str, str]) -> Html:
    """Return digests, each with a button that copies it."""
    if not values:
        return tag("p", "No digests are on record.", class_="note")
    rows = [
        tag(
            "div",
            tag("dt", name),
            tag(
                "dd",
                tag("code", digest),
                tag("button", "Copy", type="button", data_copy=digest, aria_label=f"Copy {name}"),
            ),
            class_="digest",
        )
        for name, digest in values.items()
    ]
    note = tag("p", "Two runs are the same run when these agree.", class_="note")
    return join((tag("dl", rows, class_="digests"), note))


def definitions(run: Run, performance: Performance) -> Html:
    """Return how each number is made, in one line each."""
    daily = performance.returns.daily
    basis = "daily returns (UTC days)" if daily else "one return per bar, as the record is shorter than 30 days"
    rate = f"Ratios use {basis}; a year has 365 days; the risk-free rate is 0. Transfers are not returns."
    closes, window = f.count(len(run.cycles)), ratios.rolling_window(performance.returns)
    lines = {
        "Returns": rate,
        "Rolling Sharpe": f"The last {window} {'days' if daily else 'bars'}.",
        **DEFINITIONS,
        "Charts": f"{closes} closes; where there are too many to draw, each bucket keeps its extremes.",
    }
    return tag(
        "dl",
        [tag("div", tag("dt", name), tag("dd", text)) for name, text in lines.items()],
        class_="definitions",
    )
