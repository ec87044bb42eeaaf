"""Boosting: a training in legs, each of which begins from the bytes that the last one ended with.

So a killed training goes on by doing what it would have done anyway, and ends with the same bytes: nothing that a
library remembers between rounds, its dice least of all, outlives a leg. Held-out rows say when to stop.
"""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import orjson

from qt_ray.adapters.files import write_atomic
from qt_ray.adapters.models.learner import Progress
from qt_ray.ai.members.envelope import Envelope
from qt_ray.ai.members.trees import DEPTH_MAX
from qt_ray.ai.sample import Sample
from qt_ray.core.codec import digest
from qt_ray.core.errors import Invalid

LEG_ROUNDS = 20
SEED_MAX = 2**31 - 1
NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
BOUNDS: Mapping[str, tuple[float, float]] = {
    "rounds": (1, 2_000),
    "patience": (1, 2_000),
    "depth": (1, DEPTH_MAX),
    "leaves": (2, 2**DEPTH_MAX),
    "leaf_rows_min": (1, 1_000_000),
    "eta": (0.001, 1.0),
    "subsample": (0.1, 1.0),
    "colsample": (0.1, 1.0),
    "l2": (0.0, 1_000.0),
}

# Adds rounds to a model, or begins one: (model, rounds, seed) to (model, the loss on held-out rows after each round).
Grow = Callable[[bytes | None, int, int], tuple[bytes, list[float]]]


class Plan(Protocol):
    """What every boosted model is told: at most so many rounds, and how many without a gain are too many."""

    @property
    def rounds(self) -> int:
        """Return the most rounds."""
        ...

    @property
    def patience(self) -> int:
        """Return the rounds without a gain after which growing stops."""
        ...


@dataclass(frozen=True, slots=True)
class Grown:
    """A whole growth: the model with all its rounds, and the loss after each of them."""

    model: bytes
    losses: Sequence[float]

    @property
    def best(self) -> int:
        """Return how many rounds gave the least loss, the fewest if several did."""
        return int(np.argmin(self.losses)) + 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file with a growth so far, of use only to the training whose identity it bears."""

    path: Path
    identity: str

    def load(self) -> Grown | None:
        """Return the growth so far; None if there is none, or it is another training's or broken."""
        try:
            stored = orjson.loads(self.path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return None
        if not isinstance(stored, dict) or stored.get("identity") != self.identity:
            return None
        return Grown(stored["model"].encode(), stored["losses"])

    def save(self, grown: Grown) -> None:
        """Replace the growth so far."""
        stored = {"identity": self.identity, "losses": list(grown.losses), "model": grown.model.decode()}
        write_atomic(self.path, orjson.dumps(stored))


@dataclass(frozen=True, slots=True)
class Training:
    """One training, told apart from every other by its facts."""

    kind: str
    plan: Plan
    seed: int
    facts: Mapping[str, Any]

    def grow(self, grow: Grow, work: Path | None) -> Generator[Progress, None, Grown]:
        """Grow leg by leg until held-out rows gain nothing; yield after each, return the whole."""
        checkpoint = None if work is None else Checkpoint(work / f"{self.kind}.checkpoint", digest(self.facts))
        grown = checkpoint.load() if checkpoint else None
        while grown is None or not _is_done(self.plan, grown):
            done = len(grown.losses) if grown else 0
            rounds = min(LEG_ROUNDS, self.plan.rounds - done)
            model, losses = grow(grown.model if grown else None, rounds, _seed_of(self.seed, done))
            grown = Grown(model, [*(grown.losses if grown else ()), *losses])
            if checkpoint:
                checkpoint.save(grown)
            yield Progress(len(grown.losses), self.plan.rounds, grown.losses[-1])
        return grown

    def told(self, grown: Grown) -> Mapping[str, Any]:
        """Return what there is to say about what was learned."""
        return {**self.facts, "rounds": grown.best, "loss": grown.losses[grown.best - 1]}


def training_of(
    kind: str, library: str, plan: Any, names: Sequence[str], samples: tuple[Sample, Sample], seed: int
) -> Training:
    """Return the training of such trees on (train, valid); refuse rows that nothing can be learned from."""
    if not 0 <= seed <= SEED_MAX:
        raise Invalid(f"{kind}: a seed is from 0 to {SEED_MAX}, was {seed}")
    for part, sample in zip(("train", "valid"), samples, strict=True):
        _require_learnable(f"{kind}: {part}", sample, names)
    train, valid = (sample.evidence.features for sample in samples)
    facts = {
        "kind": kind,
        "library": library,
        "plan": asdict(plan),
        "features": list(names),
        "seed": seed,
        "rows": [len(train), len(valid)],
        "data": _data_digest(*samples),
        "envelope": Envelope.learn(train, valid).plain(),
    }
    return Training(kind, plan, seed, facts)


def require_plan(kind: str, plan: Any, names: Sequence[str]) -> None:
    """Refuse a plan out of bounds, and names that a library would rewrite."""
    for field in fields(plan):
        (low, high), value = BOUNDS[field.name], getattr(plan, field.name)
        if not low <= value <= high:
            raise Invalid(f"{kind}: {field.name} is from {low:g} to {high:g}, was {value}")
    if not names or len(set(names)) != len(names):
        raise Invalid(f"{kind}: features have one name each, was {list(names)!s:.60}")
    for name in names:
        if not NAME.fullmatch(name):
            raise Invalid(f"{kind}: a feature's name is letters, digits and underscores, was {name!r:.60}")


def _require_learnable(what: str, sample: Sample, names: Sequence[str]) -> None:
    rows, shape = sample.evidence.features, (len(sample), len(names))
    if len(sample) == 0:
        raise Invalid(f"{what}: a sample has rows, had none")
    if rows.dtype != np.float32 or rows.shape != shape:
        raise Invalid(f"{what}: features are float32 {shape}, was {rows.dtype} {rows.shape}")
    broken = np.count_nonzero(~np.isfinite(rows), axis=0)
    if broken.any():
        worst = int(np.argmax(broken))
        raise Invalid(f"{what}: features are finite, {names[worst]} was not in {broken[worst]} of {len(rows)} rows")
    outcomes = np.unique(sample.up).tolist()
    if outcomes != [0.0, 1.0]:
        raise Invalid(f"{what}: outcomes are 0 and 1, and both occur, was {outcomes!s:.60}")


def _is_done(plan: Plan, grown: Grown) -> bool:
    done = len(grown.losses)
    return done >= plan.rounds or done - grown.best >= plan.patience


def _seed_of(seed: int, done: int) -> int:
    """Return the seed of the leg after `done` rounds, as the libraries take it."""
    return int(np.random.SeedSequence([seed, done]).generate_state(1)[0]) >> 1


def _data_digest(*samples: Sample) -> str:
    state = sha256()
    for sample in samples:
        state.update(np.ascontiguousarray(sample.evidence.features).tobytes())
        state.update(np.ascontiguousarray(sample.up).tobytes())
    return state.hexdigest()
