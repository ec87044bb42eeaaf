"""Parity: whoever serves something else than its library says is not registered."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from qt_ray.ai.members.member import Evidence, Member, Opinions
from qt_ray.core.errors import Invalid
from qt_ray.jobs.training.parity import PARITY_MAX, parity
from tests.unit.jobs.training.tiny import tiny

pytestmark = pytest.mark.unit


@dataclass(frozen=True)
class Liar:
    """A member that says something else than it knows, about one row of those it is shown."""

    honest: Member
    by: float

    @property
    def kind(self) -> str:
        return self.honest.kind

    @property
    def lookback(self) -> int:
        return self.honest.lookback

    def opine(self, evidence: Evidence) -> Opinions:
        said = self.honest.opine(evidence)
        spoke = np.flatnonzero(np.isfinite(said.up))
        up = said.up.copy()
        up[spoke[len(spoke) // 2]] += self.by
        return replace(said, up=up)


def test_honest_members_are_told_by_how_little_they_differ() -> None:
    made = tiny()
    told = parity(made.fitted, made.learned, made.sample.take(made.parts.test))
    assert set(told) == {"parity.xgboost", "parity.lightgbm"}
    assert all(0.0 <= apart <= PARITY_MAX for apart in told.values())


@pytest.mark.parametrize("by", [0.01, -2 * PARITY_MAX, np.inf])
def test_a_member_that_lies_about_one_row_is_refused(by: float) -> None:
    made = tiny()
    fitted = replace(made.fitted, members={**made.fitted.members, "xgboost": Liar(made.fitted.members["xgboost"], by)})
    with pytest.raises(Invalid, match="xgboost: served as its library says, 1e-05 apart at most, was"):
        parity(fitted, made.learned, made.sample.take(made.parts.test))


def test_a_model_of_another_training_is_refused() -> None:
    made = tiny()
    swapped = {**made.learned, "xgboost": replace(made.learned["xgboost"], artefact=_first_tree())}
    with pytest.raises(Invalid, match="xgboost: served as its library says"):
        parity(made.fitted, swapped, made.sample.take(made.parts.test))


def _first_tree() -> bytes:
    import xgboost

    booster = xgboost.Booster(model_file=bytearray(tiny().learned["xgboost"].artefact))
    return bytes(booster[:1].save_raw("json"))
