"""Recorded: from a folder back to what a run was made of."""

import json
from pathlib import Path

import pytest

from qt_ray.adapters.config import Loaded, load
from qt_ray.adapters.run_files import Recorded, open_run, save_run
from qt_ray.core.errors import Invalid
from qt_ray.engine.run import Run
from qt_ray.jobs.backtest import run_material
from qt_ray.jobs.fund import material
from qt_ray.jobs.recorded import recorded_material, recorded_run, recorded_settings, settings_of

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
FLAGS = {
    "data.source": "synthetic",
    "data.synthetic_bars": "200",
    "market.symbols": "AAAUSDT,BBBUSDT",
    "venue.taker_bps": "7",
    "policy.mode": "DEFENSIVE",
}
SECRET = {"QT_CREDENTIALS__API_KEY": "canary", "QT_CREDENTIALS__API_SECRET": "canary"}


def saved(folder: Path) -> tuple[Loaded, Run, Recorded]:
    told = load("backtest", FLAGS, SECRET, ROOT)
    run = run_material(material(told))
    save_run(folder, run, settings_of(told), {})
    return told, run, open_run(folder)


def test_settings_policy_and_bars_come_back_and_make_the_same_run(tmp_path: Path) -> None:
    told, run, recorded = saved(tmp_path)
    again = recorded_material(recorded)
    assert recorded_settings(recorded) == told.settings.model_copy(
        update={"credentials": type(told.settings.credentials)()}
    )
    assert again.setup == material(told).setup
    assert run_material(again).digests == run.digests


def test_secrets_are_not_written_down(tmp_path: Path) -> None:
    saved(tmp_path)
    assert "canary" not in (tmp_path / "run.json").read_text()


def test_a_recorded_run_is_the_run_with_the_units_of_its_own_setup(tmp_path: Path) -> None:
    _, run, recorded = saved(tmp_path)
    back = recorded_run(recorded)
    assert back.digests == run.digests
    assert back.instruments == run.instruments
    assert back.initial == run.initial
    for name in ("cycles", "decisions", "fills"):
        assert getattr(back, name).tobytes() == getattr(run, name).tobytes()


def test_settings_of_another_version_name_the_first_key_that_does_not_fit(tmp_path: Path) -> None:
    saved(tmp_path)
    manifest = json.loads((tmp_path / "run.json").read_text())
    manifest["settings"]["venue"]["moon"] = 1
    (tmp_path / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(Invalid, match=r"settings of another version, venue\.moon"):
        recorded_material(open_run(tmp_path))
