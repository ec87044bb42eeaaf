"""SPEC laws 6, 7 and 10: a desk is a fold of its journal, and decides what its simulated twin decides."""

import pytest

from qt_ray.ai.baselines import EmaCross
from qt_ray.engine.desk import DeskBook
from qt_ray.engine.desk_entries import Told
from qt_ray.engine.pipeline import Forecaster
from tests.unit.engine.desks import Chain, Twin, began, decided, names_of, ruled

pytestmark = pytest.mark.unit


def test_a_desk_that_is_told_what_its_twin_was_told_decides_the_same_bit_for_bit() -> None:
    twin = Twin()
    book, chain = DeskBook(began(twin.bars, twin.setup)), Chain(Forecaster(EmaCross(3)))
    book.take(ruled(twin.setup))
    for at in range(len(twin.bars)):
        book.take(Told(twin.step(names_of(book))))
        outcome = book.take(decided(book, chain, twin.bars.window(at, at + 1)))
        assert outcome.decision is not None
        assert outcome.decision.rows.tobytes() == twin.rows(at).tobytes(), f"cycle {at}"
    assert book.counts["fills"] > 20
