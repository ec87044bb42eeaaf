from collections import Counter
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Side
from qt_ray.execution.signals import Dropped, SignalQueue, TradeSignal

pytestmark = pytest.mark.unit


def signal(name: str, confidence: float = 0.5, created: int = 0, expires: int = 1_000, symbol: str = "") -> TradeSignal:
    return TradeSignal(name, symbol or name, Side.BUY, confidence, created, expires)


signals = st.builds(
    TradeSignal,
    id=st.integers(0, 40).map(str),
    symbol=st.sampled_from([f"S{n}" for n in range(12)]),
    side=st.sampled_from(Side),
    confidence=st.floats(0, 1) | st.sampled_from([nan, inf, -0.1]),
    created_ms=st.integers(0, 50),
    expires_ms=st.integers(0, 100),
)
steps = st.lists(st.tuples(st.integers(0, 3), signals | st.none()), max_size=60)


@pytest.mark.requirement("Sprint5-3")
@pytest.mark.sprint5
@given(steps, st.integers(1, 6), st.integers(1, 6))
def test_every_signal_is_taken_waiting_or_counted_as_dropped(
    story: list[tuple[int, TradeSignal | None]], capacity: int, per_cycle: int
) -> None:
    queue = SignalQueue(capacity, min(per_cycle, capacity))
    now = 0
    for wait, item in story:
        now += wait
        if item is not None:
            queue.offer(item, now)
        else:
            batch = queue.take(now)
            assert len(batch) <= queue.per_cycle
            assert all(s.expires_ms > now for s in batch)
            assert [s.confidence for s in batch] == sorted((s.confidence for s in batch), reverse=True)
            assert all(s.confidence <= batch[-1].confidence for s in queue.waiting if batch)
        assert len(queue) <= capacity
        assert len({s.symbol for s in queue.waiting}) == len(queue)
        assert queue.offered == queue.taken + len(queue) + queue.dropped.total()


@given(st.lists(st.floats(0, 1), max_size=30), st.integers(1, 5))
def test_of_living_signals_the_queue_keeps_the_best(confidences: list[float], capacity: int) -> None:
    queue = SignalQueue(capacity, 1)
    for n, confidence in enumerate(confidences):
        queue.offer(signal(f"s{n}", confidence), 0)
    best = sorted(confidences, reverse=True)[:capacity]
    assert [s.confidence for s in queue.waiting] == best


@pytest.mark.requirement("Sprint5-3")
@pytest.mark.sprint5
def test_a_full_queue_gives_up_its_weakest_to_a_better_one_only() -> None:
    queue = SignalQueue(2, 2)
    assert queue.offer(signal("a", 0.5), 0) is None
    assert queue.offer(signal("b", 0.6), 0) is None
    assert queue.offer(signal("c", 0.5), 0) is Dropped.WEAKEST
    assert queue.offer(signal("d", 0.7), 0) is None
    assert [s.id for s in queue.take(0)] == ["d", "b"]
    assert queue.dropped == {Dropped.WEAKEST: 1, Dropped.DISPLACED: 1}


def test_an_expired_signal_makes_room_before_a_living_one_does() -> None:
    queue = SignalQueue(2, 2)
    queue.offer(signal("a", 0.9, expires=10), 0)
    queue.offer(signal("b", 0.6), 0)
    assert queue.offer(signal("c", 0.5), 20) is None
    assert [s.id for s in queue.waiting] == ["b", "c"]
    assert queue.dropped == {Dropped.EXPIRED: 1}


@pytest.mark.requirement("S4 EventDrivenExecutor")
def test_only_the_newest_signal_of_a_symbol_waits() -> None:
    queue = SignalQueue()
    queue.offer(signal("a", 0.9, created=5, symbol="X"), 0)
    assert queue.offer(signal("b", 0.99, created=4, symbol="X"), 0) is Dropped.OUTDATED
    assert queue.offer(signal("c", 0.5, created=6, symbol="X"), 0) is None
    assert queue.offer(signal("c", 0.5, created=6, symbol="X"), 0) is Dropped.DUPLICATE
    assert [s.id for s in queue.take(0)] == ["c"]
    assert queue.dropped == {Dropped.OUTDATED: 1, Dropped.SUPERSEDED: 1, Dropped.DUPLICATE: 1}


@pytest.mark.requirement("S4 EventDrivenExecutor")
def test_what_does_not_fit_a_cycle_waits_for_the_next() -> None:
    queue = SignalQueue()
    for n in range(25):
        queue.offer(signal(f"s{n:02}", n / 100), 0)
    assert [len(queue.take(0)) for _ in range(4)] == [10, 10, 5, 0]


@pytest.mark.parametrize("confidence", [nan, inf, -inf, -0.01, 1.01])
def test_a_confidence_that_is_no_probability_is_dropped(confidence: float) -> None:
    assert SignalQueue().offer(signal("a", confidence), 0) is Dropped.INVALID


def test_a_signal_that_was_never_alive_or_is_over_is_dropped() -> None:
    assert SignalQueue().offer(signal("a", created=9, expires=9), 0) is Dropped.INVALID
    assert SignalQueue().offer(signal("a", expires=10), 10) is Dropped.EXPIRED


@pytest.mark.parametrize(("capacity", "per_cycle"), [(0, 1), (100, 0), (10, 11), (10**6, 1)])
def test_impossible_sizes_are_refused_by_the_name_of_their_setting(capacity: int, per_cycle: int) -> None:
    with pytest.raises(Invalid, match="QT_"):
        SignalQueue(capacity, per_cycle)


@pytest.mark.requirement("S4 EventDrivenExecutor")
@pytest.mark.parametrize("rate", [30, 50])
def test_a_flood_of_signals_is_weathered_and_every_loss_is_explained(rate: int) -> None:
    queue = SignalQueue()
    taken: list[TradeSignal] = []
    for n in range(rate * 60):
        now = n * 1_000 // rate
        queue.offer(signal(f"s{n}", (n * 37 % 101) / 100, now, now + 5_000, f"S{n % 400}"), now)
        if n % rate == 0:
            taken += queue.take(now)
    losses = Counter(queue.dropped)
    assert len(queue) <= 100
    assert len(taken) >= 59 * 10
    assert rate * 60 == len(taken) + len(queue) + losses.total()
    assert set(losses) <= {Dropped.EXPIRED, Dropped.WEAKEST, Dropped.DISPLACED}
    assert sum(s.confidence for s in taken) / len(taken) > 0.6
