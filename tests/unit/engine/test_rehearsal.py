"""A rehearsal goes through every stage, wants something, and is the same each time."""

import pytest

from qt_ray.engine.rehearsal import rehearsed

pytestmark = pytest.mark.unit


def test_a_rehearsal_asks_every_stage_about_something_that_is_wanted() -> None:
    decision = rehearsed()
    assert (decision.rows["wish"] != 0).any()
    assert decision.digest() == rehearsed().digest()
