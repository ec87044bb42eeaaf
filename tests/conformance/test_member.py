"""The member's port: what every model of the ensemble must keep to, whatever it was trained with."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.models import lightgbm_trees, xgboost_trees
from qt_ray.adapters.models.learner import Learner
from qt_ray.ai.history import CHANNELS
from qt_ray.ai.members.envelope import Envelope
from qt_ray.ai.members.member import Evidence, Ints, Member, Opinions, Silence, Singles
from qt_ray.ai.members.trees import TreeArrays, TreeMember
from qt_ray.core.errors import Invalid
from tests.unit.adapters.models.planted import NAMES, evidence_of, learned, rows_of
from tests.unit.ai.ensemble.living import envelope, nhits, patchtst
from tests.unit.ai.members.patchtst_paper import drawn_tape

pytestmark = [pytest.mark.unit, pytest.mark.requirement("S5 Ensemble")]

ROWS = 150
STRETCH = 32
Spoil = Callable[[Evidence, Ints], Evidence]
quick = settings(max_examples=12, deadline=None)


@dataclass(frozen=True, repr=False)
class Candidate:
    """A member under test, what it may be shown, and how to spoil a row: with a hole, or as of another world."""

    name: str
    member: Callable[[], Member]
    evidence: Callable[[], Evidence]
    broken: Spoil
    foreign: Spoil


def trees(learner: Learner, read: Callable[[bytes, tuple[str, ...]], TreeArrays]) -> Member:
    """Return trained trees that read every other column, backwards."""
    _, last = learned(learner)
    envelope = Envelope.restore(last.facts["envelope"])
    columns = np.arange(len(NAMES), dtype=np.int64)[::-1] * 2
    return TreeMember(learner.kind, read(last.artefact, NAMES), envelope, columns, 2 * len(NAMES))


def tree_evidence() -> Evidence:
    features = np.zeros((ROWS, 2 * len(NAMES)), np.float32)
    features[:, ::2] = rows_of(3, ROWS)[:, ::-1]
    return evidence_of(features)


def spoilt(value: float) -> Spoil:
    def spoil(evidence: Evidence, rows: Ints) -> Evidence:
        features = evidence.features.copy()
        features[rows] = value
        return replace(evidence, features=features)

    return spoil


def of_trees(name: str, member: Callable[[], Member]) -> Candidate:
    return Candidate(name, member, tree_evidence, broken=spoilt(np.nan), foreign=spoilt(-1e4))


def tape_evidence() -> Evidence:
    """Return rows that each end in a stretch of the tape of their own, so that one can be spoilt alone."""
    tape = drawn_tape(3, ROWS * STRETCH, len(CHANNELS))
    return Evidence(np.zeros((ROWS, 0), np.float32), tape, np.arange(1, ROWS + 1, dtype=np.int64) * STRETCH - 1)


def spoilt_bar(change: Callable[[Singles], Singles]) -> Spoil:
    def spoil(evidence: Evidence, rows: Ints) -> Evidence:
        tape = evidence.tape.copy()
        for end in evidence.ends[rows]:
            tape[end - 2] = change(tape[end - 2])
        return replace(evidence, tape=tape)

    return spoil


# A return of another world; a volume of it would be no number any more.
FOREIGN = np.array([1e6, 0.0, 0.0, 0.0], np.float32)


def of_network(name: str, member: Callable[[Envelope], Member]) -> Candidate:
    """Return a network that knows windows whose means and deviations are not beyond a thousand."""
    lost, alien = spoilt_bar(lambda bar: bar * np.float32(np.nan)), spoilt_bar(lambda bar: bar + FOREIGN)
    return Candidate(name, lambda: member(envelope(2 * len(CHANNELS))), tape_evidence, broken=lost, foreign=alien)


XGBOOST = xgboost_trees.XGBoostLearner(xgboost_trees.XGBoostPlan(rounds=30, depth=4), NAMES)
LIGHTGBM = lightgbm_trees.LightGBMLearner(lightgbm_trees.LightGBMPlan(rounds=30), NAMES)
CANDIDATES = [
    of_trees("xgboost", lambda: trees(XGBOOST, xgboost_trees.read)),
    of_trees("lightgbm", lambda: trees(LIGHTGBM, lightgbm_trees.read)),
    of_network("patchtst", patchtst),
    of_network("nhits", nhits),
]


@dataclass(frozen=True)
class Asked:
    """A member with the evidence it answers about, and its answers to all of it at once."""

    candidate: Candidate
    member: Member
    evidence: Evidence
    whole: Opinions


@pytest.fixture(params=CANDIDATES, ids=lambda candidate: candidate.name, scope="module")
def asked(request: pytest.FixtureRequest) -> Asked:
    candidate: Candidate = request.param
    member, evidence = candidate.member(), candidate.evidence()
    return Asked(candidate, member, evidence, member.opine(evidence))


def shown(evidence: Evidence, rows: Ints) -> Evidence:
    """Return the evidence of some of the rows; the tape stays whole."""
    return replace(evidence, features=evidence.features[rows], ends=evidence.ends[rows])


def bits(opinions: Opinions, rows: Ints | slice = slice(None)) -> list[bytes]:
    columns = (opinions.up, opinions.silence, opinions.quantiles)
    return [np.ascontiguousarray(column[rows]).tobytes() for column in columns if column is not None]


def test_most_rows_of_its_own_world_are_answered_from_inside_zero_and_one(asked: Asked) -> None:
    spoke = asked.whole.silence == Silence.SPOKE.value
    assert len(asked.whole.up) == len(asked.whole.silence) == len(asked.evidence)
    assert spoke.mean() > 0.9
    assert ((asked.whole.up[spoke] > 0.0) & (asked.whole.up[spoke] < 1.0)).all()
    assert len(np.unique(asked.whole.up[spoke])) > 10


@quick
@given(cuts=st.sets(st.integers(1, ROWS - 1), max_size=6))
def test_a_row_has_the_same_bits_in_a_batch_of_any_size(asked: Asked, cuts: set[int]) -> None:
    for rows in np.split(np.arange(ROWS), sorted(cuts)):
        assert bits(asked.member.opine(shown(asked.evidence, rows))) == bits(asked.whole, rows)


@quick
@given(order=st.permutations(range(ROWS)))
def test_a_row_has_the_same_bits_in_any_company(asked: Asked, order: list[int]) -> None:
    rows = np.array(order)
    assert bits(asked.member.opine(shown(asked.evidence, rows))) == bits(asked.whole, rows)


def test_a_row_alone_has_the_same_bits(asked: Asked) -> None:
    for row in range(ROWS):
        alone = np.array([row])
        assert bits(asked.member.opine(shown(asked.evidence, alone))) == bits(asked.whole, alone)


def test_no_rows_are_answered_by_none(asked: Asked) -> None:
    opinions = asked.member.opine(shown(asked.evidence, np.arange(0)))
    assert opinions.up.shape == opinions.silence.shape == (0,)


@quick
@given(lost=st.sets(st.integers(0, ROWS - 1), max_size=20), alien=st.sets(st.integers(0, ROWS - 1), max_size=20))
def test_a_spoilt_row_is_answered_by_silence_and_disturbs_no_other(
    asked: Asked, lost: set[int], alien: set[int]
) -> None:
    broken, foreign = np.array(sorted(lost), int), np.array(sorted(alien - lost), int)
    evidence = asked.candidate.broken(asked.candidate.foreign(asked.evidence, foreign), broken)
    opinions = asked.member.opine(evidence)
    rest = np.setdiff1d(np.arange(ROWS), np.concatenate((broken, foreign)))
    assert (opinions.silence[broken] == Silence.NOT_FINITE.value).all()
    assert (opinions.silence[foreign] == Silence.OUT_OF_DISTRIBUTION.value).all()
    assert bits(opinions, rest) == bits(asked.whole, rest)


def test_beside_a_silence_there_is_no_number(asked: Asked) -> None:
    opinions = asked.member.opine(asked.candidate.broken(asked.evidence, np.arange(0, ROWS, 2)))
    silent = opinions.silence != Silence.SPOKE.value
    assert np.isnan(opinions.up[silent]).all()
    assert not np.isnan(opinions.up[~silent]).any()
    if opinions.quantiles is not None:
        assert np.isnan(opinions.quantiles[silent]).all()
        assert not np.isnan(opinions.quantiles[~silent]).any()


def test_evidence_is_read_and_never_written(asked: Asked) -> None:
    columns = [column.copy() for column in (asked.evidence.features, asked.evidence.tape, asked.evidence.ends)]
    for column in columns:
        column.flags.writeable = False
    assert bits(asked.member.opine(Evidence(*columns))) == bits(asked.whole)


def test_an_answer_is_not_changed_by_the_next(asked: Asked) -> None:
    first = asked.member.opine(asked.evidence)
    before = bits(first)
    asked.member.opine(asked.candidate.foreign(asked.evidence, np.arange(ROWS)))
    assert bits(first) == before


def test_evidence_of_another_width_is_refused(asked: Asked) -> None:
    for name in ("features", "tape"):
        given = getattr(asked.evidence, name)
        if given.size:
            with pytest.raises(Invalid):
                asked.member.opine(replace(asked.evidence, **{name: np.ascontiguousarray(given[:, :-1])}))


def test_a_row_with_too_little_history_is_silent_for_that_reason(asked: Asked) -> None:
    lookback = asked.member.lookback
    ends = np.minimum(asked.evidence.ends, lookback - 2)
    opinions = asked.member.opine(replace(asked.evidence, ends=ends))
    expected = asked.whole.silence if lookback == 0 else np.full(ROWS, Silence.HISTORY, np.uint8)
    assert (opinions.silence == expected).all()


def test_quantiles_never_cross(asked: Asked) -> None:
    quantiles = asked.whole.quantiles
    assert quantiles is None or (np.diff(quantiles, axis=1) >= 0.0).all()


def test_a_member_has_a_kind_and_says_how_much_history_it_needs(asked: Asked) -> None:
    assert asked.member.kind in ("xgboost", "lightgbm", "patchtst", "nhits", "catboost")
    assert asked.member.lookback >= 0
