"""Training settings: what is learned, from which part of the past, and judged on which.

Numbers of a single model are a table per kind, checked against that model's own plan, so there is one list of them.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from qt_ray.adapters.settings_values import Amount, Count, Moment, NotNegative, Section, Share, Text, Whole, exact


def words(value: Any) -> Any:
    """Return names from a list or from words between commas."""
    found = value.split(",") if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not all(isinstance(word, str) for word in found):
        raise ValueError("a list of names")
    return tuple(word.strip() for word in found if word.strip())


def table(value: Any) -> Any:
    """Return a table of names and exact numbers."""
    if not isinstance(value, dict):
        raise ValueError("a table of names and numbers")
    return {str(key): exact(item) for key, item in value.items()}


Words = Annotated[tuple[str, ...], BeforeValidator(words)]
Numbers = Annotated[dict[str, Decimal], BeforeValidator(table)]


class Training(Section):
    """How an ensemble is trained and judged."""

    members: Words = ("xgboost", "lightgbm", "patchtst", "nhits")
    """Kinds of models to train, between commas."""
    features: Literal["bar", "all"] = "bar"
    """`bar` needs nothing but bars; `all` adds funding and basis, and skips bars that lack them."""
    without: Words = ("open_gap",)
    """Features to leave out; a market that never closes has no gaps worth the name."""
    label: Literal["horizon", "barriers"] = "horizon"
    """What is foretold: the return to the horizon, or which of two barriers is touched first."""
    horizon_bars: Count = 8
    """Bars ahead that a forecast is about."""
    cost_bps: NotNegative = Decimal(12)
    """Costs of a round trip, with which labels and edges are judged."""
    stop_atr: Amount = Decimal(2)
    """Distance of the lower barrier."""
    take_atr: Amount = Decimal(2)
    """Distance of the upper barrier."""
    lookback_bars: Count = 96
    """Bars that sequence models look back."""
    test_start: Moment | None = None
    """Where the judged part begins, UTC; null takes the last fifth."""
    valid_bps: Share = 1_500
    """Share of what lies before the judged part that decides when training stops."""
    calibrate_bps: Share = 1_500
    """Share of it that calibrates and weighs."""
    embargo_bars: Whole = 24
    """Bars between two parts that teach nothing, beyond those whose outcome was still open."""
    work: Text = "runs/training"
    """Folder of unfinished trainings."""
    memory_mb: Count = 6_000
    """Memory that members trained at the same time may take together."""
    judge: bool = True
    """Runs the fund over the judged part, with and without the least edge."""
    xgboost: Numbers = Field(default_factory=dict)
    """Numbers of the XGBoost plan, such as `rounds`."""
    lightgbm: Numbers = Field(default_factory=dict)
    """Numbers of the LightGBM plan."""
    patchtst: Numbers = Field(default_factory=dict)
    """Numbers of the PatchTST shape and its training."""
    nhits: Numbers = Field(default_factory=dict)
    """Numbers of the N-HiTS shape and its training."""

    catboost: Numbers = Field(default_factory=dict)
    """Numbers of the CatBoost plan; the library comes with the extra `catboost`."""

    def numbers(self, kind: str) -> Mapping[str, Decimal]:
        """Return the numbers told for one kind."""
        found: Mapping[str, Decimal] = getattr(self, kind, {})
        return found
