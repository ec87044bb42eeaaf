"""Training of networks: by what is asked of them when they serve, and by the way there where a network forecasts it.

The direction is what a network is for: it decides when to stop and which weights to keep, and the quantiles teach the
same layers without drowning it. The same seed gives the same bytes on one machine, interrupted or not.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hashlib import blake2b
from math import ceil, cos, isfinite, pi
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW

from qt_ray.adapters.models.learner import Learned, Progress
from qt_ray.adapters.models.torch_course import Course, alone
from qt_ray.adapters.models.torch_lessons import Lessons, losses, mirrored
from qt_ray.ai.members.member import Ints
from qt_ray.ai.sample import Sample
from qt_ray.core.errors import Invalid

# The first share of all steps in which the rate grows to its full size.
WARMUP = 0.05
# The share of rows that are turned upside down.
HALF = 0.5


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How long and how hard to learn.

    `pinball` is the weight of the quantiles. A row's direction is pulled with a slope of 1 at most, all its quantiles
    together with 0.76 times this weight, so at 0.25 the direction leads five to one.
    """

    epochs_max: int = 30
    steps_per_epoch_max: int = 1_000
    batch: int = 256
    rate: float = 1e-3
    weight_decay: float = 1e-2
    clip: float = 1.0
    patience: int = 5
    pinball: float = 0.25

    def __post_init__(self) -> None:
        for name in ("epochs_max", "steps_per_epoch_max", "batch", "patience"):
            if getattr(self, name) < 1:
                raise Invalid(f"training: {name} counts from 1, was {getattr(self, name)}")
        for name in ("rate", "clip"):
            if not 0.0 < getattr(self, name) < np.inf:
                raise Invalid(f"training: {name} is above 0, was {getattr(self, name)}")
        for name in ("weight_decay", "pinball"):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise Invalid(f"training: {name} is a number from 0, was {getattr(self, name)}")

    def steps(self, rows: int) -> int:
        """Return the steps of an epoch over so many rows: whole batches only, one at least."""
        return min(self.steps_per_epoch_max, max(rows // self.batch, 1))

    def rate_at(self, step: int, steps: int) -> float:
        """Return the rate of a step: up in a line, down in half a cosine."""
        warm = ceil(WARMUP * steps)
        if step < warm:
            return self.rate * ((step + 1) / warm)
        return self.rate * 0.5 * (1.0 + cos(pi * (step - warm) / (steps - warm)))


class Pathfinder(Protocol):
    """A network that also says how it gets to the horizon."""

    def paths(self, windows: Tensor) -> Tensor:
        """Return `[row, logit and quantiles, step]`; the last step is what the network itself answers."""


@dataclass(frozen=True, slots=True, eq=False)
class NetworkLearner:
    """Trains any network that turns windows `[row, bar, channel]` into a logit and five quantiles a row.

    Where outcomes are `symmetric` half of every batch is upside down, by the toss of a coin: a fund is long and short
    alike, and the way a market went while it was learned from is no law. A network with `paths` is a `Pathfinder` and
    learns every step to the horizon; what is examined is what is served, the horizon alone.
    """

    kind: str
    lookback: int
    horizon: int
    build: Callable[[], nn.Module]
    export: Callable[[nn.Module], bytes]
    plan: TrainingPlan = TrainingPlan()
    symmetric: bool = True
    paths: bool = False

    def learn(self, train: Sample, valid: Sample, seed: int, work: Path | None = None) -> Iterator[Progress | Learned]:
        """Train until the direction of `valid` has stopped getting better; a file in `work` is gone on from."""
        for name, sample in (("train", train), ("valid", valid)):
            self._admit(name, sample)
        with alone(seed, 0):
            network = self.build()
        training = self._named(network, train, valid, seed)
        course = Course(training, network, AdamW(network.parameters(), weight_decay=self.plan.weight_decay, fused=True))
        if work is not None:
            course.resume(work)
        lessons = Lessons.of(train, self.lookback, self.horizon if self.paths else 1)
        exam = Lessons.of(valid, self.lookback)
        while course.standing.epoch < self.plan.epochs_max and course.standing.stale < self.plan.patience:
            with alone(seed, course.standing.epoch + 1):
                self._epoch(course, lessons, np.random.default_rng((seed, course.standing.epoch)))
                bce, pinball = self._examine(course, exam)
            course.judge(bce, pinball)
            if work is not None:
                course.save(work)
            yield Progress(course.standing.epoch, self.plan.epochs_max, bce)
        network.load_state_dict(course.best)
        yield Learned(self.export(network.eval()), self._facts(course, len(train), len(valid), seed))

    def _admit(self, name: str, sample: Sample) -> None:
        if not len(sample):
            raise Invalid(f"{self.kind}: a sample has rows, {name} was empty")
        if sample.up.min() == sample.up.max():
            raise Invalid(f"{self.kind}: a sample has both directions, {name} was {sample.up[0]:.0f} throughout")
        if (first := sample.evidence.ends.min()) < self.lookback - 1:
            raise Invalid(f"{self.kind}: a row has {self.lookback} bars, one of {name} had {max(first + 1, 0)}")

    def _named(self, network: nn.Module, train: Sample, valid: Sample, seed: int) -> str:
        digest = blake2b(
            f"{self.kind} {self.horizon} {self.symmetric} {self.paths} {seed} {self.plan} {network}".encode(),
            digest_size=16,
        )
        for sample in (train, valid):
            for column in (sample.evidence.tape, sample.evidence.ends, sample.up, sample.ret):
                digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()

    def _epoch(self, course: Course, lessons: Lessons, dice: np.random.Generator) -> None:
        rows, now = len(lessons.up), course.standing
        steps = self.plan.steps(rows)
        chosen: Ints = dice.permutation(rows)[: steps * self.plan.batch]
        course.network.train()
        for start in range(0, len(chosen), self.plan.batch):
            course.optimiser.param_groups[0]["lr"] = self.plan.rate_at(now.steps, steps * self.plan.epochs_max)
            self._step(course, *lessons.batch(torch.from_numpy(chosen[start : start + self.plan.batch])))
            now.steps += 1

    def _step(self, course: Course, windows: Tensor, up: Tensor, ret: Tensor) -> None:
        if self.symmetric:
            windows, up, ret = mirrored(windows, up, ret, torch.rand(len(up)) < HALF)
        said = cast(Pathfinder, course.network).paths(windows) if self.paths else course.network(windows)[:, :, None]
        bce, pinball = losses(said, windows, up, ret, self.horizon)
        loss = bce + self.plan.pinball * pinball
        if not isfinite(total := loss.item()):
            epoch = course.standing.epoch + 1
            raise Invalid(f"{self.kind}: a loss is finite, was {total} in step {course.standing.steps}, epoch {epoch}")
        course.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch does not say
        nn.utils.clip_grad_norm_(course.network.parameters(), self.plan.clip)
        course.optimiser.step()

    def _examine(self, course: Course, exam: Lessons) -> tuple[float, float]:
        course.network.eval()
        rows, sums = len(exam.up), np.zeros(2)
        with torch.no_grad():
            for start in range(0, rows, self.plan.batch):
                windows, up, ret = exam.batch(slice(start, start + self.plan.batch))
                bce, pinball = losses(course.network(windows)[:, :, None], windows, up, ret, self.horizon)
                sums += (bce.item() * len(up), pinball.item() * len(up))
        bce_mean, pinball_mean = (sums / rows).tolist()
        if not isfinite(total := bce_mean + pinball_mean):
            raise Invalid(f"{self.kind}: a loss is finite, was {total} on valid, epoch {course.standing.epoch + 1}")
        return bce_mean, pinball_mean

    def _facts(self, course: Course, train: int, valid: int, seed: int) -> dict[str, Any]:
        now = course.standing
        return {
            "seed": seed,
            "rows_train": train,
            "rows_valid": valid,
            "parameters": sum(each.numel() for each in course.network.parameters()),
            "epochs": now.epoch,
            "steps": now.steps,
            "best_epoch": now.best_epoch,
            "valid_bce": now.best_bce,
            "valid_pinball": now.best_pinball,
            "plan": asdict(self.plan),
            "torch": torch.__version__,
        }
