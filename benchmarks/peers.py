"""Peers: other engines, each in an environment of its own, made on first use.

An environment is finished when its mark is there; a half-made one is made again. Needs a package index once.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from qt_ray.core.instruments import Instrument
from qt_ray.market.bars import Bars

HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / ".peers"
NAUTILUS = "nautilus_trader==1.221.0"
SECONDS_MAX = 1_800


@dataclass(frozen=True, slots=True)
class PeerRun:
    """What a peer did with the bars, and what it took; `seconds` is its run alone, without loading."""

    version: str
    bars: int
    seconds: float
    bars_per_second: float
    orders: int
    fills: int
    digest: str
    realised: Decimal
    fees: Decimal
    pnl: Decimal
    peak_bytes: int


def environment(name: str, *requirements: str) -> Path:
    """Return the interpreter of a peer's environment, made and filled in this order if it is not there yet."""
    home = PEERS / name
    mark, python, wanted = home / "installed.txt", home / "bin" / "python", "\n".join(requirements)
    if mark.is_file() and mark.read_text() == wanted:
        return python
    shutil.rmtree(home, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    for requirement in requirements:
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement]
        subprocess.run(pip, check=True, stdout=sys.stderr)
    mark.write_text(wanted)
    return python


def nautilus_python() -> Path:
    """Return the interpreter that has NautilusTrader."""
    return environment("nautilus", NAUTILUS)


def stored(path: Path, bars: Bars, instruments: Sequence[Instrument], quantities: Sequence[Decimal]) -> None:
    """Write bars and grids as the peers read them."""
    np.savez(
        path,
        symbols=np.array(bars.symbols),
        interval_ms=np.array(bars.interval_ms),
        ts=bars.ts,
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        ticks=np.array([format(instrument.tick, "f") for instrument in instruments]),
        steps=np.array([format(instrument.step, "f") for instrument in instruments]),
        quantities=np.array([format(quantity, "f") for quantity in quantities]),
    )


def nautilus(
    bars: Bars, instruments: Sequence[Instrument], quantities: Sequence[Decimal], python: Path | None = None
) -> PeerRun:
    """Run the EMA cross over `bars` in NautilusTrader and return what it reports."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.npz"
        stored(path, bars, instruments, quantities)
        command = [str(python or nautilus_python()), "-P", str(HERE / "peer_nautilus.py"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the peer ends with 0, was {done.returncode}: {done.stderr.strip()[-500:]}")
    fields = json.loads(done.stdout.splitlines()[-1])
    for name in ("realised", "fees", "pnl"):
        fields[name] = Decimal(fields[name])
    return PeerRun(**fields)
