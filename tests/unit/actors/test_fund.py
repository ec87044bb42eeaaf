"""One life of a fund: it is said while it lasts, ends by order or by fault, and its parts rest either way."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from qt_ray.actors.cluster import Head
from qt_ray.actors.fund import Front, Fund
from qt_ray.actors.house import House
from qt_ray.actors.origin import Origin
from qt_ray.adapters.session_file import Session, read_session
from qt_ray.core.errors import Retryable

pytestmark = pytest.mark.unit


class Parts:
    """All parts at once, which may never be ready, fail, or never come to rest."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.fault: Exception | None = None
        self.never: set[str] = set()

    async def begin(self) -> None:
        self.log.append("begin")
        await self._wait("begin")
        if self.fault is not None:
            raise self.fault

    async def watch(self) -> None:
        self.log.append("watch")
        await asyncio.Event().wait()

    async def rest(self) -> None:
        self.log.append("rest")
        await self._wait("rest")
        self.log.append("at rest")

    async def _wait(self, what: str) -> None:
        if what in self.never:
            await asyncio.Event().wait()


class Console:
    """A console that may neither open nor be withdrawn, and remembers who wanted that."""

    def __init__(self, opening: Exception | None = None, closing: Exception | None = None) -> None:
        self.opening, self.closing, self.withdrawn = opening, closing, list[str]()

    def open(self, origin: Origin) -> str:
        if self.opening is not None:
            raise self.opening
        return f"http://console/{origin.profile}"

    def close(self, origin: Origin) -> None:
        self.withdrawn.append(origin.profile)
        if self.closing is not None:
            raise self.closing


class Scene:
    def __init__(self, folder: Path, front: Front | None = None, is_ours: bool = True) -> None:
        origin = Origin("paper", {"fund.state": str(folder)}, life="20260101T000000.000Z")
        origin.places.folder.mkdir(parents=True)
        self.house = House(
            origin, "qt-paper-main", Head("127.0.0.1:1", "http://127.0.0.1:8265", is_ours), 1_000, None, None
        )
        self.parts = Parts()
        self.fund = Fund(self.house, self.parts, self.parts.log.append, front)
        self.seen: list[Session] = []

    @property
    def session(self) -> Session | None:
        return read_session(self.house.places.session)

    def ready(self, session: Session) -> None:
        self.seen.append(session)
        self.fund.ended.set()


def told(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 10))


def test_a_life_is_said_from_its_begin_to_its_end(tmp_path: Path) -> None:
    async def story() -> None:
        scene = Scene(tmp_path, Console())
        living = asyncio.create_task(scene.fund.live(scene.ready))
        await asyncio.sleep(0)
        first = scene.session
        assert first is not None
        assert (first.ready_ms, first.console, first.dashboard) == (None, None, "http://127.0.0.1:8265")
        await living
        (ready,) = scene.seen
        assert (ready.console, ready.ready_ms is not None) == ("http://console/paper", True)
        assert scene.parts.log[0] == "begin"
        assert scene.parts.log[-2:] == ["rest", "at rest"]
        assert scene.session is None

    told(story)


def test_an_end_before_it_is_ready_is_an_end_too(tmp_path: Path) -> None:
    async def story() -> None:
        scene = Scene(tmp_path)
        scene.parts.never = {"begin"}
        scene.fund.ended.set()
        await scene.fund.live(scene.ready)
        assert scene.parts.log == ["begin", "rest", "at rest"]
        assert (scene.seen, scene.session) == ([], None)

    told(story)


def test_a_part_that_is_not_ready_ends_it_and_is_named(tmp_path: Path) -> None:
    async def story() -> None:
        scene = Scene(tmp_path)
        scene.parts.fault = Retryable("start: every part is ready in time, Feed is not")
        with pytest.raises(Retryable, match="Feed is not"):
            await scene.fund.live(scene.ready)
        assert scene.parts.log == ["begin", "rest", "at rest"]
        assert scene.session is None

    told(story)


def test_a_console_that_does_not_open_ends_it_with_its_reason(tmp_path: Path) -> None:
    async def story() -> None:
        scene = Scene(tmp_path, Console(RuntimeError("a long story\nport 8700 is taken")))
        with pytest.raises(Retryable, match="console: it opens, it did not: port 8700 is taken"):
            await scene.fund.live(scene.ready)
        assert scene.parts.log[-1] == "at rest"

    told(story)


def test_whoever_hurries_waits_for_no_rest(tmp_path: Path) -> None:
    async def story() -> None:
        scene = Scene(tmp_path)
        scene.parts.never = {"rest"}
        living = asyncio.create_task(scene.fund.live(scene.ready))
        while "rest" not in scene.parts.log:
            await asyncio.sleep(0)
        scene.fund.hurry.set()
        await living
        assert "at rest" not in scene.parts.log
        assert scene.session is None

    told(story)


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_console_is_withdrawn_from_a_ray_that_goes_on_after_the_parts_are_at_rest(
    tmp_path: Path, is_ours: bool
) -> None:
    async def story() -> None:
        console = Console()
        scene = Scene(tmp_path, console, is_ours)
        await scene.fund.live(scene.ready)
        assert console.withdrawn == ([] if is_ours else ["paper"])
        assert scene.parts.log[-1] == "at rest"

    told(story)


def test_a_console_that_cannot_be_withdrawn_is_told_of_and_keeps_nobody_from_ending(tmp_path: Path) -> None:
    async def story() -> None:
        console = Console(closing=TimeoutError("a long story\nit was not deleted after 60 s"))
        scene = Scene(tmp_path, console, is_ours=False)
        await scene.fund.live(scene.ready)
        assert scene.parts.log[-1] == "the console was not withdrawn: it was not deleted after 60 s"
        assert scene.session is None

    told(story)
