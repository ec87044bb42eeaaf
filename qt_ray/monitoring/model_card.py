"""Model card: what a model is, what it learned from and how little is known of its edge, for a person in two minutes.

The first sentences are the verdict, and they follow from the numbers by rules written here: an edge is claimed only
where the whole interval of doubt lies on the good side.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

SCORES = (
    ("log_loss", "log loss", 5),
    ("brier", "Brier score", 5),
    ("ece", "calibration error", 4),
    ("accuracy", "accuracy", 4),
    ("ic", "rank correlation with the return", 4),
)
COIN_LOG_LOSS = 0.693147


@dataclass(frozen=True, slots=True)
class Subject:
    """What a card is about: an ensemble's version and manifest as plain values, and how far it has come."""

    version: str
    status: str
    manifest: Mapping[str, Any]

    @property
    def metrics(self) -> Mapping[str, float]:
        """Return the numbers it was judged with."""
        found: Mapping[str, float] = self.manifest["metrics"]
        return found


def card(subject: Subject) -> str:
    """Return the card as Markdown."""
    parts = (_head(subject), _verdict(subject), _scores(subject), _money(subject), _origin(subject), _limits())
    return "\n".join(line for part in parts for line in part)


def _head(subject: Subject) -> Iterator[str]:
    told = subject.manifest
    yield f"# Model card: {told['name']} {subject.version[:12]}"
    yield ""
    yield f"Status {subject.status}. Forecasts whether the price is higher {told['horizon_bars']} bars of"
    yield f"{_interval(told['interval_ms'])} ahead, for {', '.join(told['data']['symbols'])}."
    yield ""


def _verdict(subject: Subject) -> Iterator[str]:
    yield "## In short"
    yield ""
    for sentence in sentences(subject.metrics):
        yield f"- {sentence}"
    yield ""


def sentences(metrics: Mapping[str, float]) -> Iterator[str]:
    """Yield what the numbers permit to say, the most important first."""
    if "test.blend.ic" in metrics:
        shown = _with_doubt(metrics, "test.blend.ic", 4)
        if metrics.get("test.blend.ic_low", -1.0) > 0.0:
            yield f"Its forecasts and what followed are ordered alike, a little: rank correlation {shown}."
        else:
            yield f"No edge is shown: the rank correlation with what followed is {shown}, and zero is inside."
    if "test.blend.log_loss" in metrics:
        saved = COIN_LOG_LOSS - metrics["test.blend.log_loss"]
        worse = "saves" if saved > 0.0 else "loses"
        surely = metrics.get("test.blend.log_loss_high", 1.0) < COIN_LOG_LOSS
        doubt = "beyond doubt" if surely else "which may be luck"
        yield f"Against a coin it {worse} {abs(saved):.5f} of {COIN_LOG_LOSS:.4f} in log loss, {doubt}."
    if "test.money.costs.net" in metrics:
        net, held = metrics["test.money.costs.net"], metrics.get("test.money.costs.buy_and_hold")
        other = "" if held is None else f"; holding the same contracts in equal parts returned {100 * held:+.1f} %"
        yield (
            f"After costs the fund {'won' if net > 0 else 'lost'} {abs(net):,.2f} "
            f"({100 * metrics['test.money.costs.return']:+.2f} %) where staying flat gives 0{other}."
        )


def _scores(subject: Subject) -> Iterator[str]:
    yield "## Scores on the judged part"
    yield ""
    names = _judged(subject)
    yield "| | " + " | ".join(names) + " |"
    yield "|---|" + "--:|" * len(names)
    for key, label, digits in SCORES:
        cells = (_with_doubt(subject.metrics, f"test.{name}.{key}", digits) for name in names)
        yield f"| {label} | " + " | ".join(cells) + " |"
    yield ""
    yield "In brackets: where 95 % of resamples of whole days lie."
    coverage = subject.metrics.get("test.blend.interval_coverage")
    if coverage is not None:
        yield f"The blend's 80 % interval held {100 * coverage:.1f} % of the returns."
    yield ""


def _judged(subject: Subject) -> Sequence[str]:
    named = [key.split(".")[1] for key in subject.metrics if key.startswith("test.") and key.endswith(".log_loss")]
    return ["blend", *sorted(name for name in set(named) if name not in ("blend", "coin")), "coin"]


def _money(subject: Subject) -> Iterator[str]:
    keys = ("return", "net", "gross", "fees", "trips", "drawdown", "sharpe")
    if "test.money.costs.net" not in subject.metrics:
        return
    yield "## Money on the judged part"
    yield ""
    yield "| acts on | " + " | ".join(keys) + " |"
    yield "|---|" + "--:|" * len(keys)
    for name, label in (("costs", "edges above a round trip's costs"), ("any_edge", "every opinion")):
        yield f"| {label} | " + " | ".join(_cell(subject.metrics, f"test.money.{name}.{key}") for key in keys) + " |"
    yield ""


def _origin(subject: Subject) -> Iterator[str]:
    told, plan = subject.manifest, subject.manifest["plan"]
    yield "## Where it comes from"
    yield ""
    yield f"- Bars from {_day(told['data']['start_ms'])} to {_day(told['data']['end_ms'])},"
    yield f"  digest `{told['data']['digest'][:16]}`."
    yield f"- {len(told['features'])} features, schema `{told['feature_schema'][:16]}`."
    known, judged = _day(told["trained_to_ms"]), _day(plan["parts"]["test_start_ms"])
    yield f"- Learned from what was known by {known}; judged from {judged}."
    yield f"- Seed {told['seed']}, code {told['code']['version']} `{told['code']['digest'][:16]}`."
    for name, version in told["members"].items():
        apart = subject.metrics.get(f"parity.{name}")
        said = "" if apart is None else f", served within {apart:.1e} of its library"
        yield f"- {name} `{version[:12]}`{said}."
    yield ""


def _limits() -> Iterator[str]:
    yield "## What it does not tell"
    yield ""
    yield "- One stretch of one market. Overlapping horizons make neighbouring rows nearly the same row, which the"
    yield "  intervals allow for by days and no further."
    yield "- Nobody chose these numbers on the judged part; whoever looks at it often enough, does."
    yield "- Fills are simulated from bars ([the simulated venue](simulated-venue.md))."
    yield ""


def _with_doubt(metrics: Mapping[str, float], key: str, digits: int) -> str:
    if key not in metrics:
        return ""
    value = f"{metrics[key]:.{digits}f}"
    if f"{key}_low" not in metrics or f"{key}_high" not in metrics:
        return value
    return f"{value} ({metrics[f'{key}_low']:.{digits}f} to {metrics[f'{key}_high']:.{digits}f})"


def _cell(metrics: Mapping[str, float], key: str) -> str:
    if key not in metrics:
        return ""
    value, name = metrics[key], key.rpartition(".")[2]
    if name in ("return", "drawdown"):
        return f"{100 * value:.2f} %"
    return f"{value:,.0f}" if name == "trips" else f"{value:,.2f}"


def _day(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1_000, UTC):%Y-%m-%d}"


def _interval(ms: int) -> str:
    minutes = ms // 60_000
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
