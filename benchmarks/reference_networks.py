"""Reference networks: ours beside the published ones with the same weights, each in the peer's own environment.

The peer is an oracle and never a dependency: its environment takes minutes to make and a gigabyte to keep.
"""

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.peers import HERE, environment

NEURALFORECAST = ("torch==2.13.0", "numba==0.68.1", "neuralforecast==3.3.0")
SECONDS_MAX = 900


def nhits(python: Path | None = None) -> dict[str, Any]:
    """Return the largest differences between the reference N-HITS and ours, and the versions compared."""
    return compared("peer_nhits.py", python or environment("neuralforecast", *NEURALFORECAST))


def compared(script: str, python: Path) -> dict[str, Any]:
    """Run a peer's script beside this project and return its line."""
    command = [str(python), "-P", str(HERE / script)]
    around = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False, env=around)
    if done.returncode != 0:
        raise RuntimeError(f"the peer ends with 0, was {done.returncode}: {done.stderr.strip()[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m benchmarks.reference_networks", description=__doc__).parse_args()
    print(json.dumps({"nhits": nhits()}))
