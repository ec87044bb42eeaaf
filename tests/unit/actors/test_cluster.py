"""A Ray that does not start, or is not there, is one line that says to try again."""

from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import AuthenticationError

from qt_ray.actors import cluster as house
from qt_ray.core.errors import InvalidConfig, Retryable

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


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.9.0"), "were not: .*Ray: 2.9.0"),
        (AuthenticationError("Token authentication is enabled\nbut no token was found"), "RAY_AUTH_TOKEN, was: Token"),
    ],
    ids=["another version", "no token"],
)
def test_a_ray_that_is_not_ours_to_join_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    monkeypatch.setattr(house, "_ray", lambda: slow(error))
    with pytest.raises(InvalidConfig, match=said) as found, house.cluster("fund", "127.0.0.1:1"):
        raise AssertionError
    assert "\n" not in str(found.value)


def test_what_ray_says_of_our_own_mistakes_is_not_taken_for_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house, "_ray", lambda: slow(RuntimeError("called twice by accident")))
    with pytest.raises(RuntimeError, match="twice"), house.cluster("fund", "127.0.0.1:1"):
        raise AssertionError


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere", ""])
def test_nobody_waits_for_minutes_at_a_door_where_nobody_lives(address: str) -> None:
    with pytest.raises(Retryable, match="a Ray answers at"), house.visited(address, "fund"):
        raise AssertionError
