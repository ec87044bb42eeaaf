import numpy as np
import pytest

from benchmarks.champion import KINDS, LOOKBACK_BARS, Champion, champion, registered
from benchmarks.libraries import libraries, windows
from qt_ray.adapters.models.assembly import assemble
from qt_ray.ai.members.member import Evidence

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def made() -> Champion:
    return champion(rounds=3, count=5_000)


def test_the_libraries_are_asked_the_same_question_as_the_members(made: Champion) -> None:
    evidence, theirs = made.evidence(50), libraries(made.learned, LOOKBACK_BARS)
    assert tuple(theirs.calls) == KINDS
    for (kind, member), answer in zip(made.fitted.members.items(), theirs.ask(evidence), strict=True):
        served = member.opine(evidence).up
        assert np.isfinite(served).any(), kind
        assert np.nanmax(np.abs(served - answer)) <= 1e-5, kind


def test_a_champion_comes_out_of_its_registry_as_it_went_in(made: Champion) -> None:
    evidence = made.evidence(20)
    regime, known_ms = np.zeros(20, np.uint8), np.zeros(20, np.int64)
    with registered(made) as (root, version):
        stored = assemble(root, made.bars.symbols, made.bars.interval_ms, version)
    fresh = made.fitted.ensemble(made.bars.symbols)
    one, other = (each.weigh(evidence, regime, known_ms) for each in (fresh, stored))
    assert one.votes.tobytes() == other.votes.tobytes()
    assert one.outlook.tobytes() == other.outlook.tobytes()


def test_every_row_of_a_desk_has_a_window_of_its_own(made: Champion) -> None:
    desk, newest = made.evidence(3), made.sample.evidence
    assert desk.ends.tolist() == [LOOKBACK_BARS - 1, 2 * LOOKBACK_BARS - 1, 3 * LOOKBACK_BARS - 1]
    same = Evidence(newest.features[-3:], newest.tape, newest.ends[-3:])
    assert np.array_equal(windows(desk, LOOKBACK_BARS), windows(same, LOOKBACK_BARS))
