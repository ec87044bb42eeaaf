"""An edition is the same wherever the same code lies, and another as soon as one letter of it is."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray import __version__
from qt_ray.adapters.edition import edition, edition_of

pytestmark = pytest.mark.unit

HOUSE = {"__init__.py": b"", "core/money.py": b"x = 1\n", "core/ids.py": b"y = 2\n"}


def built(folder: Path, sources: dict[str, bytes]) -> Path:
    for name, source in sources.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(source)
    return folder


def test_a_copy_elsewhere_that_was_compiled_is_the_same_edition(tmp_path: Path) -> None:
    here = edition_of(built(tmp_path / "here", HOUSE))
    there = built(tmp_path / "there", HOUSE)
    built(there, {"__pycache__/money.pyc": b"compiled", "py.typed": b""})
    assert edition_of(there) == here
    assert here.startswith(f"{__version__}+")


@given(
    changed=st.sampled_from(
        [
            {**HOUSE, "core/money.py": b"x = 2\n"},
            {**HOUSE, "core/more.py": b""},
            {name: source for name, source in HOUSE.items() if name != "core/ids.py"},
            {"__init__.py": b"", "core/money.py": b"y = 2\n", "core/ids.py": b"x = 1\n"},
            {"__init__.py": b"x", "core/money.py": b"= 1\n", "core/ids.py": b"y = 2\n"},
        ]
    )
)
def test_whatever_changes_makes_another_edition(
    tmp_path_factory: pytest.TempPathFactory, changed: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("house")
    assert edition_of(built(folder / "one", HOUSE)) != edition_of(built(folder / "other", changed))
    shutil.rmtree(folder)


def test_a_process_keeps_the_edition_it_began_with() -> None:
    assert edition() == edition() == edition_of(Path(__file__).parents[3] / "qt_ray")
