"""SPEC chapter 2, stages: what protects is always in force, and what decides gains authority one stage at a time."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from qt_ray.core.policy import Stage
from qt_ray.governance.stages import TABLE, Actor, Authority, authorities, authority

pytestmark = [pytest.mark.unit, pytest.mark.requirement("S2 Stages")]


@pytest.mark.parametrize("actor", Actor)
def test_authority_grows_by_one_step_at_a_time_and_never_falls_as_the_stage_rises(actor: Actor) -> None:
    row = [authority(stage, actor) for stage in Stage]
    assert all(after - before in (0, 1) for before, after in pairwise(row))


def test_nothing_but_protection_acts_at_the_first_stage() -> None:
    acts = {actor for actor in Actor if authority(Stage.OBSERVATION, actor) is Authority.ENFORCED}
    assert acts == {Actor.SAFETY_GOVERNOR}
    assert all(authority(Stage.AUTONOMY, actor) is Authority.ENFORCED for actor in Actor)


def test_the_table_is_whole_and_is_logged_by_name() -> None:
    assert len(TABLE) == len(Stage) * len(Actor)
    assert authorities(Stage.PARTIAL)["hedge_fund_os"] == "ADVISORY"


def test_the_page_for_people_has_the_table_as_it_is() -> None:
    page = (Path(__file__).parents[3] / "docs" / "coordination.md").read_text("utf-8")
    rows = re.findall(r"^\| ([a-zA-Z ]+) \| ([a-z]+) \| ([a-z]+) \| ([a-z]+) \| ([a-z]+) \|$", page, re.MULTILINE)
    shown = {name.lower().replace(" ", "_"): cells for name, *cells in rows}
    assert shown == {actor.value: [authority(stage, actor).name.lower() for stage in Stage] for actor in Actor}
