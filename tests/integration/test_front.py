"""The front on a Ray that others use as well: ours comes and goes, and whoever was there before notices nothing."""

import gc
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import namespace_of
from qt_ray.adapters.listening import check_free
from qt_ray.core.errors import Invalid, InvalidConfig
from tests.integration.consoles import free_port

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(300),
    # Serve speaks an older pydantic and leaves what it has ended to the collector.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]

HERE = "127.0.0.1"
OURS = {"qt-paper-main-console-control", "qt-paper-main-console-stream", "qt-paper-main-inference"}


class Neighbour:
    """An application of somebody else."""

    async def __call__(self, request: Any) -> str:
        return "still here"


@contextmanager
def joined(address: str, origin: Origin) -> Iterator[None]:
    """Be in the Ray at an address; what a test leaves of Serve goes with the block."""
    import ray

    from qt_ray.serve.serve_life import end_serve

    ray.init(address=address, namespace=namespace_of(origin.settings), log_to_driver=False)
    try:
        yield
    finally:
        end_serve()
        ray.shutdown()
        gc.collect()


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Origin:
    """Return an account none of whose parts live, so that inference need not wait for its models."""
    monkeypatch.setattr("qt_ray.serve.inference_deployment.PATIENCE_S", 0.1)
    return Origin("paper", {"fund.state": str(tmp_path)})


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def test_what_bears_the_account_s_name_is_withdrawn_and_nothing_else(ray_head: str, origin: Origin) -> None:
    with joined(ray_head, origin):
        from ray import serve

        from qt_ray.serve import console
        from qt_ray.serve.front import Front
        from qt_ray.serve.serve_life import begin_serve

        port = free_port()
        begin_serve(http_options={"host": HERE, "port": port})
        serve.run(serve.deployment(Neighbour).bind(), name="neighbour", route_prefix="/neighbour")
        front = Front(free_port(), "ann")
        front.check(origin)
        url = front.open(origin)
        assert url == f"http://{HERE}:{port}"  # a Serve that was there has settled where it listens
        assert read(f"{url}/health") == '{"status":"ok"}'
        assert serve.status().applications.keys() == OURS | {"neighbour"}
        other = Origin("paper", {**origin.flags, "fund.account": "other"})
        with pytest.raises(Invalid, match="one Ray serves one, qt-paper-main-console-control is there"):
            front.check(other)
        with pytest.raises(Invalid, match=r"Serve listens on 127\.0\.0\.9 alone, listens on 127\.0\.0\.1"):
            console.check(origin, "127.0.0.9")
        front.close(origin)
        assert serve.status().applications.keys() == {"neighbour"}
        assert read(f"{url}/neighbour") == "still here"


def test_a_serve_that_was_begun_for_us_ends_with_us_and_what_a_killed_fund_left_is_replaced(
    ray_head: str, origin: Origin
) -> None:
    with joined(ray_head, origin):
        from ray import serve

        from qt_ray.serve.front import Front

        port = free_port()
        killed, next_one = Front(port, "ann"), Front(port, "ann")
        killed.check(origin)
        url = killed.open(origin)
        next_one.check(origin)
        assert next_one.open(origin) == url
        assert read(f"{url}/health") == '{"status":"ok"}'
        next_one.close(origin)
        assert serve.status().applications == {}
        with pytest.raises(InvalidConfig, match="Address already in use"):
            check_free(HERE, port)  # it was not the one that began Serve
        killed.close(origin)
        check_free(HERE, port)


def test_a_serve_that_takes_itself_for_one_that_is_to_end_is_followed_by_one_that_is_whole(
    ray_head: str, origin: Origin
) -> None:
    with joined(ray_head, origin):
        from ray import serve
        from ray.serve._private.controller import SHUTDOWN_IN_PROGRESS_KEY
        from ray.serve._private.storage.kv_store import RayInternalKVStore

        from qt_ray.serve.serve_life import begin_serve

        RayInternalKVStore(f"ray-serve-{namespace_of(origin.settings)}").put(SHUTDOWN_IN_PROGRESS_KEY, b"1")
        begin_serve(http_options={"host": HERE, "port": free_port()})
        serve.run(serve.deployment(Neighbour).bind(), name="neighbour", route_prefix="/neighbour")
        assert serve.status().applications.keys() == {"neighbour"}
