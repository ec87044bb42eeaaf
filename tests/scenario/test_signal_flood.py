"""Signal flood: for a minute the market talks faster than anyone can act, and nothing is lost without a word."""

import heapq
from collections import Counter

import numpy as np
import pytest

from qt_ray.core.orders import Side
from qt_ray.execution.signals import Dropped, SignalQueue, TradeSignal

pytestmark = pytest.mark.scenario

SECONDS = 60
LIFE_MS = 4_000


def flood(rate: int, symbols: int, seed: int) -> list[TradeSignal]:
    """Return a minute of signals at about `rate` a second, in bursts, about some symbols."""
    dice = np.random.default_rng(seed)
    at = np.sort((60_000 * dice.beta(0.8, 0.8, rate * SECONDS)).astype(int))
    return [
        TradeSignal(
            id=f"s{n}",
            symbol=f"S{int(dice.integers(symbols))}",
            side=Side.BUY if dice.random() < 0.5 else Side.SELL,
            confidence=float(np.round(dice.beta(4, 3), 3)),
            created_ms=int(ms),
            expires_ms=int(ms) + LIFE_MS,
        )
        for n, ms in enumerate(at)
    ]


@pytest.mark.requirement("Sprint5-3", "Scenario-10")
@pytest.mark.sprint5
@pytest.mark.parametrize("rate", [30, 40, 50])
@pytest.mark.parametrize("symbols", [20, 150, 5_000])
def test_a_flood_is_bounded_the_best_are_acted_on_and_every_drop_is_counted(rate: int, symbols: int) -> None:
    """Scenario 10 and SPEC 4: 30 to 50 signals a second, 100 waiting at most, 10 a cycle."""
    queue, taken, told = SignalQueue(), [], Counter[Dropped]()
    signals = flood(rate, symbols, seed=rate + symbols)
    offered = 0
    for second in range(1, SECONDS + 1):
        now = second * 1_000
        while offered < len(signals) and signals[offered].created_ms < now:
            signal = signals[offered]
            reason = queue.offer(signal, signal.created_ms)
            told[reason] += 1 if reason else 0
            assert len(queue) <= 100
            offered += 1
        living = [one.confidence for one in queue.waiting if one.expires_ms > now]
        batch = queue.take(now)
        assert [one.confidence for one in batch] == heapq.nlargest(10, living)
        assert all(one.expires_ms > now for one in batch)
        assert len({one.symbol for one in batch}) == len(batch)
        taken += batch
    assert offered == len(signals) == queue.offered
    assert queue.offered == len(taken) + len(queue) + queue.dropped.total()
    assert all(queue.dropped[reason] >= count for reason, count in told.items())
    assert len({one.id for one in taken}) == len(taken)
    mean = sum(one.confidence for one in taken) / len(taken)
    assert mean > sum(one.confidence for one in signals) / len(signals)


def test_a_stronger_newcomer_takes_the_weakest_place_and_a_weaker_one_is_told_why() -> None:
    queue = SignalQueue()
    for n in range(100):
        queue.offer(TradeSignal(f"w{n}", f"S{n}", Side.BUY, 0.5 + n / 1_000, 0, 10_000), 0)
    assert queue.offer(TradeSignal("weak", "X", Side.BUY, 0.5, 1, 10_000), 1) is Dropped.WEAKEST
    assert queue.offer(TradeSignal("strong", "Y", Side.BUY, 0.99, 1, 10_000), 1) is None
    assert len(queue) == 100
    assert [one.id for one in queue.take(2)][:2] == ["strong", "w99"]
    assert queue.dropped == Counter({Dropped.WEAKEST: 1, Dropped.DISPLACED: 1})


def test_nothing_old_is_acted_on_after_a_silence() -> None:
    queue = SignalQueue()
    for signal in flood(50, 150, 1)[:200]:
        queue.offer(signal, signal.created_ms)
    waiting = len(queue)
    before = queue.dropped[Dropped.EXPIRED]
    assert waiting > 0
    assert queue.take(10 * 60_000) == ()
    assert queue.dropped[Dropped.EXPIRED] == before + waiting
