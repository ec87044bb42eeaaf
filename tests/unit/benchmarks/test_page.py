from pathlib import Path

import pytest

from benchmarks.__main__ import Measured, commit, main, measured, page
from benchmarks.form import Sample, at_least, at_most

pytestmark = pytest.mark.unit

SHORT = at_least("slow thing", "x/s", Sample(1.0, 3, (1.0, 1.0)), 2.0)
LOST = at_most("fills lost", "count", Sample(1.0, 1, (1.0, 1.0)), 0)


def test_the_page_says_what_falls_short_what_failed_and_what_was_complained_about() -> None:
    found = [Measured("money", [SHORT], "", ("seed 7: lost",)), Measured("market", [], "Invalid: no bars")]
    text = page(found, "python -m benchmarks", False)
    assert "1 rows, 1 of them fall short" in text
    assert "| slow thing | 1 | x/s |  |  | 2 | **FALLS SHORT** | 3 | 1 to 1 |" in text
    assert "**Failed:** Invalid: no bars" in text
    assert "seed 7: lost" in text
    assert f"of commit {commit()}" in text


def test_a_page_that_is_not_complete_says_what_is_still_to_come() -> None:
    assert "still to come" not in page([Measured("money", [SHORT])], "c", False)
    assert "**not complete**, still to come: market" in page([Measured("money", [SHORT])], "c", False, ["market"])


def test_a_complaint_without_end_is_cut_and_says_so() -> None:
    text = page([Measured("money", [], "", tuple(f"seed {n}" for n in range(1_000)))], "c", False)
    assert "and 900 more" in text
    assert "seed 500" not in text


def test_slow_is_no_failure_and_something_of_what_must_be_nothing_is() -> None:
    assert not Measured("money", [SHORT]).is_bad
    assert Measured("money", [LOST]).is_bad
    assert Measured("money", [], "broken").is_bad


def test_a_benchmark_that_fails_is_reported_and_not_raised() -> None:
    found = measured("no_such_benchmark", True)
    assert found.rows == []
    assert "no_such_benchmark" in found.failure


def test_a_benchmark_without_end_is_ended_and_said_to_be_late() -> None:
    assert measured("form", True, 0.0).failure == "did not finish within 0 s"


def test_the_page_is_written_after_each_module(tmp_path: Path) -> None:
    target, seen = tmp_path / "page.md", list[str]()

    def fake(name: str, quick: bool) -> Measured:
        seen.append(target.read_text() if target.exists() else "")
        return Measured(name, [LOST if name == "market" else SHORT])

    assert main(["money", "market", "--quick", "--out", str(target)], fake) == 1
    assert seen[0] == ""
    assert "still to come: market" in seen[1]
    assert "still to come" not in target.read_text()
