"""Household: every process that a running fund has on this machine, by who it is, and what each of them costs.

The system's own books are read, so nothing is asked or slowed down. Memory is the proportional share (PSS): pages that
several processes have in common are shared out among them, so the sum is what the machine would have back.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qt_ray.actors.topology import PARTS
from qt_ray.adapters.usage import usage_of

PROC: Final = Path("/") / "proc"
PARENT_AT: Final = 1
KIB: Final = 1_024
WORKER: Final = re.compile(r"ray::(?P<name>[A-Za-z_]+)")
DAEMONS, DASHBOARD, SERVE, REDIS, VENUE, DRIVER = "Ray's daemons", "Ray's dashboard", "Serve", "Redis", "venue", "qt up"
IDLE: Final = "idle workers"
# The first that fits; what begins several is named after what it begins for.
COMMANDS: Final[tuple[tuple[str, str, str], ...]] = (
    ("dashboard", DASHBOARD, r"ray-dashboard-|dashboard/dashboard\.py|multiprocessing\.(forkserver|resource_tracker)"),
    ("gcs_server", DAEMONS, r"gcs/gcs_server"),
    ("raylet", DAEMONS, r"raylet/raylet"),
    ("log_monitor", DAEMONS, r"log_monitor\.py"),
    ("autoscaler", DAEMONS, r"autoscaler/.*monitor\.py"),
    ("reaper", DAEMONS, r"ray_process_reaper\.py"),
    ("redis-server", REDIS, r"redis-server"),
    ("paper-venue", VENUE, r"paper-venue"),
    ("qt up", DRIVER, r"qt_ray\.cli\.main up"),
)
AGENTS: Final = {"DashboardAgent": DASHBOARD, "RuntimeEnvAgent": DAEMONS, "IDLE": IDLE}
PART_NAMES: Final = frozenset(part.name for part in PARTS)
OTHERS: Final = "others"


@dataclass(frozen=True, slots=True)
class Member:
    """One process: what it is called, the group it belongs to, its memory and the processor time it has used."""

    name: str
    group: str
    memory_bytes: int
    cpu_s: float


def household(root: int, proc: Path = PROC) -> dict[int, Member]:
    """Return the process `root` and all that it or they have begun and that still live, by number."""
    found: dict[int, Member] = {}
    for pid in family(root, proc):
        with suppress(FileNotFoundError, ProcessLookupError):
            if (member := _member(pid, proc)) is not None:
                found[pid] = member
    return found


def family(root: int, proc: Path = PROC) -> list[int]:
    """Return a process and all below it, parents before their children."""
    parents = {pid: parent for pid in _living(proc) if (parent := _parent(pid, proc)) is not None}
    found = [root]
    for one in found:
        found += [pid for pid, parent in parents.items() if parent == one]
    return found


def named(command: str) -> tuple[str, str]:
    """Return what a process with this command line is called, and its group."""
    if worker := WORKER.match(command):
        name = worker["name"]
        if name in PART_NAMES:
            return name, name
        return name, AGENTS.get(name, SERVE)
    return next(((name, group) for name, group, form in COMMANDS if re.search(form, command)), (command[:40], OTHERS))


def spent(before: Mapping[int, Member], after: Mapping[int, Member]) -> dict[str, float]:
    """Return the processor seconds of each group between two looks; who was born in between began with none."""
    found: dict[str, float] = {}
    for pid, member in after.items():
        then = before[pid].cpu_s if pid in before else 0.0
        found[member.group] = found.get(member.group, 0.0) + member.cpu_s - then
    return found


def held(members: Mapping[int, Member]) -> dict[str, int]:
    """Return the memory of each group."""
    found: dict[str, int] = {}
    for member in members.values():
        found[member.group] = found.get(member.group, 0) + member.memory_bytes
    return found


def _member(pid: int, proc: Path) -> Member | None:
    usage = usage_of(pid, proc)
    if usage is None:
        return None
    command = (proc / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    name, group = named(command)
    return Member(name, group, _share_bytes(pid, proc), usage.cpu_s)


def _share_bytes(pid: int, proc: Path) -> int:
    rows = (line.split() for line in (proc / str(pid) / "smaps_rollup").read_text().splitlines())
    return next((int(row[1]) * KIB for row in rows if row[0] == "Pss:"), 0)


def _living(proc: Path) -> list[int]:
    return [int(name) for name in os.listdir(proc) if name.isdecimal()]


def _parent(pid: int, proc: Path) -> int | None:
    try:
        return int((proc / str(pid) / "stat").read_text().rpartition(")")[2].split()[PARENT_AT])
    except (FileNotFoundError, ProcessLookupError):
        return None
