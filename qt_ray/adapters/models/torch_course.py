"""Course: where a training of a network stands, on disk after every epoch, so that a killed one ends as if undisturbed.

One file holds all of it: weights, the best weights, the optimiser's averages, and a line of JSON in its header. Dice
are not in it: the chance of an epoch is a function of the seed and the epoch.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from qt_ray.adapters.files import write_atomic
from qt_ray.core.errors import Invalid

CHECKPOINT = "training.safetensors"


@dataclass(slots=True)
class Standing:
    """What is known after `epoch` epochs; `stale` of them have passed since the best one."""

    epoch: int = 0
    stale: int = 0
    steps: int = 0
    best_epoch: int = 0
    best_bce: float = inf
    best_pinball: float = inf


@dataclass(slots=True, eq=False)
class Course:
    """A training under way; `training` names what is trained on what, and how."""

    training: str
    network: nn.Module
    optimiser: Optimizer
    standing: Standing = field(default_factory=Standing)
    best: dict[str, Tensor] = field(default_factory=dict)

    def judge(self, bce: float, pinball: float) -> None:
        """Count one more epoch and keep its weights if it is the best so far."""
        now = self.standing
        now.epoch, now.stale = now.epoch + 1, now.stale + 1
        if bce < now.best_bce:
            now.stale, now.best_epoch, now.best_bce, now.best_pinball = 0, now.epoch, bce, pinball
            self.best = {name: value.clone() for name, value in self.network.state_dict().items()}

    def save(self, folder: Path) -> None:
        """Write everything as one file that is whole or not there."""
        header = {"training": self.training, "standing": orjson.dumps(asdict(self.standing)).decode()}
        write_atomic(folder / CHECKPOINT, save(dict(self._tensors()), header))

    def resume(self, folder: Path) -> None:
        """Go on from the file in `folder`, if there is one."""
        path = folder / CHECKPOINT
        if not path.is_file():
            return
        header, tensors = _read(path)
        if header.get("training") != self.training:
            raise Invalid(f"a checkpoint is resumed by the training that wrote it, was another's: {path}")
        self.standing = Standing(**orjson.loads(header["standing"]))
        self.network.load_state_dict(_under("network.", tensors))
        self.best = _under("best.", tensors)
        for at, parameter in enumerate(self._parameters()):
            self.optimiser.state[parameter] = _under(f"optimiser.{at}.", tensors)

    def _parameters(self) -> list[Any]:
        return [parameter for group in self.optimiser.param_groups for parameter in group["params"]]

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        for name, value in self.network.state_dict().items():
            yield f"network.{name}", value
        for name, value in self.best.items():
            yield f"best.{name}", value
        for at, parameter in enumerate(self._parameters()):
            for name, value in self.optimiser.state[parameter].items():
                yield f"optimiser.{at}.{name}", value


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(path, "pt") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 # no mapping
    except SafetensorError as error:
        raise Invalid(f"a checkpoint is a whole safetensors file, was {path}: {error}") from error


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


@contextmanager
def alone(seed: int, epoch: int) -> Iterator[None]:
    """Give torch one thread and dice of its own for a while; both are as they were afterwards."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0]))
            yield
    finally:
        torch.set_num_threads(threads)
