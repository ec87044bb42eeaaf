"""Learner: a training as a stream of progress that ends with an artefact.

The same generator runs in this process, in a Ray task and under a progress bar; whoever drives it may stop at any
item, and nothing has been written but what the learner was given a folder for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from qt_ray.ai.sample import Sample


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is; `loss` is on the rows it validates with."""

    done: int
    total: int
    loss: float


@dataclass(frozen=True, slots=True)
class Learned:
    """What a training ends with: the bytes of the artefact, and what there is to say about it."""

    artefact: bytes
    facts: Mapping[str, Any]


class Learner(Protocol):
    """One kind of model that can be trained."""

    @property
    def kind(self) -> str:
        """Return the kind of model."""
        ...

    def learn(self, train: Sample, valid: Sample, seed: int, work: Path | None = None) -> Iterator[Progress | Learned]:
        """Train on one sample, stop by the other; yield progress and at last what was learned.

        With a `work` folder an interrupted training goes on from its last checkpoint there.
        """
        ...
