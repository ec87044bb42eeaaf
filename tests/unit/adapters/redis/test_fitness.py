"""A Redis of somebody else carries a fund's events only if it forgets none of them."""

from typing import Any

import pytest

from qt_ray.adapters.redis.fitness import examine, unfit
from qt_ray.core.errors import Retryable

pytestmark = pytest.mark.unit

FIT = {"redis_version": "7.2.4", "aof_enabled": 1, "maxmemory_policy": "noeviction", "role": "master"}


def test_a_server_that_keeps_what_it_acknowledges_is_fit() -> None:
    assert list(unfit(FIT)) == []
    assert list(unfit({**FIT, "redis_version": "6.2.0"})) == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"redis_version": "6.0.16"}, "6.2 or newer, was 6.0.16"),
        ({"redis_version": "5"}, "6.2 or newer, was 5"),
        ({"redis_version": ""}, "was not told"),
        ({"aof_enabled": 0}, "append-only"),
        ({"maxmemory_policy": "allkeys-lru"}, "was allkeys-lru"),
        ({"role": "slave"}, "was a slave"),
    ],
    ids=["old", "older", "mute", "no file", "evicts", "replica"],
)
def test_each_reason_is_said(said: dict[str, Any], reason: str) -> None:
    (found,) = unfit({**FIT, **said})
    assert reason in found


def test_one_that_says_nothing_of_itself_is_unfit_in_every_way() -> None:
    assert len(list(unfit({}))) == 4


def test_one_that_does_not_answer_may_answer_later() -> None:
    with pytest.raises(Retryable, match="a question about itself is answered"):
        examine("unix:///nowhere/redis.sock")
