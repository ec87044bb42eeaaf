"""Edition: which code a process runs, as its version and a digest of every source file of the package.

Parts of one fund read each other's records, so two editions of them must never be mixed; a version alone would not
tell, because a checkout changes without one. A process is asked when it begins: files may change under it later.
"""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from qt_ray import __version__

DIGITS: Final = 12


@cache
def edition() -> str:
    """Return the edition of this process, as it was when this was asked first."""
    return edition_of(Path(__file__).parents[1])


def edition_of(package: Path) -> str:
    """Return the edition that the sources below a folder make, wherever it lies and whatever was compiled there."""
    found = sha256()
    for name, path in sorted((path.relative_to(package).as_posix(), path) for path in package.rglob("*.py")):
        source = path.read_bytes()
        found.update(f"{name}\0{len(source)}\0".encode())
        found.update(source)
    return f"{__version__}+{found.hexdigest()[:DIGITS]}"
