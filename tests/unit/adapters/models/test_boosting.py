import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import orjson
import pytest
import xgboost

from qt_ray.adapters.models import lightgbm_trees, xgboost_trees
from qt_ray.adapters.models.boosting import LEG_ROUNDS
from qt_ray.adapters.models.learner import Learned, Learner, Progress
from qt_ray.adapters.models.lightgbm_trees import LightGBMLearner, LightGBMPlan
from qt_ray.adapters.models.xgboost_trees import XGBoostLearner, XGBoostPlan
from qt_ray.ai.members.member import Floats, Singles
from qt_ray.ai.members.trees import TreeArrays, probabilities
from qt_ray.ai.sample import Sample
from qt_ray.core.codec import canonical
from qt_ray.core.errors import Invalid
from tests.unit.adapters.models.planted import NAMES, TRAIN, VALID, learned, planted, rows_of, sample_of

pytestmark = pytest.mark.unit

ROUNDS = 2 * LEG_ROUNDS + 5


@dataclass(frozen=True)
class Library:
    """A library of trees: how to learn with it, and how it answers itself."""

    name: str
    learner: Callable[..., Learner]
    read: Callable[[bytes, Sequence[str]], TreeArrays]
    contributions: Callable[[bytes, Sequence[str], Singles], Floats]
    answer: Callable[[bytes, Singles], Floats]


def xgboost_learner(names: Sequence[str] = NAMES, **plan: Any) -> Learner:
    return XGBoostLearner(XGBoostPlan(**{"rounds": ROUNDS, "depth": 3, "eta": 0.2, **plan}), names)


def lightgbm_learner(names: Sequence[str] = NAMES, **plan: Any) -> Learner:
    return LightGBMLearner(LightGBMPlan(**{"rounds": ROUNDS, "depth": 3, "eta": 0.2, **plan}), names)


def xgboost_answer(artefact: bytes, rows: Singles) -> Floats:
    answer: Floats = xgboost.Booster({"nthread": 1}, model_file=bytearray(artefact)).inplace_predict(rows)
    return answer


def lightgbm_answer(artefact: bytes, rows: Singles) -> Floats:
    return np.asarray(lightgbm.Booster(model_str=artefact.decode()).predict(rows, num_threads=1))


LIBRARIES = [
    Library("xgboost", xgboost_learner, xgboost_trees.read, xgboost_trees.contributions, xgboost_answer),
    Library("lightgbm", lightgbm_learner, lightgbm_trees.read, lightgbm_trees.contributions, lightgbm_answer),
]


@pytest.fixture(params=LIBRARIES, ids=lambda library: library.name, scope="module")
def library(request: pytest.FixtureRequest) -> Library:
    found: Library = request.param
    return found


@pytest.fixture(scope="module")
def whole(library: Library) -> Learned:
    return learned(library.learner())[1]


def edges(arrays: TreeArrays) -> Iterator[Singles]:
    """Yield rows at every threshold, at the floats beside it, and at the ends of what a float can be."""
    tiny, huge = np.finfo(np.float32).smallest_subnormal, np.finfo(np.float32).max
    for column in range(len(NAMES)):
        at = np.unique(arrays.threshold[arrays.feature == column])
        ends = np.array([-huge, -1e30, -1.0, -tiny, -0.0, 0.0, tiny, 1e-38, 1.0, 1e30, huge], np.float32)
        values = np.concatenate((at, np.nextafter(at, huge), np.nextafter(at, -huge), ends))
        rows = rows_of(column, len(values))
        rows[:, column] = values
        yield rows


def test_we_answer_what_the_library_answers_on_ordinary_rows_and_at_every_edge(
    library: Library, whole: Learned
) -> None:
    arrays = library.read(whole.artefact, NAMES)
    rows = np.concatenate([rows_of(9, 2_000), *edges(arrays)])
    assert np.abs(probabilities(arrays, rows) - library.answer(whole.artefact, rows)).max() < 1e-6


def test_something_planted_is_found(library: Library, whole: Learned) -> None:
    test = planted(3, 1_000)
    up = probabilities(library.read(whole.artefact, NAMES), test.evidence.features)
    assert ((up > 0.5) == (test.up > 0.5)).mean() > 0.65


def test_contributions_add_up_to_the_margin(library: Library, whole: Learned) -> None:
    rows = rows_of(4, 50)
    shares = library.contributions(whole.artefact, NAMES, rows)
    assert shares.shape == (50, len(NAMES) + 1)
    up = probabilities(library.read(whole.artefact, NAMES), rows)
    assert 1.0 / (1.0 + np.exp(-shares.sum(axis=1))) == pytest.approx(up, abs=1e-6)


def test_the_same_training_ends_with_the_same_bytes_and_another_seed_with_others(
    library: Library, whole: Learned
) -> None:
    assert learned(library.learner())[1].artefact == whole.artefact
    assert learned(library.learner(), seed=8)[1].artefact != whole.artefact


ELSEWHERE = """
import sys
from hashlib import sha256
from tests.unit.adapters.models.planted import learned
from tests.unit.adapters.models.test_boosting import LIBRARIES
found = next(library for library in LIBRARIES if library.name == sys.argv[1])
sys.stdout.write(sha256(learned(found.learner())[1].artefact).hexdigest())
"""
SERVED = """
import sys
from pathlib import Path
from qt_ray.adapters.models import lightgbm_trees, xgboost_trees
read = {"xgboost": xgboost_trees, "lightgbm": lightgbm_trees}[sys.argv[1]].read
trees = read(Path(sys.argv[2]).read_bytes(), sys.argv[3:])
heavy = {"xgboost", "lightgbm", "sklearn", "pandas"} & set(sys.modules)
sys.stdout.write(f"{trees.leaf.sum()} {sorted(heavy)}")
"""


def elsewhere(code: str, *words: str) -> str:
    """Return what `code` writes in a process of its own."""
    root = Path(__file__).parents[4]
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=True, cwd=root).stdout


def test_another_process_ends_with_the_same_bytes(library: Library, whole: Learned) -> None:
    assert elsewhere(ELSEWHERE, library.name) == sha256(whole.artefact).hexdigest()


def test_serving_loads_no_training_library(library: Library, whole: Learned, tmp_path: Path) -> None:
    file = tmp_path / "artefact"
    file.write_bytes(whole.artefact)
    total = library.read(whole.artefact, NAMES).leaf.sum()
    assert elsewhere(SERVED, library.name, str(file), *NAMES) == f"{total} []"


@pytest.mark.parametrize("legs", [1, 2, 3])
def test_a_killed_training_goes_on_to_the_same_bytes(
    library: Library, whole: Learned, legs: int, tmp_path: Path
) -> None:
    killed = iter(library.learner().learn(TRAIN, VALID, 7, tmp_path))
    for _ in range(legs):
        next(killed)
    *steps, last = library.learner().learn(TRAIN, VALID, 7, tmp_path)
    assert len(steps) == 3 - legs
    assert last == whole


@pytest.mark.parametrize("change", [{"seed": 8}, {"eta": 0.1}, {"train": planted(11, 400)}])
def test_a_checkpoint_serves_no_other_training(library: Library, change: dict[str, Any], tmp_path: Path) -> None:
    learner = library.learner(**{key: value for key, value in change.items() if key == "eta"})
    train, seed = change.get("train", TRAIN), change.get("seed", 7)
    next(iter(library.learner().learn(TRAIN, VALID, 7, tmp_path)))
    assert list(learner.learn(train, VALID, seed, tmp_path)) == list(learner.learn(train, VALID, seed))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_broken_checkpoint_costs_time_and_nothing_else(
    library: Library, whole: Learned, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / f"{library.name}.checkpoint").write_bytes(content)
    assert list(library.learner().learn(TRAIN, VALID, 7, tmp_path))[-1] == whole


def test_trainings_taken_by_turns_do_not_disturb_each_other(library: Library, whole: Learned) -> None:
    turns = zip(library.learner().learn(TRAIN, VALID, 7), library.learner().learn(TRAIN, VALID, 8), strict=True)
    *_, (one, other) = turns
    assert one == whole
    assert other != whole


def test_progress_counts_to_the_end_and_facts_tell_what_was_done(library: Library, whole: Learned) -> None:
    steps, last = learned(library.learner(patience=2_000))
    assert [step.done for step in steps] == [LEG_ROUNDS, 2 * LEG_ROUNDS, ROUNDS]
    assert {step.total for step in steps} == {ROUNDS}
    facts = orjson.loads(canonical(last.facts))
    assert facts["features"] == list(NAMES)
    assert (facts["kind"], facts["seed"], facts["rows"]) == (library.name, 7, [400, 200])
    assert 1 <= facts["rounds"] <= ROUNDS
    assert len(library.read(last.artefact, NAMES).leaf) == facts["rounds"]


def test_growing_stops_when_held_out_rows_gain_nothing_and_keeps_the_best_round(library: Library) -> None:
    *steps, last = library.learner(rounds=400, patience=10, eta=1.0).learn(TRAIN, VALID, 7)
    assert isinstance(last, Learned)
    assert len(steps) < 5
    rounds, artefact = last.facts["rounds"], last.artefact
    assert len(library.read(artefact, NAMES).leaf) == rounds
    up = probabilities(library.read(artefact, NAMES), VALID.evidence.features)
    loss = -np.log(np.where(VALID.up > 0.5, up, 1.0 - up)).mean()
    assert loss == pytest.approx(last.facts["loss"], abs=1e-6)
    assert all(loss < step.loss + 1e-6 for step in steps if isinstance(step, Progress))


ROWS = rows_of(1, 50)
UP = (np.arange(50) % 2).astype(np.float32)


def holed(column: int, count: int, value: float) -> Singles:
    rows = ROWS.copy()
    rows[:count, column] = value
    return rows


@pytest.mark.parametrize(
    ("train", "complaint"),
    [
        (sample_of(ROWS[:0], UP[:0]), "train: a sample has rows, had none"),
        (sample_of(ROWS[:, :4], UP), r"train: features are float32 \(50, 5\), was float32 \(50, 4\)"),
        (sample_of(ROWS.astype(np.float64), UP), r"float32 \(50, 5\), was float64 \(50, 5\)"),
        (sample_of(holed(3, 50, np.nan), UP), "train: features are finite, noise_a was not in 50 of 50 rows"),
        (sample_of(holed(1, 1, np.inf), UP), "train: features are finite, pull was not in 1 of 50 rows"),
        (sample_of(ROWS, np.ones_like(UP)), r"outcomes are 0 and 1, and both occur, was \[1.0\]"),
        (sample_of(ROWS, UP * 2), r"outcomes are 0 and 1, and both occur, was \[0.0, 2.0\]"),
        (sample_of(ROWS, UP * np.nan), "outcomes are 0 and 1, and both occur, was"),
    ],
)
def test_rows_that_nothing_can_be_learned_from_are_refused(library: Library, train: Sample, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        next(iter(library.learner().learn(train, VALID, 7)))
    with pytest.raises(Invalid, match=complaint.replace("train", "valid")):
        next(iter(library.learner().learn(TRAIN, train, 7)))


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_is_one_that_every_library_takes(library: Library, seed: int) -> None:
    with pytest.raises(Invalid, match="a seed is from 0"):
        next(iter(library.learner().learn(TRAIN, VALID, seed)))


@pytest.mark.parametrize(
    ("plan", "complaint"),
    [
        ({"depth": 9}, "depth is from 1 to 8, was 9"),
        ({"rounds": 0}, "rounds is from 1 to 2000, was 0"),
        ({"eta": float("nan")}, "eta is from 0.001 to 1, was nan"),
        ({"names": ()}, "features have one name each"),
        ({"names": ("a", "a")}, "features have one name each"),
        ({"names": ("a b",)}, "a feature's name is letters, digits and underscores, was 'a b'"),
    ],
)
def test_a_plan_out_of_bounds_is_refused_before_anything_is_learned(
    library: Library, plan: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(Invalid, match=complaint):
        library.learner(**plan)


@pytest.mark.parametrize("wrong", [NAMES[::-1], NAMES[:-1], (*NAMES, "more"), ()])
def test_trees_are_read_for_the_features_they_were_learned_from(
    library: Library, whole: Learned, wrong: tuple[str, ...]
) -> None:
    with pytest.raises(Invalid, match="feature_names"):
        library.read(whole.artefact, wrong)


def test_no_prefix_of_an_artefact_is_taken_for_it(library: Library, whole: Learned) -> None:
    text = whole.artefact if library.name == "xgboost" else whole.artefact.partition(b"\nend of trees\n")[0]
    for end in {*np.linspace(0, len(text) - 1, 60).astype(int).tolist(), len(text) - 1}:
        with pytest.raises(Invalid):
            library.read(text[:end], NAMES)


def refusal(library: Library, artefact: bytes) -> str | None:
    """Return why an artefact is refused; None if it is read, and then it answers as any model does."""
    try:
        arrays = library.read(artefact, NAMES)
    except Invalid as error:
        return str(error)
    up = probabilities(arrays, ROWS)
    assert ((up > 0.0) & (up < 1.0)).all()
    return None


def test_a_file_changed_anywhere_is_read_or_refused_in_one_line(library: Library, whole: Learned) -> None:
    dice, refusals = np.random.default_rng(5), []
    for _ in range(150):
        artefact = bytearray(whole.artefact)
        artefact[int(dice.integers(len(artefact)))] = int(dice.integers(256))
        refusals.append(refusal(library, bytes(artefact)))
    said = [why for why in refusals if why is not None]
    assert len(said) > 20
    assert all("\n" not in why and len(why) < 600 for why in said)
