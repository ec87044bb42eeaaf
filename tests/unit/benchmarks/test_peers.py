from pathlib import Path

import numpy as np
import pytest

from benchmarks import peers
from benchmarks.market import minute_bars, names, quantities

pytestmark = pytest.mark.unit


def test_a_finished_environment_is_used_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "PEERS", tmp_path)
    home = tmp_path / "nautilus"
    home.mkdir()
    (home / "installed.txt").write_text(peers.NAUTILUS)
    assert peers.nautilus_python() == home / "bin" / "python"
    assert sorted(path.name for path in home.iterdir()) == ["installed.txt"]


def test_an_environment_is_what_was_installed_in_that_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "PEERS", tmp_path)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "installed.txt").write_text("first==1\nsecond==2")
    assert peers.environment("two", "first==1", "second==2") == tmp_path / "two" / "bin" / "python"


def test_peers_read_the_same_bars_and_grids_without_pickles(tmp_path: Path) -> None:
    bars, instruments = minute_bars(3, 50)
    sizes = quantities(bars, instruments)
    peers.stored(tmp_path / "bars.npz", bars, instruments, sizes)
    with np.load(tmp_path / "bars.npz", allow_pickle=False) as read:
        assert np.array_equal(read["close"], bars.close)
        assert read["symbols"].tolist() == list(names(3))
        assert read["ticks"].tolist() == [format(i.tick, "f") for i in instruments]
        assert read["quantities"].tolist() == [format(size, "f") for size in sizes]


def test_quantities_are_whole_steps_worth_about_the_notional() -> None:
    bars, instruments = minute_bars(20, 2)
    for size, instrument, price in zip(quantities(bars, instruments), instruments, bars.close[0], strict=True):
        assert size % instrument.step == 0
        assert 9_900 < float(size) * price <= 10_000
