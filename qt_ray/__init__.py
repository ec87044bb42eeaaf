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


HOME = Path(__file__).parent


def _sources_digest() -> str:
    """Return the SHA-256 of everything that decides: the sources of the pure packages."""
    state = sha256()
    for package in PURE:
        for source in sorted((HOME / package).rglob("*.py")):
            state.update(source.read_bytes())
    return state.hexdigest()


SOURCES = _sources_digest()


def _kernel_cache() -> Path:
    """Return the folder for this version of the sources, in the package if it may be written, else the user's."""
    writable = os.access(HOME, os.W_OK)
    root = HOME / "__pycache__" if writable else Path.home() / ".cache" / "qt-ray"
    return root / f"kernels-{SOURCES[:16]}"


os.environ.setdefault("NUMBA_CACHE_DIR", str(_kernel_cache()))


def __getattr__(name: str) -> Any:
    if name == "Backtest":
        from qt_ray.jobs.backtest import Backtest

        return Backtest
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
