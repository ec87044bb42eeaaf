"""A Ray is told once, before it is there; the user's word stays, and a Ray of somebody else's is left as it is."""

import mmap
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from qt_ray.adapters.ray_variables import ENVIRONMENT, TRADING, export

pytestmark = pytest.mark.unit

FOUND = find_spec("ray")
RAY = Path(FOUND.origin).parent if FOUND is not None and FOUND.origin else None
# Ray ignores a name that it does not know, so each is looked up where it is read.
READ_IN = {
    "AUTOSCALER_UPDATE_INTERVAL_S": "autoscaler/_private/constants.py",
    "RAY_LOG_MONITOR_MANY_FILES_THRESHOLD": "_private/log_monitor.py",
    "LOG_NAME_UPDATE_INTERVAL_S": "_private/log_monitor.py",
    "REPORTER_UPDATE_INTERVAL_MS": "dashboard/modules/reporter/reporter_consts.py",
    "METRICS_RECORD_INTERVAL_S": "dashboard/consts.py",
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "serve/_private/constants.py",
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "serve/_private/constants.py",
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "serve/_private/constants.py",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "serve/_private/constants.py",
}


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*ENVIRONMENT, *TRADING, "RAY_AUTH_MODE"):
        monkeypatch.setenv(name, "")  # so that what a test sets is taken back
        monkeypatch.delenv(name)


def test_a_ray_of_our_own_is_told_more_than_one_that_is_joined() -> None:
    export()
    assert ENVIRONMENT.items() <= os.environ.items()
    assert not TRADING.keys() & os.environ.keys()
    export(trades=True)
    assert TRADING.items() <= os.environ.items()


def test_the_user_s_word_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORTER_UPDATE_INTERVAL_MS", "1")
    export(trades=True)
    assert os.environ["REPORTER_UPDATE_INTERVAL_MS"] == "1"


@pytest.mark.parametrize("name", TRADING)
def test_ray_still_reads_each_of_them(name: str) -> None:
    if RAY is None:
        pytest.fail("Ray is installed where its variables are tested, was not")
    with (
        (RAY / READ_IN.get(name, "core/src/ray/raylet/raylet")).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
    ):
        assert text.find((name if name in READ_IN else name.removeprefix("RAY_")).encode()) >= 0
