"""An exchange and a bus that a fund brings with it: there before it begins, mended while it lives, gone after it."""

import json
import os
import urllib.request
from pathlib import Path

import pytest

from qt_ray.adapters.children import Bus, Watch, embedded_bus, paper_exchange
from qt_ray.adapters.processes import mark_of
from qt_ray.adapters.redis.fitness import examine
from qt_ray.adapters.redis.link import linked_blocking
from qt_ray.adapters.redis.server import RedisServer
from qt_ray.core.errors import Retryable

pytestmark = pytest.mark.integration


def server_of(bus: Bus) -> int:
    return int(linked_blocking(bus.socket).info("server")["process_id"])


def test_an_exchange_is_open_while_it_is_wanted_and_its_end_is_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    with paper_exchange(["--symbols", "BTCUSDT"], tmp_path / "logs" / "exchange.log") as exchange:
        with urllib.request.urlopen(f"{exchange.doors['rest']}/fapi/v1/time", timeout=10) as answer:
            assert json.load(answer)["serverTime"] > 0
        assert set(exchange.flags) == {"exchange.rest_url", "exchange.ws_url"}
        assert os.getsid(exchange.process.pid) == exchange.process.pid
        watch = Watch(exchange, None, said.append)
        watch.look()
        assert said == []
        exchange.process.kill()
        exchange.process.wait()
        watch.look()
        watch.look()
    assert said == ["the paper exchange has ended with code -9; what it held is gone, start anew"]


def test_an_exchange_that_does_not_open_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(Retryable, match=r"it ended with: error: .*NOSUCH"),
        paper_exchange(["--symbols", "NOSUCH"], tmp_path / "exchange.log") as exchange,
    ):
        assert exchange.doors


@pytest.mark.parametrize("folder", ["bus", f"{'deep' * 25}/bus"], ids=["near", "deep"])
def test_a_bus_that_died_is_started_again_on_what_it_held(tmp_path: Path, folder: str) -> None:
    said: list[str] = []
    with embedded_bus(tmp_path / folder) as bus:
        place = bus.socket
        linked_blocking(place).set("word", "kept")
        watch = Watch(None, bus, said.append)
        watch.look()
        assert said == []
        os.kill(server_of(bus), 9)
        while not said:
            watch.look()
        assert bus.socket == place
        assert linked_blocking(place).get("word") == b"kept"
        last = server_of(bus)
    assert "started again" in said[0]
    assert mark_of(last) is None


def test_a_server_that_was_left_behind_ends_before_another_begins(tmp_path: Path) -> None:
    left = RedisServer.start(tmp_path)
    linked_blocking(left.socket).set("word", "kept")
    with embedded_bus(tmp_path) as bus:
        left.stop()  # it has ended already, and this takes in its remains
        assert server_of(bus) != left.pid
        assert linked_blocking(bus.socket).get("word") == b"kept"
        assert examine(f"unix://{bus.socket}")
