"""Manifest: what a model is, in one spelling, so that the hash of the spelling is the model's version.

It names every byte that is served, the data, plan and code it came from, and how good it was found. Change any of it
and it is another version; a manifest that cannot be read to the last key is no manifest.
"""

import re
from collections.abc import Mapping, Sized
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from math import isfinite
from typing import Any, Final

from qt_ray.ai.succession import CHAMPION, NAME, VERSION
from qt_ray.core.codec import INTEGER_MAX, canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.restore import restore

FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}(\.[A-Za-z0-9_-]{1,20}){0,3}")
LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,79}")
ARTEFACT_BYTES_MAX: Final = 64 << 20
# More than the largest manifest that the bounds below permit.
MANIFEST_BYTES_MAX: Final = 1 << 20
PLAN_BYTES_MAX: Final = 1 << 16
ARTEFACTS_MAX: Final = 64
MEMBERS_MAX: Final = 32
FEATURES_MAX: Final = 1_000
SYMBOLS_MAX: Final = 5_000
METRICS_MAX: Final = 1_000
PARENTS_MAX: Final = 64
HORIZON_BARS_MAX: Final = 10_000
DAY_MS: Final = 86_400_000


class Kind(StrEnum):
    """What sort of model; an ensemble is made of members, every other of artefacts."""

    XGBOOST = "xgboost"
    LIGHTGBM = "lightgbm"
    CATBOOST = "catboost"
    PATCHTST = "patchtst"
    NHITS = "nhits"
    ENSEMBLE = "ensemble"


@dataclass(frozen=True, slots=True)
class Artefact:
    """One file of a model, by content."""

    sha256: str
    size_bytes: int

    def __post_init__(self) -> None:
        _hash("sha256", self.sha256)
        _within("size_bytes", self.size_bytes, 1, ARTEFACT_BYTES_MAX)

    @staticmethod
    def of(content: bytes) -> "Artefact":
        """Return what names this content."""
        return Artefact(sha256(content).hexdigest(), len(content))


@dataclass(frozen=True, slots=True)
class Data:
    """The bars a model learned from."""

    digest: str
    symbols: tuple[str, ...]
    start_ms: int
    end_ms: int

    def __post_init__(self) -> None:
        _hash("digest", self.digest)
        _count("symbols", self.symbols, 1, SYMBOLS_MAX)
        _labels("symbols", self.symbols)
        _within("start_ms", self.start_ms, 0, self.end_ms - 1)


@dataclass(frozen=True, slots=True)
class Code:
    """The program that trained: its release, and the digest of its sources."""

    version: str
    digest: str

    def __post_init__(self) -> None:
        _labels("version", (self.version,))
        _hash("digest", self.digest)


@dataclass(frozen=True)
class Manifest:
    """All there is to say about one version of a model."""

    name: str
    kind: Kind
    artefacts: Mapping[str, Artefact]
    members: Mapping[str, str]
    features: tuple[str, ...]
    feature_schema: str
    interval_ms: int
    horizon_bars: int
    data: Data
    code: Code
    plan: Mapping[str, Any]
    metrics: Mapping[str, float]
    trained_to_ms: int
    parents: tuple[str, ...]
    seed: int

    def __post_init__(self) -> None:
        self._settle()
        if not NAME.fullmatch(self.name) or self.name == CHAMPION:
            raise Invalid(f"name: a name is {NAME.pattern} and not {CHAMPION}, was {self.name!r:.60}")
        self._check_parts()
        _count("features", self.features, 0, FEATURES_MAX)
        _labels("features", self.features)
        _hash("feature_schema", self.feature_schema)
        if self.interval_ms < 1_000 or DAY_MS % self.interval_ms or self.interval_ms % 1_000:
            raise Invalid(f"interval_ms: whole seconds that divide a day, was {self.interval_ms}")
        _within("horizon_bars", self.horizon_bars, 1, HORIZON_BARS_MAX)
        _within("trained_to_ms", self.trained_to_ms, self.data.start_ms, INTEGER_MAX)
        _within("seed", self.seed, 0, INTEGER_MAX)
        _count("parents", self.parents, 0, PARENTS_MAX)
        for parent in self.parents:
            _hash("parents", parent)

    @cached_property
    def content(self) -> bytes:
        """Return the only bytes this manifest is written as."""
        return canonical(self)

    @property
    def version(self) -> str:
        """Return the name under which these very bytes are served."""
        return sha256(self.content).hexdigest()

    def _settle(self) -> None:
        """Hold plan and metrics as they will be read back, out of reach of whoever made them."""
        _count("metrics", self.metrics, 0, METRICS_MAX)
        for key, value in self.metrics.items():
            if not isfinite(value):
                raise Invalid(f"metrics.{key}: a finite number, was {value}")
        _labels("metrics", tuple(self.metrics))
        object.__setattr__(self, "metrics", {key: float(value) for key, value in self.metrics.items()})
        try:
            plan = canonical(self.plan)
        except Invalid as error:
            raise Invalid(f"plan: {error}") from error
        if len(plan) > PLAN_BYTES_MAX:
            raise Invalid(f"plan: at most {PLAN_BYTES_MAX} bytes, was {len(plan)}")
        object.__setattr__(self, "plan", decode(plan))

    def _check_parts(self) -> None:
        ensemble = self.kind is Kind.ENSEMBLE
        _count("artefacts", self.artefacts, 0 if ensemble else 1, ARTEFACTS_MAX)
        _count("members", self.members, 1 if ensemble else 0, MEMBERS_MAX if ensemble else 0)
        for file in self.artefacts:
            check_file(file)
        for name, version in self.members.items():
            if not NAME.fullmatch(name):
                raise Invalid(f"members: a name is {NAME.pattern}, was {name!r:.60}")
            _hash(f"members.{name}", version)


def parse(data: bytes) -> Manifest:
    """Return the manifest that these bytes spell; another spelling of the same is refused."""
    manifest = restore(Manifest, decode(data), "manifest")
    if manifest.content != data:
        raise Invalid("manifest: canonical bytes, was another spelling")
    return manifest


def check_file(name: str) -> None:
    """Raise unless `name` can name an artefact: a plain file name that leads nowhere."""
    if not FILE.fullmatch(name):
        raise Invalid(f"artefacts: a file is {FILE.pattern}, was {name!r:.60}")


def _hash(key: str, text: str) -> None:
    if not VERSION.fullmatch(text):
        raise Invalid(f"{key}: 64 hexadecimal digits, was {text!r:.80}")


def _within(key: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise Invalid(f"{key}: {low} to {high}, was {value}")


def _count(key: str, items: Sized, low: int, high: int) -> None:
    if not low <= len(items) <= high:
        raise Invalid(f"{key}: {low} to {high} of them, was {len(items)}")


def _labels(key: str, labels: tuple[str, ...]) -> None:
    for label in labels:
        if not LABEL.fullmatch(label):
            raise Invalid(f"{key}: a label is {LABEL.pattern}, was {label!r:.60}")
    if len(set(labels)) != len(labels):
        raise Invalid(f"{key}: each once, one was twice")
