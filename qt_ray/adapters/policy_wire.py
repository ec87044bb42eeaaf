"""Policy wire: on the store's own machine its words reach readers over a socket, without anybody having asked.

Through Ray a word costs each reader and the store a millisecond and more, all at the same moment; here it is spelled
once and written to all. It is a shortcut on which nothing rests: who finds no socket, or hears no word for longer than
a beat, or hears another edition of the code, asks the store itself. A word that lay about is not believed to be fresh.
"""

import asyncio
import os
import pickle
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from qt_ray.adapters.clock import monotonic_ns
from qt_ray.adapters.edition import edition
from qt_ray.adapters.policy_reader import NEVER, Watched, Word
from qt_ray.core.errors import Retryable

FILE: Final = "words"
BEAT_MS: Final = 1_000
OLD_MS: Final = 500
NS_PER_MS: Final = 1_000_000
# What lies ready for a reader that does not read; after that it is hung up on.
UNREAD_MAX: Final = 1 << 16
HEAD: Final = struct.Struct(">IQ")
EDITION_BYTES: Final = 64


class Spoken(Protocol):
    """The policy store, as far as it is cried out."""

    def word(self) -> Word:
        """Return how things stand."""

    async def changed(self, wait_ms: int) -> bool:
        """Wait for the next word at most so long, and return whether it came."""


class Crier:
    """Cries a store's words out over a socket in `folder`, and at each beat that there is none."""

    def __init__(self, folder: Path, store: Spoken, clock_ns: Callable[[], int] = monotonic_ns) -> None:
        self._folder, self._store, self._clock_ns = folder, store, clock_ns
        self._hearers: set[asyncio.StreamWriter] = set()

    async def run(self) -> None:
        """Cry until cancelled."""
        server = await asyncio.start_unix_server(self._admitted, sock=_bound(self._folder))
        try:
            while True:
                await self._store.changed(BEAT_MS)
                self._cry(self._framed())
        finally:
            server.close()
            (self._folder / FILE).unlink(missing_ok=True)
            for hearer in self._hearers:
                hearer.close()

    async def _admitted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say who we are and how things stand, and keep a hearer until it hangs up."""
        writer.write(edition().encode().ljust(EDITION_BYTES) + self._framed())
        self._hearers.add(writer)
        try:
            await reader.read()
        except ConnectionError:
            return
        finally:
            self._hearers.discard(writer)
            writer.close()

    def _cry(self, frame: bytes) -> None:
        for hearer in tuple(self._hearers):
            if hearer.transport.get_write_buffer_size() > UNREAD_MAX:
                hearer.transport.abort()
            else:
                hearer.write(frame)

    def _framed(self) -> bytes:
        said = pickle.dumps(self._store.word(), pickle.HIGHEST_PROTOCOL)
        return HEAD.pack(len(said), self._clock_ns()) + said


class Nearby:
    """One reader's way to the store: by ear where the socket is, else by asking `far`."""

    def __init__(self, folder: Path, far: Watched, clock_ns: Callable[[], int] = monotonic_ns) -> None:
        self._folder, self._far, self._clock_ns = folder, far, clock_ns
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def watch(self, turn: int, wait_ms: int) -> Word:
        """Return as soon as there is a word, or at a beat to say that there is none; Retryable when all is silent."""
        if turn == NEVER:
            self.hang_up()
        if self._stream is None and not await self._joined():
            return await self._far.watch(turn, wait_ms)
        try:
            async with asyncio.timeout((wait_ms + BEAT_MS) / 1_000):
                return await self._heard()
        except (OSError, EOFError, TimeoutError) as fault:
            raise Retryable(f"the policy's words: one a beat, was {type(fault).__name__}") from fault

    def hang_up(self) -> None:
        """Hear no more, until somebody watches again."""
        if self._stream is not None:
            self._stream[1].close()
            self._stream = None

    async def _joined(self) -> bool:
        """Return whether there is somebody to hear, of our own edition."""
        try:
            with _near(self._folder) as way:
                self._stream = await asyncio.open_unix_connection(way)
            async with asyncio.timeout(BEAT_MS / 1_000):
                told = await self._stream[0].readexactly(EDITION_BYTES)
        except (OSError, EOFError, TimeoutError):
            self.hang_up()
            return False
        if told.rstrip() != edition().encode():
            self.hang_up()
        return self._stream is not None

    async def _heard(self) -> Word:
        """Return the next word that was said a moment ago; whoever is stopped amid a word begins anew."""
        if self._stream is None:
            raise EOFError
        reader, is_whole = self._stream[0], False
        try:
            while True:
                length, said_ns = HEAD.unpack(await reader.readexactly(HEAD.size))
                said = await reader.readexactly(length)
                if self._clock_ns() - said_ns < OLD_MS * NS_PER_MS:
                    word: Word = pickle.loads(said)
                    is_whole = True
                    return word
        finally:
            if not is_whole:
                self.hang_up()


def _bound(folder: Path) -> socket.socket:
    """Return a socket that only this user can find; one of an earlier life is gone by that."""
    (folder / FILE).unlink(missing_ok=True)
    found = socket.socket(socket.AF_UNIX)
    with _near(folder) as way:
        found.bind(way)
    return found


@contextmanager
def _near(folder: Path) -> Iterator[str]:
    """Yield a short way to the socket: the kernel bounds its path, and a fund's folder may lie deep."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{FILE}"
    finally:
        os.close(handle)
