"""A Ray that does not start, or is not there, is one line that says to try again."""

from types import SimpleNamespace
from typing import Any

import pytest

from qt_ray.actors import cluster as house
from qt_ray.core.errors import Retryable

pytestmark = pytest.mark.unit


def slow(error: Exception) -> Any:
    def init(**told: Any) -> None:
        raise error

    return SimpleNamespace(init=init, shutdown=lambda: None, LoggingConfig=lambda **told: None)


def test_a_ray_that_starts_too_slowly_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(house, "_ray", lambda: slow(Exception("The current node timed out\nduring startup.")))
    with pytest.raises(Retryable, match="starts, it did not: The current node timed out during"), house.cluster("fund"):
        raise AssertionError


def test_a_mistake_of_ours_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(house, "_ray", lambda: slow(ValueError("no such option")))
    with pytest.raises(ValueError, match="no such option"), house.cluster("fund"):
        raise AssertionError


def test_a_ray_that_cannot_be_joined_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house, "_ray", lambda: slow(ConnectionError("nobody")))
    with (
        pytest.raises(Retryable, match=r"a Ray answers at 127\.0\.0\.1:1, none did"),
        house.cluster("fund", "127.0.0.1:1"),
    ):
        raise AssertionError


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere", ""])
def test_nobody_waits_for_minutes_at_a_door_where_nobody_lives(address: str) -> None:
    with pytest.raises(Retryable, match="a Ray answers at"), house.visited(address, "fund"):
        raise AssertionError
