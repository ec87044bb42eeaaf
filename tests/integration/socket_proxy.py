"""A proxy between a client and a socket file, which may hold back or cut what passes, as a bad network would."""

import asyncio
from pathlib import Path
from typing import Self


class SocketProxy:
    """Passes bytes both ways; `holds_answers` swallows what the server says until it is let go."""

    def __init__(self, path: Path, target: Path) -> None:
        self.path, self._target = path, target
        self.holds_answers = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._pass, str(self.path))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            there, back = await asyncio.open_unix_connection(str(self._target))
        except OSError:
            writer.close()
            return
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, back, answers=False))
                both.create_task(self._pump(there, writer, answers=True))
        except* OSError:
            pass
        finally:
            writer.close()
            back.close()
            self._tasks.discard(task)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, answers: bool) -> None:
        while data := await source.read(1 << 16):
            if not (answers and self.holds_answers):
                target.write(data)
                await target.drain()
        raise ConnectionResetError
