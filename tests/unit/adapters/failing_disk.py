"""A disk that fails where it is told to, and is a real one otherwise."""

import errno
from dataclasses import dataclass, field
from pathlib import Path

from qt_ray.adapters.disk import RealDisk


class PowerCut(BaseException):
    """The process ends here, as by kill -9."""


@dataclass
class FailingDisk:
    """Fails the n-th call of a kind, once; what happens then is a code of errno, a short write or the end."""

    kind: str = ""
    nth: int = 1
    how: str = "EIO"
    real: RealDisk = field(default_factory=RealDisk)
    calls: list[str] = field(default_factory=list)
    handles: list[int] = field(default_factory=list)

    def _strikes(self, kind: str) -> bool:
        self.calls.append(kind)
        if self.how == "cut" and self.calls.count(self.kind) >= self.nth:
            raise PowerCut  # and again, whoever of a process that has ended asks for more
        if kind != self.kind or self.calls.count(kind) != self.nth:
            return False
        if self.how != "short":
            raise OSError(getattr(errno, self.how), self.how)
        return True

    def open(self, path: Path) -> int:
        self._strikes("open")
        self.handles.append(self.real.open(path))
        return self.handles[-1]

    def write(self, handle: int, data: bytes) -> int:
        return self.real.write(handle, data[: len(data) // 2] if self._strikes("write") else data)

    def sync(self, handle: int) -> None:
        self._strikes("sync")
        self.real.sync(handle)

    def truncate(self, handle: int, size: int) -> None:
        self._strikes("truncate")
        self.real.truncate(handle, size)

    def close(self, handle: int) -> None:
        self.real.close(handle)
