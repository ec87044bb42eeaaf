"""Run files: what is written comes back whole, and nothing else comes back."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.run_files import BALLOT, ROWS, check_place, open_run, save_run
from qt_ray.ai.baselines import baseline
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.core.records import dtype
from qt_ray.engine.backtest import run_backtest
from qt_ray.engine.run import Run
from tests.unit.ai.ensemble.living import living
from tests.unit.engine.funds import lively

pytestmark = [
    pytest.mark.unit,
    # A spoilt header may make numpy warn before it fails.
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning"),
]

BARS, SETUP = lively(count=200, symbols=2)
RUN = run_backtest(SETUP, BARS, baseline("ema_cross", 2, {}))
HEARD = run_backtest(SETUP, BARS, living(BARS.symbols))
WRITTEN = {**ROWS, **BALLOT}


def saved(folder: Path, run: Run = RUN) -> Path:
    save_run(folder, run, {"fund": {"name": "x"}}, {"final": "1"})
    return folder


def read(folder: Path, name: str) -> bytes | str:
    """Return the rows as bytes, or why not."""
    try:
        return open_run(folder).rows(name).tobytes()
    except Invalid as error:
        return str(error)


def test_a_run_comes_back_byte_by_byte(tmp_path: Path) -> None:
    recorded = open_run(saved(tmp_path / "deep" / "run")).checked()
    assert (recorded.names, recorded.ballot) == (tuple(ROWS), None)
    assert recorded.digests == RUN.digests
    assert recorded.symbols == list(BARS.symbols)
    assert recorded.settings == {"fund": {"name": "x"}}
    assert recorded.manifest["summary"] == {"final": "1"}
    assert recorded.manifest["initial"] == RUN.initial
    for name in ROWS:
        rows = recorded.rows(name)
        assert (rows.dtype, rows.shape) == (dtype(ROWS[name]), getattr(RUN, name).shape)
        assert rows.tobytes() == getattr(RUN, name).tobytes()


def test_everybodys_votes_come_back_with_the_run_of_an_ensemble(tmp_path: Path) -> None:
    recorded = open_run(saved(tmp_path, HEARD)).checked()
    assert recorded.names == (*ROWS, *BALLOT)
    assert recorded.digests == HEARD.digests
    assert recorded.ballot is not None
    assert recorded.ballot.votes.shape == (200, 2, 4)
    assert recorded.ballot.votes.tobytes() == HEARD.votes.tobytes()
    assert recorded.ballot.outlook.tobytes() == HEARD.outlook.tobytes()


def test_a_run_without_a_fill_comes_back_too(tmp_path: Path) -> None:
    idle = run_backtest(SETUP, BARS.window(0, 5), baseline("trend", 2, {}))
    assert len(idle.fills) == 0
    assert len(open_run(saved(tmp_path, idle)).checked().rows("fills")) == 0


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(sorted(WRITTEN)), place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_any_changed_byte_is_refused_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, name: str, place: float, flip: int
) -> None:
    folder = saved(tmp_path_factory.mktemp("run"), HEARD)
    content = bytearray((folder / f"{name}.npy").read_bytes())
    header = 10 + int.from_bytes(content[8:10], "little")
    at = int(place * 2 * header) if place < 0.5 else int(place * len(content))
    content[min(at, len(content) - 1)] ^= flip
    (folder / f"{name}.npy").write_bytes(content)
    found = read(folder, name)
    if isinstance(found, str):
        assert found.startswith(str(folder / f"{name}.npy"))
    else:
        assert found == getattr(HEARD, name).tobytes()
        assert at < header


@settings(max_examples=20, deadline=None)
@given(name=st.sampled_from(sorted(WRITTEN)), share=st.floats(0, 0.999))
def test_an_array_cut_anywhere_is_refused(tmp_path_factory: pytest.TempPathFactory, name: str, share: float) -> None:
    folder = saved(tmp_path_factory.mktemp("run"), HEARD)
    content = (folder / f"{name}.npy").read_bytes()
    (folder / f"{name}.npy").write_bytes(content[: int(share * len(content))])
    with pytest.raises(Invalid, match="whole array"):
        open_run(folder).checked()


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_rows_of_another_layout_are_named_as_such(tmp_path: Path, name: str) -> None:
    folder = saved(tmp_path, HEARD)
    for other in (np.zeros(3), np.zeros(4, dtype(WRITTEN["fills" if name != "fills" else "cycles"]))):
        np.save(folder / f"{name}.npy", other)
        with pytest.raises(Invalid, match=rf"{name}\.npy: rows have this version's layout"):
            open_run(folder).rows(name)


def test_decisions_laid_out_for_other_symbols_are_refused_even_with_the_same_bytes(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    np.save(folder / "decisions.npy", RUN.decisions.reshape(-1, 4))
    with pytest.raises(Invalid, match="this version's layout"):
        open_run(folder).rows("decisions")


@pytest.mark.parametrize("name", sorted(BALLOT))
def test_half_a_ballot_is_none(tmp_path: Path, name: str) -> None:
    manifest = saved(tmp_path, HEARD) / "run.json"
    told = orjson.loads(manifest.read_bytes())
    del told["digests"][name]
    manifest.write_bytes(orjson.dumps(told))
    with pytest.raises(Invalid, match="digests has all of votes, outlook or none, had one"):
        open_run(tmp_path)


def test_an_array_of_objects_is_not_unpickled(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    np.save(folder / "fills.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(Invalid, match="whole array"):
        open_run(folder).rows("fills")


def test_a_new_run_replaces_the_old_one_and_leaves_no_drafts(tmp_path: Path) -> None:
    saved(tmp_path, HEARD)
    other = run_backtest(replace(SETUP, initial=SETUP.initial * 2), BARS, baseline("ema_cross", 2, {}))
    saved(tmp_path, other)
    assert open_run(tmp_path).checked().digests == other.digests
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", *(f"{name}.npy" for name in ROWS)}


def test_a_folder_that_lost_its_manifest_is_no_run(tmp_path: Path) -> None:
    (saved(tmp_path) / "run.json").unlink()
    with pytest.raises(Invalid, match=r"a run is a folder with a run\.json, found none"):
        open_run(tmp_path)


@pytest.mark.parametrize("place", ["file", "file/run", "file/deep/run"])
def test_a_file_is_no_place_for_a_run(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    for attempt in (lambda: check_place(tmp_path / place), lambda: saved(tmp_path / place)):
        with pytest.raises(InvalidConfig, match="a folder to write into"):
            attempt()
    assert (tmp_path / "file").read_text() == "mine"


NOBODY = """
import os
from pathlib import Path
from qt_ray.adapters.run_files import check_place
if os.geteuid() == 0:
    os.setuid(65534)
try:
    check_place(Path("/nobody-may-write-here/run"))
except PermissionError as error:
    print(error.filename)
"""


def test_a_folder_this_user_may_not_write_is_named(tmp_path: Path) -> None:
    words = [sys.executable, "-c", NOBODY]
    ended = subprocess.run(words, capture_output=True, text=True, check=True, timeout=100)
    assert ended.stdout == "/\n"


def test_a_place_that_does_not_exist_yet_is_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for place in (tmp_path / "a" / "b", tmp_path, Path("runs/new"), Path()):
        check_place(place)
    assert list(tmp_path.iterdir()) == []
