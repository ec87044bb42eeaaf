"""A part is heard, or keeps what it has to say on a disk of its own."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from qt_ray.actors.origin import Origin
from qt_ray.actors.voice import address_of, bus_of, name_of, voice, why_mute
from qt_ray.adapters.event_buffer import EventBuffer
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.events import event
from qt_ray.core.payloads import RiskAlert

pytestmark = pytest.mark.unit

ALERT = event("risk.alert", RiskAlert("warning", "funding", "high"), "desk", 5)


def origin_at(folder: Path) -> Origin:
    return Origin("paper", {"fund.state": str(folder)})


def test_without_a_bus_what_a_part_tells_is_on_its_own_disk(tmp_path: Path) -> None:
    origin = origin_at(tmp_path)

    async def told() -> None:
        mouth = voice(origin, "desk")
        await mouth.publish(ALERT)
        assert not mouth.is_reaching
        assert why_mute(mouth, origin) == "events wait on disk, this fund was told of no bus"
        with pytest.raises(Invalid, match="event buffer"):
            voice(origin, "desk")
        voice(origin, "gateway")

    asyncio.run(told())


def test_what_was_told_without_a_bus_outlives_the_part(tmp_path: Path) -> None:
    origin = origin_at(tmp_path)

    async def told() -> None:
        mouth = voice(origin, "desk")
        mouth.tell(ALERT)
        running = asyncio.create_task(mouth.run())
        await asyncio.sleep(0)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        mouth.close()

    asyncio.run(told())
    batch = EventBuffer(origin.places.buffer / "desk").next_batch()
    assert batch is not None
    assert batch.events == (ALERT,)


def test_a_fund_without_a_bus_has_one_that_is_never_there(tmp_path: Path) -> None:
    async def refused() -> None:
        bus = bus_of(origin_at(tmp_path))
        for asked in (
            bus.publish([]),
            bus.join("audit"),
            bus.hear("audit", "one", 1, 1),
            bus.read("", 1, 1),
            bus.position(0),
            bus.claim("audit", "one", 1),
            bus.finish("audit", []),
            bus.gap("audit"),
        ):
            with pytest.raises(Retryable, match="told of none"):
                await asked

    asyncio.run(refused())


def test_a_path_is_a_socket_and_an_address_an_address(tmp_path: Path) -> None:
    assert address_of(str(tmp_path / "redis.sock")) == tmp_path / "redis.sock"
    assert address_of("redis://127.0.0.1:6379") == "redis://127.0.0.1:6379"


def test_two_accounts_on_one_server_never_meet(tmp_path: Path) -> None:
    one = Origin("paper", {"fund.account": "one"}).settings
    other = Origin("paper", {"fund.account": "other"}).settings
    assert name_of(one) != name_of(other)
