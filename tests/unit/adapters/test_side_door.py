"""A side door hears its own user, whatever others send it, and nobody keeps it from the next."""

import asyncio
import os
import pwd
import socket
import stat
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters import side_door
from qt_ray.adapters.side_door import GUESTS_MAX, LINE_MAX, SideDoor, knock
from qt_ray.core.errors import Invalid, Retryable

pytestmark = pytest.mark.unit

ME = pwd.getpwuid(os.getuid()).pw_name


async def echo(asked: Mapping[str, Any], person: str) -> Any:
    if asked.get("do") == "refuse":
        raise Invalid("a rule says no")
    if asked.get("do") == "wait":
        raise Retryable("nobody is there")
    return {"heard": dict(asked), "by": person}


def at_door(path: Path, story: Callable[[], Awaitable[None]]) -> None:
    async def played() -> None:
        door = asyncio.create_task(SideDoor(path, echo).run())
        while not path.exists():
            await asyncio.sleep(0.001)
        try:
            async with asyncio.timeout(20):
                await story()
        finally:
            door.cancel()
            await asyncio.gather(door, return_exceptions=True)

    asyncio.run(played())


async def asked(path: Path, what: Mapping[str, Any]) -> Any:
    return await asyncio.to_thread(knock, path, what, 10.0)


async def sent(path: Path, content: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(content)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def test_who_knocks_is_known_by_the_system(tmp_path: Path) -> None:
    path = tmp_path / "door" / "stop"

    async def story() -> None:
        assert await asked(path, {"do": "it"}) == {"heard": {"do": "it"}, "by": ME}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    at_door(path, story)


def test_a_no_is_heard_as_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "stop"

    async def story() -> None:
        with pytest.raises(Invalid, match="a rule says no"):
            await asked(path, {"do": "refuse"})
        with pytest.raises(Retryable, match="nobody is there"):
            await asked(path, {"do": "wait"})

    at_door(path, story)


@given(st.binary(max_size=200))
def test_whatever_is_sent_gets_one_line_and_the_next_is_heard(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "stop"

        async def story() -> None:
            answer = await sent(path, content)
            assert answer.count(b"\n") == 1
            assert answer.endswith(b"\n")
            assert (await asked(path, {}))["by"] == ME

        at_door(path, story)


def test_a_line_without_end_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "stop"

    async def story() -> None:
        assert b"at most 65536 bytes" in await sent(path, b"x" * (LINE_MAX + 1))

    at_door(path, story)


def test_who_says_nothing_is_shown_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_door, "ASK_S", 0.05)
    path = tmp_path / "stop"

    async def story() -> None:
        reader, writer = await asyncio.open_unix_connection(str(path))
        assert b"within 0.05 s" in await reader.read()
        writer.close()

    at_door(path, story)


def test_a_crowd_is_told_to_come_again_and_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "stop"

    async def story() -> None:
        crowd = [await asyncio.open_unix_connection(str(path)) for _ in range(GUESTS_MAX)]
        with pytest.raises(Retryable, match="come again"):
            await asked(path, {})  # let in after all of the crowd, who came before
        for _, writer in crowd:
            writer.write(b"{}\n")
        for reader, writer in crowd:
            assert b"heard" in await reader.read()
            writer.close()
        assert (await asked(path, {}))["by"] == ME

    at_door(path, story)


def test_a_door_that_a_killed_life_has_left_leads_nowhere_and_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "stop"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(Retryable, match="somebody opens"):
        knock(path, {}, 1.0)

    async def story() -> None:
        async with asyncio.timeout(5):
            while True:
                try:
                    assert (await asked(path, {}))["by"] == ME
                    return
                except Retryable:
                    await asyncio.sleep(0)

    at_door(path, story)


def test_where_there_is_no_door_that_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(Retryable, match="stop: somebody opens, was No such file"):
        knock(tmp_path / "nowhere" / "stop", {}, 1.0)


def test_the_longest_folder_has_a_door(tmp_path: Path) -> None:
    path = tmp_path.joinpath(*["a" * 60] * 4) / "stop"

    async def story() -> None:
        assert (await asked(path, {}))["by"] == ME

    at_door(path, story)


def test_a_disk_without_room_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_door, "AGAIN_S", 0.01)
    (tmp_path / "door").write_text("no folder")

    async def story() -> None:
        door = asyncio.create_task(SideDoor(tmp_path / "door" / "stop", echo).run())
        await asyncio.sleep(0.05)
        assert not door.done()
        (tmp_path / "door").unlink()
        while not (tmp_path / "door" / "stop").exists():
            await asyncio.sleep(0.001)
        door.cancel()
        await asyncio.gather(door, return_exceptions=True)

    asyncio.run(asyncio.wait_for(story(), 20))
