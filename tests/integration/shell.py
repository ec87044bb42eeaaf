"""A shell for tests: `qt` in this process, with its exit code and what it wrote, and no settings of the machine."""

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qt_ray.cli.main import main

HOUR_MS = 3_600_000
START_MS = 1_704_067_200_000
SMALL = ("--set", "data.synthetic_bars=600", "--set", "market.interval=1h")
FILE = "binanceusdm_{}_ohlcv_1h_20240101_20240201.parquet"
PERSONAL = ("HOME", "XDG_CONFIG_HOME")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        """Return the lines about errors; everything else on stderr is a remark."""
        return [line for line in self.err.splitlines() if line.startswith("error:")]

    @property
    def data(self) -> dict[str, Any]:
        """Return what a program would read."""
        return dict(json.loads(self.out))


def qt(*words: object) -> Ended:
    """Run `qt` with these words; an exception that leaves it fails the test."""
    out, err, hook = io.StringIO(), io.StringIO(), sys.excepthook
    try:
        with _nobody(), redirect_stdout(out), redirect_stderr(err):
            code = main([str(word) for word in words])
    finally:
        sys.excepthook = hook
    return Ended(code, out.getvalue(), err.getvalue())


@contextmanager
def _nobody() -> Iterator[None]:
    mine = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("QT_") or name in PERSONAL}
    try:
        yield
    finally:
        os.environ.update(mine)


def refused(ended: Ended, code: int, *words: str) -> None:
    """Assert that a command ended with this code and one line of error that has all the words."""
    assert ended.code == code, ended
    assert len(ended.errors) == 1, ended
    assert all(word in ended.errors[0] for word in words), ended.errors[0]
    assert "Traceback" not in ended.err
    assert ended.out == ""


def columns(count: int = 400, at: int = 0, price: float = 30_000.0) -> dict[str, np.ndarray]:
    """Return hourly bars of a walk, as a file has them."""
    chance = np.random.default_rng(5)
    close = np.round(price * np.exp(np.cumsum(chance.normal(0, 0.004, 1_000))), 1)
    opened = np.concatenate((close[:1], close[:-1]))
    volume = np.round(chance.lognormal(6, 0.4, 1_000), 3)
    cut = slice(at, at + count)
    return {
        "ts": START_MS + np.arange(1_000)[cut] * HOUR_MS,
        "open": opened[cut],
        "high": np.maximum(opened, close)[cut] + 5.0,
        "low": np.minimum(opened, close)[cut] - 5.0,
        "close": close[cut],
        "volume": volume[cut],
    }


def parquet(folder: Path, cells: dict[str, np.ndarray], symbol: str = "BTCUSDT") -> Path:
    """Write bars as a file whose name says what they are."""
    path = folder / FILE.format(symbol)
    pq.write_table(pa.table(cells), path)
    return path


def files_of(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with what is in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
