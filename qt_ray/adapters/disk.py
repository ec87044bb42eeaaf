"""Disk: the five things a journal asks of a file system, so that a test can let each of them fail.

Every one may raise OSError. A write may also take fewer bytes than it was given; whoever calls must look.
"""

import os
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """Power over one file that only grows."""

    def open(self, path: Path) -> int:
        """Open an existing file for appending and return its handle."""

    def write(self, handle: int, data: bytes) -> int:
        """Append `data` and return how many bytes were taken."""

    def sync(self, handle: int) -> None:
        """Return once what was written would survive a power cut."""

    def truncate(self, handle: int, size: int) -> None:
        """Cut the file to `size` bytes."""

    def close(self, handle: int) -> None:
        """Give the handle back."""


class RealDisk:
    """The disk there is."""

    def open(self, path: Path) -> int:
        """Open an existing file for appending and return its handle."""
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def write(self, handle: int, data: bytes) -> int:
        """Append `data` and return how many bytes were taken."""
        return os.write(handle, data)

    def sync(self, handle: int) -> None:
        """Return once data and length would survive a power cut; times of access need not."""
        os.fdatasync(handle)

    def truncate(self, handle: int, size: int) -> None:
        """Cut the file to `size` bytes."""
        os.ftruncate(handle, size)

    def close(self, handle: int) -> None:
        """Give the handle back."""
        os.close(handle)
