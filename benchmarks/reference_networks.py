"""Reference networks: ours and the published implementations, with the same weights on the same windows.

A network written by hand is the published one when their answers are equal. The peer is an oracle and no dependency: it
runs in an environment of its own, which takes minutes to make. `python -m benchmarks.reference_networks` prints what it
found.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.peers import HERE, SECONDS_MAX, environment
from qt_ray.adapters.models.torch_patchtst import REVIN_EPSILON, ForecastPatchTST
from qt_ray.ai.members.patchtst import PatchTSTShape

# torch first: the peer asks for any torch, and a package index may answer with gigabytes.
NEURALFORECAST = ("torch==2.13.0", "numba==0.68.1", "neuralforecast==3.3.0")
WINDOWS = 256
DIFFERENCE_MAX = 1e-5


def told(script: str, python: Path, *words: str) -> dict[str, Any]:
    """Return what a peer's script says."""
    command = [str(python), "-P", str(HERE / script), *words]
    around = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False, env=around)
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
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "given.npz"
        np.savez(path, **(state | given))
        return told("peer_patchtst.py", python or environment("neuralforecast", *NEURALFORECAST), str(path))


def nhits(python: Path | None = None) -> dict[str, Any]:
    """Return the largest differences between the reference N-HITS and ours, and the versions compared."""
    return told("peer_nhits.py", python or environment("neuralforecast", *NEURALFORECAST))


def main() -> int:
    """Print one line a network; exit with 1 when one of them is not the published one."""
    found = {"patchtst": patchtst(PatchTSTShape(horizon=12)), "nhits": nhits()}
    for name, fields in found.items():
        print(json.dumps({"network": name, **fields}))
    return int(any(fields["difference"] > DIFFERENCE_MAX * fields.get("scale", 1.0) for fields in found.values()))


if __name__ == "__main__":
    sys.exit(main())
