"""Reference networks: ours and the published implementations, with the same weights on the same windows.

A network written by hand is the published one when their answers are equal. The peer runs in an environment of its own
and sees our weights as plain arrays; `python -m benchmarks.reference_networks` prints what it found.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.peers import HERE, SECONDS_MAX, environment
from qt_ray.adapters.models.torch_patchtst import ForecastPatchTST
from qt_ray.ai.members.patchtst import PatchTSTShape
from qt_ray.ai.members.patchtst_forward import REVIN_EPSILON

# torch first: the peer asks for any torch, and a package index may answer with gigabytes.
NEURALFORECAST = ("torch==2.13.0", "numba==0.68.1", "neuralforecast==3.3.0")
WINDOWS = 256
DIFFERENCE_MAX = 1e-5


def told(script: str, arrays: dict[str, Any], python: Path) -> dict[str, Any]:
    """Return what a peer's script says about some arrays."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "given.npz"
        np.savez(path, **arrays)
        command = [str(python), "-P", str(HERE / script), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the peer ends with 0, was {done.returncode}: {done.stderr.strip()[-500:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def patchtst(shape: PatchTSTShape, seed: int = 1, python: Path | None = None) -> dict[str, Any]:
    """Return how far the published PatchTST is from ours, over windows of every channel in units of its spread.

    Our network first sees the windows as a batch to learn from, and all of its weights are moved, so that no norm and
    no bias is left at a value that hides a mistake.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        network, windows = ForecastPatchTST(shape), torch.randn(WINDOWS, shape.lookback, shape.channels).cumsum(1)
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
        network(windows)
        answers = network.eval()(windows)
    state = {name: values.numpy() for name, values in network.state_dict().items() if values.is_floating_point()}
    given = {"shape": json.dumps(asdict(shape)), "epsilon": REVIN_EPSILON, "windows": windows, "answers": answers}
    return told("peer_patchtst.py", state | given, python or environment("neuralforecast", *NEURALFORECAST))


def main() -> int:
    """Print one line a network; exit with 1 when one of them is not the published one."""
    found = {"patchtst": patchtst(PatchTSTShape(horizon=12))}
    for name, fields in found.items():
        print(json.dumps({"network": name, **fields}))
    return int(any(fields["difference"] > DIFFERENCE_MAX * fields["scale"] for fields in found.values()))


if __name__ == "__main__":
    sys.exit(main())
