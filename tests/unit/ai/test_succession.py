from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.model_status import TRANSITIONS, ModelSignal, ModelStatus
from qt_ray.ai.succession import ENSEMBLE, Entry, Step, Succession, Word
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.restore import restore

pytestmark = pytest.mark.unit

WORD = Word("ada", "the gate passed", 1_000)
NAMES = ("ensemble", "xgboost")

acts = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.sampled_from(NAMES)),
        st.tuples(st.just("rollback"), st.sampled_from(NAMES)),
        st.tuples(st.integers(0, 7), st.sampled_from(ModelSignal)),
    ),
    max_size=40,
)


def version(number: int) -> str:
    return f"{number:064x}"


def act(now: Succession, doing: Any, what: Any) -> Succession:
    """Return the succession after an act, or as it was if the act is refused."""
    try:
        if doing == "enter":
            return now.enter(what, version(len(now.entries)), WORD)
        return now.rollback(what, WORD) if doing == "rollback" else now.advance(version(doing), what, WORD)
    except Invalid:
        return now


def serving(*seeds: int, name: str = "xgboost") -> Succession:
    """Return a succession in which some versions came to serve one after another."""
    now = Succession()
    for seed in seeds:
        now = now.enter(name, version(seed), WORD).advance(version(seed), ModelSignal.SHADOW, WORD)
        now = now.advance(version(seed), ModelSignal.PROMOTE, WORD)
    return now


def who(now: Succession, name: str = "xgboost") -> int | None:
    entry = now.active(name)
    return None if entry is None else int(entry.version, 16)


@settings(max_examples=150, deadline=None)
@given(acts)
def test_a_name_once_served_is_served_by_exactly_one_version(acts: list[tuple[Any, Any]]) -> None:
    now, once = Succession(), set[str]()
    for doing, what in acts:
        now = act(now, doing, what)
        for name in NAMES:
            active = [e for e in now.entries if e.name == name and e.status is ModelStatus.ACTIVE]
            assert len(active) == 1 or (not active and name not in once)
            once |= {name} if active else set()


@settings(max_examples=100, deadline=None)
@given(acts)
def test_every_history_replays_to_its_status_and_every_revision_was_one_write(acts: list[tuple[Any, Any]]) -> None:
    now = Succession()
    for doing, what in acts:
        after = act(now, doing, what)
        assert after is now or after.revision == now.revision + 1
        now = after
    for entry in now.entries:
        status = TRANSITIONS.initial
        for step in entry.history:
            status = TRANSITIONS.advance(status, step.signal)
        assert status is entry.status
    steps = [step for entry in now.entries for step in entry.history]
    assert {step.revision for step in steps} == set(range(1, now.revision + 1))
    assert restore(Succession, decode(canonical(now))) == now


@pytest.mark.requirement("S5 ContinuousLearning")
def test_the_successor_comes_and_the_predecessor_goes_in_one_revision() -> None:
    now = serving(1, 2)
    old, new = now.entry(version(1)).last, now.entry(version(2)).last
    assert (old.status, new.status) == (ModelStatus.RETIRED, ModelStatus.ACTIVE)
    assert old.revision == new.revision == now.revision
    assert (old.by, old.reason, old.at_ms) == ("ada", "the gate passed", 1_000)


def test_a_rollback_goes_one_further_back_each_time_and_never_to_what_it_withdrew() -> None:
    now = serving(1, 2, 3)
    now = now.rollback("xgboost", WORD)
    assert who(now) == 2
    now = now.rollback("xgboost", WORD)
    assert who(now) == 1
    with pytest.raises(Invalid, match="xgboost: a rollback goes to the version that served before, there is none"):
        now.rollback("xgboost", WORD)


def test_a_person_may_name_the_version_that_serves_again_and_go_back_from_it() -> None:
    now = serving(1, 2, 3).rollback("xgboost", WORD).advance(version(3), ModelSignal.RESTORE, WORD)
    assert who(now) == 3
    assert who(now.rollback("xgboost", WORD)) == 2


def test_the_first_champion_may_come_unwatched_and_no_later_one() -> None:
    now = Succession().enter("xgboost", version(1), WORD).advance(version(1), ModelSignal.PROMOTE, WORD)
    assert who(now) == 1
    now = now.enter("xgboost", version(2), WORD)
    with pytest.raises(Invalid, match="a candidate replaces nobody before it was in SHADOW"):
        now.advance(version(2), ModelSignal.PROMOTE, WORD)


@pytest.mark.parametrize("signal", [ModelSignal.RETIRE, ModelSignal.WITHDRAW, ModelSignal.REJECT, ModelSignal.PROMOTE])
def test_nothing_takes_away_what_serves(signal: ModelSignal) -> None:
    with pytest.raises(Invalid):
        serving(1).advance(version(1), signal, WORD)


def test_names_do_not_meet() -> None:
    now = serving(1).enter("nhits", version(2), WORD).advance(version(2), ModelSignal.PROMOTE, WORD)
    assert (who(now), who(now, "nhits"), who(now, "patchtst")) == (1, 2, None)


def test_a_word_stands_for_one_version() -> None:
    now = serving(1, name=ENSEMBLE).enter("xgboost", "abcdef" + "0" * 58, WORD)
    assert now.resolve("champion") == now.resolve("ensemble") == version(1) == now.resolve(version(1))
    assert now.resolve("abcdef") == now.resolve("abcdef00") == "abcdef" + "0" * 58


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        ("champion", "stands for the ACTIVE version of ensemble, there is none"),
        ("nhits", "stands for the ACTIVE version of nhits, there is none"),
        ("000000", "fits 2"),
        ("fffffe", "fits 0"),
        ("abcde", "fits 0"),
        ("", "fits 0"),
        ("../../x", "fits 0"),
    ],
)
def test_a_word_that_stands_for_none_or_two_is_refused(word: str, rule: str) -> None:
    now = serving(1, 2).enter("nhits", version(0xABCDE << 236), WORD)
    with pytest.raises(Invalid, match=rule):
        now.resolve(word)


@pytest.mark.parametrize("change", [{"by": " "}, {"reason": ""}, {"reason": "a\nb"}, {"by": "x" * 501}, {"at_ms": -1}])
def test_whoever_decides_says_so_in_a_line(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=rf"^{next(iter(change))}: "):
        replace(WORD, **change)


ONE = serving(1)
ENTRY = ONE.entries[0]
STEP = ENTRY.last


@pytest.mark.parametrize(
    ("forge", "rule"),
    [
        (lambda: replace(ENTRY, status=ModelStatus.SHADOW), "status: what the history replays to, ACTIVE, was SHADOW"),
        (lambda: replace(ENTRY, history=()), "history: 1 to 1000 steps, was 0"),
        (lambda: replace(ENTRY, history=(STEP,)), "model: TRAINING takes TRAINED, FAIL, was PROMOTE"),
        (lambda: replace(ENTRY, history=(*ENTRY.history, STEP)), "model: ACTIVE takes RETIRE, WITHDRAW, was PROMOTE"),
        (lambda: replace(ENTRY, history=(replace(ENTRY.history[0], revision=0),)), "steps follow the table"),
        (lambda: replace(ENTRY, history=(replace(ENTRY.history[0], status=STEP.status),)), "steps follow the table"),
        (lambda: replace(ENTRY, name="../x"), "name: "),
        (lambda: replace(ENTRY, version="../x"), "version: "),
        (lambda: replace(ONE, entries=(ENTRY, ENTRY)), "a version is entered once"),
        (lambda: replace(ONE, entries=(ENTRY, replace(ENTRY, version=version(2)))), "has one ACTIVE version, .* had 2"),
        (lambda: replace(ONE, revision=1), "revision: not before the newest step's, 3, was 1"),
        (lambda: Succession(-1), "revision: "),
        (lambda: replace(ONE, entries=(ENTRY,) * 10_001), "entries: at most 10000, was 10001"),
    ],
)
def test_a_forged_history_is_found_out(forge: Any, rule: str) -> None:
    with pytest.raises(Invalid, match=rule):
        forge()


def test_a_name_that_lost_its_champion_is_found_out() -> None:
    gone = Step(4, 1, ModelSignal.RETIRE, ModelStatus.RETIRED, "x", "y")
    orphaned = Entry("xgboost", version(1), ModelStatus.RETIRED, (*ENTRY.history, gone))
    with pytest.raises(Invalid, match="xgboost had 0"):
        Succession(4, (orphaned,))
