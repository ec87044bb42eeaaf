"""Children: the exchange and the bus that a fund on one machine brings with it, and that end with it.

The exchange is tied to a pipe that only we hold, so it ends however we do; it stays out of the terminal's reach, since
Ctrl-C must find it open until the parts are at rest. The bus ends in order, after the last who speaks on it.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Final

import orjson

from qt_ray.adapters.redis.server import SOCKET_BYTES_MAX, RedisServer
from qt_ray.core.errors import InvalidConfig, Retryable

SOCKET: Final = "redis.sock"
END_S: Final = 10.0


class Exchange:
    """A paper exchange in a process of its own; it opens while others begin, and is waited for when it is needed."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process, self._log = process, log

    @cached_property
    def doors(self) -> Mapping[str, Any]:
        """Return where it listens, once it does; Retryable with its last word if it ends before."""
        text = b""
        for line in self.process.stdout or ():
            text += line
            if line.startswith(b"}"):
                found: Mapping[str, Any] = orjson.loads(text)
                return found
        said = self._log.read_text(errors="replace").strip().splitlines()
        raise Retryable(f"exchange: a paper exchange opens, it ended with: {said[-1] if said else 'no word'}")

    @property
    def flags(self) -> Mapping[str, str]:
        """Return the settings that send a fund there."""
        return {"exchange.rest_url": self.doors["rest"], "exchange.ws_url": self.doors["streams"]}


@contextmanager
def paper_exchange(words: Sequence[str], log: Path) -> Iterator[Exchange]:
    """Open a paper exchange as `qt paper-venue` with these words, and close it afterwards; it complains to `log`."""
    command = [sys.executable, "-m", "qt_ray.cli.main", "paper-venue", "--port", "0", "--tied", "--json", *words]
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (
        log.open("ab") as complaints,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, start_new_session=True
        ) as process,
    ):
        try:
            yield Exchange(process, log)
        finally:
            _end(process)


class Bus:
    """An embedded Redis that is started again when it dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = RedisServer.start(folder)

    @property
    def socket(self) -> Path:
        """Return where it answers; the same after it was started again."""
        return self._server.socket

    def mended(self) -> bool:
        """Start the server again if it has died, and return whether it had."""
        if self._server.is_alive:
            return False
        self._server = RedisServer.start(self._folder)
        return True

    def stop(self) -> None:
        """End it in order."""
        self._server.stop()


@contextmanager
def embedded_bus(folder: Path) -> Iterator[Bus]:
    """Begin an embedded Redis on the data in `folder`, and end it afterwards."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    is_near = len(os.fsencode(folder / SOCKET)) <= SOCKET_BYTES_MAX
    bus = Bus(folder if is_near else _shortened(folder))
    try:
        yield bus
    finally:
        bus.stop()


class Watch:
    """Looks after the children: says once that the exchange has ended, and each time that the bus was mended."""

    def __init__(self, exchange: Exchange | None, bus: Bus | None, told: Callable[[str], None]) -> None:
        self._exchange, self._bus, self._told = exchange, bus, told
        self._fault = ""

    def look(self) -> None:
        """Look at both now."""
        if self._exchange is not None and (code := self._exchange.process.poll()) is not None:
            self._told(f"the paper exchange has ended with code {code}; what it held is gone, start anew")
            self._exchange = None
        if self._bus is not None:
            self._mend(self._bus)

    def _mend(self, bus: Bus) -> None:
        try:
            if bus.mended():
                self._told("redis had died and was started again; what was told meanwhile is replayed")
            self._fault = ""
        except Retryable as error:
            if str(error) != self._fault:
                self._told(f"redis has died and does not start: {error}")
            self._fault = str(error)


def _shortened(folder: Path) -> Path:
    """Return a short way to a folder, always the same one: the kernel bounds a socket's path, and a bus that was left
    behind must be found again.
    """
    near = Path(gettempdir()) / f"qt-{os.getuid()}-{sha256(os.fsencode(folder)).hexdigest()[:12]}"
    near.mkdir(mode=0o700, exist_ok=True)
    if near.is_symlink() or near.stat().st_uid != os.getuid():
        raise InvalidConfig(f"redis: {near.name} in the folder of temporary files is ours, was somebody else's")
    near.chmod(0o700)
    way = near / "bus"
    if not way.is_symlink():
        way.symlink_to(folder)
    return way


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
