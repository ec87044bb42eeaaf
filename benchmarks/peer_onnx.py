"""Peer: both networks as graphs of onnxruntime, compiled for one row and for a batch, on one thread.

Called as a script with a folder of weights and windows, by an interpreter of its own. Each graph knows how many rows it
gets and is timed with its windows already in place, which is the most that a runtime could hope for.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
import torch

from qt_ray.adapters.models.reference import eager

KINDS = ("patchtst", "nhits")
DIFFERENCE_MAX = 1e-4


def session(kind: str, weights: bytes, windows: torch.Tensor, folder: Path) -> onnxruntime.InferenceSession:
    """Return the network as a session that answers so many windows; refuse one that answers something else."""
    network, path = eager(kind, weights), folder / f"{kind}_{len(windows)}.onnx"
    torch.onnx.export(network, (windows,), str(path), input_names=["windows"], verbose=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    made = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        gap = float(np.abs(made.run(None, {"windows": windows.numpy()})[0] - network(windows).numpy()).max())
    if gap > DIFFERENCE_MAX:
        raise RuntimeError(f"{kind}: a graph answers as its network, {DIFFERENCE_MAX} apart at most, was {gap}")
    return made


def milliseconds(work: Callable[[], object], calls: int, runs: int) -> float:
    """Return the median over runs of the median call."""
    work()
    return 1e3 * median(median(seconds(work) for _ in range(calls)) for _ in range(runs))


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds of one call that this process had the processor."""
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    """Time every network with one window and with all of them, and print one line."""
    folder, asked = Path(sys.argv[1]), json.loads(sys.argv[2])
    torch.set_num_threads(1)
    windows, found = np.load(folder / "windows.npy"), dict[str, dict[str, float]]()
    for kind in KINDS:
        weights, found[kind] = (folder / kind).read_bytes(), {}
        for count in (1, asked["rows"]):
            given = np.ascontiguousarray(windows[-count:])
            made = session(kind, weights, torch.from_numpy(given), folder)
            work = partial(made.run, None, {"windows": given})
            found[kind][str(count)] = milliseconds(work, max(1, 200 // count), asked["runs"])
    print(json.dumps({"version": onnxruntime.__version__, **found}))


if __name__ == "__main__":
    main()
