"""Files: a file is whole or it is not there.

New content is written beside the target, forced to disk and renamed over it, then the folder is forced too; a
crash at any moment leaves the old file or the new one, never half of either.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from qt_ray.core.errors import Invalid

CHUNK_BYTES = 1 << 20


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a new empty file beside `path`; it takes the place of `path` when the block ends well.

    If the block raises, `path` is as it was and the new file is gone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    draft.touch(exist_ok=False)
    try:
        yield draft
        _force(draft)
        draft.replace(path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    _force(path.parent)


def write_atomic(path: Path, content: bytes) -> None:
    """Write `content` as the whole of `path`, durable before this returns."""
    with replacing(path) as draft:
        draft.write_bytes(content)


def write_text_atomic(path: Path, content: str) -> None:
    """Write `content` as the whole of `path` in UTF-8, durable before this returns."""
    write_atomic(path, content.encode())


def move(path: Path, folder: Path) -> None:
    """Move a file into a folder beside its own; both folders are durable before this returns."""
    folder.mkdir(parents=True, exist_ok=True)
    path.replace(folder / path.name)
    _force(folder)
    _force(path.parent)


def locked(folder: Path, what: str) -> int:
    """Return a handle that makes this process the only writer of `what` in a folder until it is closed or dies."""
    handle = os.open(folder / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise Invalid(f"{folder.name}: one process writes {what}, another holds its lock") from error
    return handle


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read in pieces of one mebibyte."""
    state = sha256()
    with path.open("rb") as source:
        while piece := source.read(CHUNK_BYTES):
            state.update(piece)
    return state.hexdigest()


def _force(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
