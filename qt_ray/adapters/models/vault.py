"""Vault: contents that lie under the name of their own hash, below a folder that nothing leads out of.

A file is read whole and checked or not at all: through no link, never more than its bound, and only if it still is
what its name says. So whoever knows a name knows the bytes, and a bad disk or a clever path yields an error.
"""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from errno import ELOOP, ENOTDIR
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG

from qt_ray.adapters.files import write_atomic
from qt_ray.core.errors import Invalid

DIGEST = re.compile(r"[0-9a-f]{64}")
DRAFT = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A pipe or a device must not make the reader wait; it is refused once it is open.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Missing(Invalid):
    """A file that is read is there, this one is not."""


def read_bounded(root: Path, place: str, bytes_max: int, size_bytes: int | None = None) -> bytes:
    """Return the bytes of the file at `place` below `root`; with `size_bytes` it has exactly so many."""
    path = root / place
    try:
        with _opened(root, place) as handle:
            about = os.fstat(handle)
            if not S_ISREG(about.st_mode):
                raise Invalid(f"{path}: a regular file, was none")
            if about.st_size > bytes_max:
                raise Invalid(f"{path}: at most {bytes_max} bytes, was {about.st_size}")
            if size_bytes is not None and about.st_size != size_bytes:
                raise Invalid(f"{path}: {size_bytes} bytes, was {about.st_size}")
            with os.fdopen(handle, "rb", closefd=False) as stream:
                return stream.read(bytes_max)
    except PermissionError:
        raise
    except FileNotFoundError:
        raise Missing(f"{path}: a file that is there, was missing") from None
    except OSError as error:
        rule = "a file in real folders" if error.errno in (ELOOP, ENOTDIR) else "a file that can be read"
        raise Invalid(f"{path}: {rule}, was: {error.strerror}") from error


@contextmanager
def _opened(root: Path, place: str) -> Iterator[int]:
    """Yield a handle of the file, reached step by step so that no step can be a link."""
    *folders, name = place.split("/")
    with ExitStack() as handles:
        at = _held(handles, os.open(root, _FOLDER))
        for folder in folders:
            at = _held(handles, os.open(folder, _FOLDER | os.O_NOFOLLOW, dir_fd=at))
        yield _held(handles, os.open(name, _FILE, dir_fd=at))


def _held(handles: ExitStack, handle: int) -> int:
    handles.callback(os.close, handle)
    return handle


class Vault:
    """The contents of one folder below `root`, each in a file named after its SHA-256."""

    def __init__(self, root: Path, folder: str, bytes_max: int, ending: str = "") -> None:
        self.root, self.folder, self.bytes_max, self.ending = root, folder, bytes_max, ending

    def get(self, digest: str, size_bytes: int | None = None) -> bytes:
        """Return the content of that digest, checked."""
        if not DIGEST.fullmatch(digest):
            raise Invalid(f"{self.folder}: a digest is 64 hexadecimal digits, was {digest!r:.80}")
        content = read_bounded(self.root, self._place(digest), self.bytes_max, size_bytes)
        found = sha256(content).hexdigest()
        if found != digest:
            raise Invalid(f"{self.root / self._place(digest)}: bytes whose SHA-256 is the name, was {found[:12]}")
        return content

    def put(self, content: bytes) -> str:
        """Keep a content and return its digest; one that lies there broken is mended by it."""
        if len(content) > self.bytes_max:
            raise Invalid(f"{self.folder}: at most {self.bytes_max} bytes, was {len(content)}")
        digest = sha256(content).hexdigest()
        if not self._sound(digest):
            write_atomic(self._home() / f"{digest}{self.ending}", content)
            self.get(digest, len(content))
        return digest

    def sweep(self, kept: frozenset[str]) -> list[str]:
        """Remove contents that are not `kept` and drafts of interrupted writes; return their places."""
        home = self._home()
        removed = []
        for path in sorted(home.iterdir()) if home.exists() else ():
            digest = path.name.removesuffix(self.ending)
            ours = DIGEST.fullmatch(digest) or DRAFT.fullmatch(path.name)
            if ours and digest not in kept and (path.is_symlink() or path.is_file()):
                path.unlink()
                removed.append(f"{self.folder}/{path.name}")
        return removed

    def _sound(self, digest: str) -> bool:
        try:
            self.get(digest)
        except Invalid:
            return False
        return True

    def _home(self) -> Path:
        """Return the folder to write in; a link would lead out of the root."""
        home = self.root / self.folder
        if home.is_symlink():
            raise Invalid(f"{home}: a real folder, was a link")
        return home

    def _place(self, digest: str) -> str:
        return f"{self.folder}/{digest}{self.ending}"
