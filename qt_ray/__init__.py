"""QT-Ray: an autonomous hedge fund for crypto perpetual futures, with measured control.

Importing it does one thing: machine code compiled from these sources is kept in a folder named after their digest,
because a compiler's own cache looks at one file at a time and would go on using a kernel whose callee has changed.
"""

import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qt_ray.jobs.backtest import Backtest as Backtest

__version__ = "0.1.0"

PURE = ("core", "market", "ai", "risk", "execution", "governance", "engine", "monitoring")


def _kernel_cache() -> Path:
    """Return the folder for this version of the sources, in the package if it may be written, else the user's."""
    home = Path(__file__).parent
    state = sha256()
    for package in PURE:
        for source in sorted((home / package).rglob("*.py")):
            state.update(source.read_bytes())
    writable = os.access(home, os.W_OK)
    root = home / "__pycache__" if writable else Path.home() / ".cache" / "qt-ray"
    return root / f"kernels-{state.hexdigest()[:16]}"


os.environ.setdefault("NUMBA_CACHE_DIR", str(_kernel_cache()))


def __getattr__(name: str) -> Any:
    if name == "Backtest":
        from qt_ray.jobs.backtest import Backtest

        return Backtest
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
