"""A household is counted whole: who belongs to it, who he is, and what he cost between two looks."""

from pathlib import Path

import pytest

from benchmarks.household import Member, family, held, household, named, spent
from qt_ray.actors.topology import PARTS, Part

pytestmark = pytest.mark.unit

KIB = 1_024


def born(proc: Path, pid: int, parent: int, command: str = "", ticks: int = 0, pss_kib: int = 0) -> None:
    """Write a process into a folder that looks like the system's; its name is as awkward as a name may be."""
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    fields = ["S", str(parent), *["0"] * 9, str(ticks), *["0"] * 30]
    (folder / "stat").write_text(f"{pid} (a ) b) {' '.join(fields)}\n")
    (folder / "statm").write_text("100 50 10 0 0 0 0\n")
    (folder / "cmdline").write_bytes(command.replace(" ", "\0").encode())
    (folder / "smaps_rollup").write_text(f"55-7f ---p 00 00:00 0 [rollup]\nRss: 99 kB\nPss: {pss_kib} kB\n")


def test_a_family_is_all_that_was_begun_below_and_nobody_else(tmp_path: Path) -> None:
    for pid, parent in ((1, 0), (10, 1), (11, 10), (12, 11), (20, 1), (21, 20)):
        born(tmp_path, pid, parent)
    (tmp_path / "meminfo").write_text("")
    assert family(10, tmp_path) == [10, 11, 12]


def test_a_household_knows_what_each_costs_and_leaves_out_who_has_just_gone(tmp_path: Path) -> None:
    born(tmp_path, 10, 1, "python -m qt_ray.cli.main up --profile paper", pss_kib=5)
    born(tmp_path, 11, 10, "ray::Desk", ticks=300, pss_kib=7)
    born(tmp_path, 12, 10, "ray::Feed")
    (tmp_path / "12" / "smaps_rollup").unlink()
    found = household(10, tmp_path)
    assert {pid: (one.name, one.group, one.memory_bytes) for pid, one in found.items()} == {
        10: ("qt up", "qt up", 5 * KIB),
        11: ("Desk", "Desk", 7 * KIB),
    }
    assert found[11].cpu_s > 0
    assert held(found) == {"qt up": 5 * KIB, "Desk": 7 * KIB}


@pytest.mark.parametrize(
    ("command", "name", "group"),
    [
        ("/x/ray/core/src/ray/gcs/gcs_server --log_dir=/y", "gcs_server", "Ray's daemons"),
        ("/x/ray/core/src/ray/raylet/raylet --dashboard_agent_command=x/dashboard/agent.py", "raylet", "Ray's daemons"),
        ("python -u /x/ray/_private/log_monitor.py --session-dir=/y", "log_monitor", "Ray's daemons"),
        ("python -u /x/ray/autoscaler/_private/monitor.py", "autoscaler", "Ray's daemons"),
        ("python /x/ray/dashboard/dashboard.py --host=127.0.0.1", "dashboard", "Ray's dashboard"),
        ("ray-dashboard-NodeHead-0 (python -c from multiprocessing)", "dashboard", "Ray's dashboard"),
        ("ray::DashboardAgent", "DashboardAgent", "Ray's dashboard"),
        ("ray::RuntimeEnvAgent", "RuntimeEnvAgent", "Ray's daemons"),
        ("ray::IDLE", "IDLE", "idle workers"),
        ("ray::ServeReplica:qt-paper-main-inference:inference", "ServeReplica", "Serve"),
        ("ray::ServeController.listen_for_change", "ServeController", "Serve"),
        ("ray::PolicyStore.watch", "PolicyStore", "PolicyStore"),
        ("/usr/bin/redis-server unixsocket:/x/redis.sock", "redis-server", "Redis"),
        ("python -m qt_ray.cli.main paper-venue --port 0 --tied", "paper-venue", "venue"),
        ("sleep 5", "sleep 5", "others"),
    ],
)
def test_a_process_is_known_by_its_command(command: str, name: str, group: str) -> None:
    assert named(command) == (name, group)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_part_is_a_group_of_its_own(part: Part) -> None:
    assert named(f"ray::{part.name}") == (part.name, part.name)


def test_what_was_spent_is_counted_from_birth_for_who_was_not_there_before() -> None:
    before = {1: Member("Desk", "Desk", 0, 3.0), 2: Member("IDLE", "idle workers", 0, 1.0)}
    after = {1: Member("Desk", "Desk", 0, 3.5), 3: Member("Desk", "Desk", 0, 0.25)}
    assert spent(before, after) == {"Desk": 0.75}
