"""Side door: a socket in an account's folder, for its user on this machine: one line is asked, one is answered.

It needs neither Ray nor Serve nor a key: the file system lets nobody else come near, and the system itself says who
knocks. Whoever says nothing, or too much, is shown out and keeps nobody waiting.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from qt_ray.adapters.logs import log
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid, QtError, Retryable

LINE_MAX: Final = 64 << 10
ASK_S: Final = 2.0
GUESTS_MAX: Final = 32
AGAIN_S: Final = 1.0
PRIVATE: Final = 0o700
_CREDENTIALS: Final = struct.Struct("3i")

Answer = Callable[[Mapping[str, Any], str], Awaitable[Any]]


class SideDoor:
    """Stands open at `path`; `answer` hears what is asked, and by whom."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self._path, self._answer, self._guests = path, answer, 0

    async def run(self) -> None:
        """Answer until cancelled; a disk that has no room for a door is asked again."""
        while True:
            try:
                server = await self._open()
            except OSError as fault:
                log().warning("a side door does not open", door=self._path.name, why=fault.strerror or str(fault))
                await asyncio.sleep(AGAIN_S)
                continue
            async with server:
                await server.serve_forever()

    async def _open(self) -> asyncio.Server:
        self._path.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        self._path.parent.chmod(PRIVATE)
        self._path.unlink(missing_ok=True)  # what a life that was killed has left
        with ExitStack() as undone:
            listener = undone.enter_context(socket.socket(socket.AF_UNIX))
            with _near(self._path) as near:
                listener.bind(near)
            server = await asyncio.start_unix_server(self._received, sock=listener, limit=LINE_MAX)
            undone.pop_all()
        return server

    async def _received(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._guests += 1
        try:
            writer.write(canonical(await self._told(reader, writer)) + b"\n")
            async with asyncio.timeout(ASK_S):
                await writer.drain()
        except (OSError, TimeoutError):
            return  # he has gone, or does not listen
        finally:
            self._guests -= 1
            writer.close()

    async def _told(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> dict[str, Any]:
        try:
            if self._guests > GUESTS_MAX:
                raise Retryable(f"at most {GUESTS_MAX} are heard at once, come again")
            person = _who(writer.get_extra_info("socket"))
            async with asyncio.timeout(ASK_S):
                asked = decode(await reader.readline())
            if not isinstance(asked, dict):
                raise Invalid("what is asked is one object on a line")
            return {"told": await self._answer(asked, person)}
        except TimeoutError:
            return _fault(Invalid(f"a line is asked within {ASK_S:g} s"))
        except ValueError:
            return _fault(Invalid(f"a line has at most {LINE_MAX} bytes"))
        except QtError as fault:
            return _fault(fault)


def knock(path: Path, asked: Mapping[str, Any], within_s: float) -> Any:
    """Return what a door's answer says; Retryable where nobody opens in time, Invalid where a rule forbids it."""
    try:
        with socket.socket(socket.AF_UNIX) as door, _near(path) as near:
            door.settimeout(within_s)
            door.connect(near)
            door.sendall(canonical(asked) + b"\n")
            with door.makefile("rb") as answer:
                found = decode(answer.readline())
    except (OSError, Invalid) as fault:
        raise Retryable(f"{path.name}: somebody opens, was {getattr(fault, 'strerror', None) or fault}") from fault
    if "told" in found:
        return found["told"]
    raise (Retryable if found["again"] else Invalid)(found["rule"])


def _fault(fault: QtError) -> dict[str, Any]:
    return {"rule": str(fault), "again": isinstance(fault, Retryable)}


def _who(guest: socket.socket) -> str:
    """Return the name of who knocks, as the system knows him; nobody else's user comes in, but root does anywhere."""
    _, user, _ = _CREDENTIALS.unpack(guest.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    if user not in (0, os.getuid()):
        raise Invalid(f"a side door is for its own user, was user {user}")
    import pwd

    with suppress(KeyError):
        return pwd.getpwuid(user).pw_name
    return f"user {user}"


@contextmanager
def _near(path: Path) -> Iterator[str]:
    """Yield a short name for a path: an address of a socket has hundred letters, a folder may have more."""
    folder = os.open(path.parent, os.O_PATH | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
