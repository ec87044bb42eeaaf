"""What the machine does not know is left out; nothing is made up."""

import os
from pathlib import Path

import pytest

from qt_ray.adapters.monitor_memory import MonitorMemory
from qt_ray.adapters.usage import Meter, machine, usage_of

pytestmark = pytest.mark.unit


def proc(folder: Path, pid: int, ticks: int, pages: int) -> Path:
    here = folder / str(pid)
    here.mkdir(parents=True, exist_ok=True)
    rest = " ".join(["S", *["0"] * 10, str(ticks), "0", *["0"] * 20])
    (here / "stat").write_text(f"{pid} (ray::Desk (x)) {rest}")
    (here / "statm").write_text(f"900 {pages} 3 4 5 6 7")
    return folder


def test_a_process_is_read_off_proc(tmp_path: Path) -> None:
    found = usage_of(7, proc(tmp_path, 7, ticks=250, pages=3))
    assert found is not None
    assert found.memory_bytes == 3 * os.sysconf("SC_PAGE_SIZE")
    assert found.cpu_s == 250 / os.sysconf("SC_CLK_TCK")
    assert usage_of(8, tmp_path) is None


def test_a_share_of_a_processor_needs_two_readings(tmp_path: Path) -> None:
    now_ns = [0]
    meter = Meter(lambda: now_ns[0], proc(tmp_path, 7, ticks=0, pages=1))
    assert meter.read(7)["cpu_share"] is None
    now_ns[0] = 10**9
    proc(tmp_path, 7, ticks=os.sysconf("SC_CLK_TCK") // 2, pages=1)
    assert meter.read(7)["cpu_share"] == 0.5
    assert meter.read(9) == {}


def test_a_machine_without_proc_still_has_a_disk(tmp_path: Path) -> None:
    found = machine(tmp_path, tmp_path / "nothing")
    assert found["disk_free_bytes"] > 0
    assert "memory_bytes" not in found
    assert "disk_bytes" not in machine(tmp_path / "nowhere", tmp_path)


def test_a_monitor_that_is_begun_anew_shows_the_same_life(tmp_path: Path) -> None:
    memory = MonitorMemory(tmp_path / "lives" / "monitor.json")
    assert memory.began_ms(100, was_reconstructed=True) == 100
    assert memory.began_ms(200, was_reconstructed=True) == 100
    assert memory.began_ms(300, was_reconstructed=False) == 300
    assert memory.began_ms(250, was_reconstructed=True) == 250
    (tmp_path / "lives" / "monitor.json").write_bytes(b"{")
    assert memory.began_ms(400, was_reconstructed=True) == 400
