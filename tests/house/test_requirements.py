"""Requirements: each is held by a test that names it, and nothing names what is none. SPEC chapter 8."""

import pytest

from docs.proofs import complaints, page, proofs, proofs_in
from docs.requirements import CHAPTERS, REQUIREMENTS, Chapter, Requirement

pytestmark = pytest.mark.unit

FOUNDING = Chapter(
    "Founding", (Requirement("P0-01", "one store"), Requirement("P0-09", "later", "not yet")), "p0_patches"
)
MARKED = """
@pytest.mark.p0_patches
@pytest.mark.requirement("P0-01")
async def test_a() -> None: ...
"""


def test_every_requirement_is_held_by_a_test_that_names_it() -> None:
    assert complaints(proofs()) == []


def test_each_id_is_of_one_requirement_and_the_founding_ones_are_all_there() -> None:
    assert len(REQUIREMENTS) == sum(len(chapter.rows) for chapter in CHAPTERS)
    counted = {"L": 12, "P0-0": 7, "P1-0": 5, "Sprint5-": 10, "Scenario-": 10}
    assert {f"{name}{n}" for name, most in counted.items() for n in range(1, most + 1)} <= REQUIREMENTS.keys()


def test_nothing_that_was_founded_first_is_open() -> None:
    begun = ("L", "P0-", "P1-", "Sprint5-", "Scenario-")
    assert [known for known, row in REQUIREMENTS.items() if row.open and known.startswith(begun)] == []


def test_a_page_names_every_requirement_and_every_test() -> None:
    text = page()
    assert [known for known in REQUIREMENTS if f"| {known} |" not in text] == []
    assert [proof for proof in proofs() if proof.place not in text] == []


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (MARKED, None),
        ("pytestmark = [pytest.mark.p0_patches, pytest.mark.requirement('P0-01')]\n", None),
        ("pytestmark = pytest.mark.p0_patches\n" + MARKED.replace("@pytest.mark.p0_patches\n", ""), None),
        ("def test_a() -> None: ...\n", "P0-01: no test holds it"),
        (MARKED.replace("@pytest.mark.p0_patches\n", ""), "does not bear the marker p0_patches"),
        (MARKED + MARKED.replace("P0-01", "P0-08").replace("test_a", "test_b"), "test_b: names P0-08"),
    ],
    ids=["a test", "a module", "both", "nobody", "no marker", "unknown"],
)
def test_what_is_wrong_is_found_and_the_innocent_are_left_alone(source: str, complaint: str | None) -> None:
    found = complaints([*proofs_in("tests/test_x.py", source)], [FOUNDING])
    assert [bool(complaint) and complaint in said for said in found] == [True] * bool(complaint)
