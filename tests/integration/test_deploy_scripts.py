"""The scripts of `deploy`: what they need they say, what they begin they end, and nothing of anybody else."""

import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
TRY, SUBMIT = ROOT / "deploy" / "try-ray-up", ROOT / "deploy" / "submit-train"
RAY = """#!/bin/sh
while [ "$1" != --working-dir ]; do shift; done
ls "$2"; find "$2" -name __pycache__ | wc -l
while [ "$1" != -- ]; do shift; done
echo "$@"
"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Return the trial as a module."""
    loader = SourceFileLoader("try_ray_up", str(TRY))
    spec = spec_from_loader("try_ray_up", loader)
    assert spec is not None
    found = module_from_spec(spec)
    sys.modules["try_ray_up"] = found
    is_kept, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loader.exec_module(found)
    sys.dont_write_bytecode = is_kept
    return found


def test_a_trial_without_its_tools_says_what_it_needs(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, TRY], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 3
    assert "rsync (Debian: openssh-server, rsync)" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_only_what_bears_the_mark_is_ended(script: ModuleType) -> None:
    def asleep(**also: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(["sleep", "60"], env={"PATH": os.environ["PATH"], **also}, start_new_session=True)

    with asleep(TRY_RAY_UP="qt-up-a") as ours, asleep(TRY_RAY_UP="qt-up-ab") as other, asleep() as stranger:
        try:
            # A process that has just been begun still has our own environment for a moment.
            while script.marked("qt-up-a") != [ours.pid]:
                assert ours.poll() is None
            script.end_marked("qt-up-a")
            assert ours.wait(10) != 0
            assert (other.poll(), stranger.poll()) == (None, None)
        finally:
            for process in (ours, other, stranger):
                process.kill()


def test_a_process_that_does_not_listen_is_ended_all_the_same(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "END_S", 0.2)
    deaf = [
        sys.executable,
        "-c",
        "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); signal.pause()",
    ]
    with subprocess.Popen(deaf, env={"TRY_RAY_UP": "qt-up-deaf"}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"deaf\n"
        script.end_marked("qt-up-deaf")
        assert process.wait(10) == -9


def test_files_are_left_as_they_were_found(script: ModuleType, tmp_path: Path) -> None:
    there, absent = tmp_path / "there", tmp_path / "absent"
    there.write_text("somebody's")
    with script.as_before(there, absent):
        there.write_text("ours")
        absent.write_text("ours")
    assert there.read_text() == "somebody's"
    assert not absent.exists()


def test_a_job_brings_the_program_and_its_settings_and_registers_where_it_is_kept(tmp_path: Path) -> None:
    for name, text in (("python", "#!/bin/sh\n"), ("ray", RAY)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    told = {"PATH": os.environ["PATH"], "QT_PYTHON": str(tmp_path / "python"), "QT_JOB_HOME": "/shared"}
    ended = subprocess.run([SUBMIT, "--members", "xgboost"], env=told, capture_output=True, text=True, check=True)
    *staged, compiled, words = ended.stdout.splitlines()
    assert (staged, compiled.strip()) == (["configs", "qt_ray"], "0")
    home = "--root /shared/models --set data.root=/shared/data --set train.work=/shared/runs/training"
    assert words == f"-- {tmp_path}/python -m qt_ray.cli.main train {home} --members xgboost"


def test_a_job_without_an_interpreter_is_one_line(tmp_path: Path) -> None:
    told = {"PATH": os.environ["PATH"], "QT_PYTHON": str(tmp_path / "nowhere")}
    ended = subprocess.run([SUBMIT], env=told, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (3, 1)
    assert "name one in QT_PYTHON" in ended.stderr
