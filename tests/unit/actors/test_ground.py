"""What a fund would stand on is looked at before it stands there, and each reason against it is said."""

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from qt_ray.actors import ground
from qt_ray.actors.ground import bus_of, priority_of, ray_of, surveyed
from qt_ray.adapters.redis.server import VARIABLE
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.premises import Health

pytestmark = pytest.mark.unit


def server(folder: Path, version: str) -> Path:
    place = folder / "redis-server"
    place.write_text(f"#!/bin/sh\necho Redis server v={version} sha=00000000\n")
    place.chmod(0o755)
    return place


def test_a_fund_on_one_machine_brings_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(server(tmp_path, "7.0.15")))
    bus, ray, _ = surveyed(Settings(), None)
    assert (bus.check, bus.health, ray.check, ray.health) == ("redis", Health.OK, "ray", Health.OK)
    assert bus.detail == f"embedded, 7.0.15 from {tmp_path / 'redis-server'}"
    assert ray.detail.endswith("a fund begins one of its own")


def test_a_server_that_is_too_old_or_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(server(tmp_path, "5.0.7")))
    old = bus_of(None)
    assert (old.health, "6.2 or newer" in old.detail) == (Health.CRITICAL, True)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    assert bus_of(None).health is Health.CRITICAL
    assert bus_of(f"unix://{tmp_path}/nobody.sock").health is Health.CRITICAL


def test_a_ray_that_is_not_there_or_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    away = ray_of("127.0.0.1:1", "qt-paper-main")
    assert (away.health, "a Ray answers at 127.0.0.1:1" in away.detail) == (Health.CRITICAL, True)

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(ground, "version", missing)
    assert ray_of(None, "qt-paper-main").health is Health.CRITICAL


@pytest.mark.parametrize(("may", "health"), [(True, Health.OK), (False, Health.WARNING)])
def test_a_kill_switch_that_must_wait_its_turn_is_said(
    monkeypatch: pytest.MonkeyPatch, may: bool, health: Health
) -> None:
    monkeypatch.setattr(ground, "may_be", lambda niceness: may)
    found = priority_of(None)
    assert (found.health, "LimitNICE" in found.detail) == (health, not may)


def test_of_a_ray_that_was_joined_it_is_said_who_decides() -> None:
    assert "RAY_worker_niceness=0" in priority_of("127.0.0.1:6379").detail
