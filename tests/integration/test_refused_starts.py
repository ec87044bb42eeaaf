"""Starts that are refused: one line, the right exit code, and nothing has begun."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qt_ray.actors.ground import bus_of
from qt_ray.adapters.redis.fitness import examine
from qt_ray.adapters.redis.link import linked_blocking
from qt_ray.adapters.redis.server import server_binary
from qt_ray.adapters.trading.premises import Health
from qt_ray.core.errors import InvalidConfig, Retryable
from tests.integration.shell import qt, refused

pytestmark = pytest.mark.integration

FIT = ("--appendonly", "yes", "--maxmemory-policy", "noeviction")


@contextmanager
def redis(folder: Path, *words: str) -> Iterator[Path]:
    """Run a Redis of somebody else, and yield its socket once it answers."""
    place = folder / "redis.sock"
    command = [server_binary(), "--port", "0", "--unixsocket", place, "--dir", folder, "--save", "", *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            while not answers(place):
                assert process.poll() is None
            yield place
        finally:
            process.terminate()


def answers(place: Path) -> bool:
    try:
        examine(f"unix://{place}")
    except Retryable:
        return False
    except InvalidConfig:
        return True
    return True


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--appendonly", "no", "--maxmemory-policy", "noeviction"), "it has an append-only file"),
        (("--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"), "it evicts nothing"),
    ],
    ids=["no file", "evicts"],
)
def test_a_redis_that_may_forget_carries_no_fund(tmp_path: Path, words: tuple[str, ...], reason: str) -> None:
    with redis(tmp_path, *words) as place:
        state = tmp_path / "state"
        told = ("--set", f"fund.state={state}", "--set", f"bus.url=unix://{place}")
        refused(qt("up", "--no-serve", *told), 3, "bus.url: a Redis that forgets nothing", reason)
        assert [path.name for path in state.rglob("*") if path.is_file()] == ["writer.lock"]
        assert linked_blocking(place).dbsize() == 0
        found = bus_of(f"unix://{place}")
        assert (found.health, reason in found.detail) == (Health.CRITICAL, True)


def test_a_redis_that_forgets_nothing_is_named_with_its_version(tmp_path: Path) -> None:
    with redis(tmp_path, *FIT) as place:
        found = bus_of(f"unix://{place}")
        assert found.health is Health.OK
        assert found.detail.endswith(f" answers at unix://{place}, and forgets nothing")


def test_a_redis_that_is_not_there_may_be_there_later(tmp_path: Path) -> None:
    told = ("--set", f"fund.state={tmp_path}", "--set", f"bus.url=unix://{tmp_path}/nobody.sock")
    refused(qt("up", "--no-serve", *told), 7, "redis: a question about itself is answered")


def test_a_ray_that_is_not_there_is_one_line_and_the_account_is_free_again(tmp_path: Path) -> None:
    told = ("--set", f"fund.state={tmp_path}", "--no-serve", "--address", "127.0.0.1:1")
    for _ in range(2):
        refused(qt("up", *told), 7, "cluster: a Ray answers at 127.0.0.1:1")
