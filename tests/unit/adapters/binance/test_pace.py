from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters.binance.market_streams import NAMES_MAX, STREAMS_MAX, Stream, Wanted, shards
from qt_ray.adapters.binance.pace import Pace, Pauses
from qt_ray.adapters.binance.usage import Usage
from qt_ray.execution.venue.views import UsageView

pytestmark = pytest.mark.unit


@given(st.integers(0, 1_000))
def test_pauses_grow_to_a_bound_and_chance_is_a_seed(seed: int) -> None:
    first, second = Pauses(Pace(seed=seed)), Pauses(Pace(seed=seed))
    waited = [first.following() for _ in range(60)]
    assert waited == [second.following() for _ in range(60)]
    assert waited[0] == 0
    for failures, pause in enumerate(waited[1:]):
        whole = min(0.1 * 2**failures, 30)
        assert whole / 2 <= pause <= whole


def test_only_what_lived_for_a_while_is_forgiven_its_failures() -> None:
    pauses = Pauses(Pace())
    pauses.following()
    pauses.succeeded(9.9)
    assert pauses.following() > 0
    pauses.succeeded(10)
    assert pauses.following() == 0


@pytest.mark.parametrize(
    ("headers", "view"),
    [
        ({"x-mbx-used-weight-1m": "12"}, (12, 2, 3)),
        ({"x-mbx-order-count-10s": "7", "x-mbx-order-count-1m": "8"}, (1, 7, 8)),
        ({"x-mbx-used-weight-1m": "-5", "x-mbx-order-count-1m": "１"}, (1, 2, 3)),
        ({"x-mbx-used-weight-1m": "9" * 12}, (1, 2, 3)),
        ({}, (1, 2, 3)),
    ],
)
def test_a_header_that_says_nothing_changes_nothing(headers: dict[str, str], view: tuple[int, int, int]) -> None:
    usage = Usage(lambda: 5)
    assert usage.view == UsageView(None, None, None, 5)
    names = ("x-mbx-used-weight-1m", "x-mbx-order-count-10s", "x-mbx-order-count-1m")
    usage.hear(dict(zip(names, "123", strict=True)))
    usage.hear(headers)
    assert usage.view == UsageView(*view, 5)


@given(st.integers(1, 450), st.frozensets(st.sampled_from(Stream), min_size=1))
def test_every_stream_is_on_one_socket_and_no_socket_has_too_many(count: int, kinds: frozenset[Stream]) -> None:
    wanted = Wanted(tuple(f"C{n}USDT" for n in range(count)), kinds, "5m")
    found = shards(wanted)
    names = [name for shard in found for name in shard.names]
    assert len(names) == len(set(names)) == count * len(kinds)
    assert all(len(shard.names) <= STREAMS_MAX for shard in found)
    for shard in found:
        assert all(("bookTicker" in name or "depth" in name) is shard.public for name in shard.names)
        asked: list[Any] = [orjson.loads(message) for message in shard.subscriptions()]
        assert [name for message in asked for name in message["params"]] == list(shard.names)
        assert all(len(message["params"]) <= NAMES_MAX for message in asked)
        assert len(asked) < 10
