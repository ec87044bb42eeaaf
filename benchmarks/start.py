"""Start: how long `qt --help` takes as a whole process, because a tool that is slow to start is not used."""

import subprocess
import sys

from benchmarks.form import Row, at_most, main, median_of

SECONDS_MAX = 0.4


def measure(quick: bool) -> list[Row]:
    """Time the help of the command in a fresh process."""
    command = [sys.executable, "-m", "qt_ray.cli.main", "--help"]
    taken = median_of(lambda: subprocess.run(command, check=True, capture_output=True), 3 if quick else 15)
    return [at_most("qt --help, whole process", "s", taken, SECONDS_MAX)]


if __name__ == "__main__":
    main(measure)
