"""Head restart: the whole head of a Ray is killed and begun again on the same Redis, and a detached part lives again.

Head, Redis, ports and folder are our own, and only they are ended. The part keeps a number in a file, as ours keep
their books, and its constructor reads it back. Ready means that it answers, under its old name, with what it had kept.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from benchmarks.form import Row, Sample, at_most, main
from qt_ray.adapters.redis.server import server_binary

READY_MAX_S = 30.0
WITHIN_S = 90.0
RUNS = 3
PART = """
import sys, ray
from pathlib import Path
address, place, wanted = sys.argv[1:]
ray.init(address=address, namespace="qt-restart", log_to_driver=False, logging_level="ERROR")

@ray.remote(num_cpus=0, max_restarts=-1)
class Keeper:
    def __init__(self, place):
        self.place = Path(place)
    def add(self):
        self.place.write_text(str(self.count() + 1))
        return self.count()
    def count(self):
        return int(self.place.read_text()) if self.place.exists() else 0

if wanted == "begin":
    keeper = Keeper.options(name="keeper", lifetime="detached").remote(place)
    print(ray.get(keeper.add.remote(), timeout=60))
else:
    print(ray.get(ray.get_actor("keeper").count.remote(), timeout=10))
"""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def redis(folder: Path, word: str) -> Iterator[int]:
    """Run a Redis on a port of this machine, which Ray needs, as durable as its disk."""
    port, settings = free_port(), folder / "redis.conf"
    lines = ("bind 127.0.0.1", f"port {port}", f"requirepass {word}", f'dir "{folder}"', "appendonly yes")
    settings.write_text("\n".join((*lines, "appendfsync always", 'save ""', "maxmemory-policy noeviction")) + "\n")
    process = subprocess.Popen([server_binary(), settings], stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


class Head:
    """A head of our own, which may be killed and begun again."""

    def __init__(self, folder: Path, redis_port: int, word: str) -> None:
        self.port, self._folder, self._word = free_port(), folder, word
        self.environ = {
            **os.environ,
            "RAY_REDIS_ADDRESS": f"127.0.0.1:{redis_port}",
            "RAY_external_storage_namespace": f"qt-{token_hex(4)}",
            "RAY_AUTH_MODE": "disabled",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_memory_monitor_refresh_ms": "0",
        }
        self.environ.pop("RAY_ADDRESS", None)
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Begin the head; whoever asks it may have to wait."""
        ray = Path(sys.executable).with_name("ray")
        words = f"start --head --block --port={self.port} --node-ip-address=127.0.0.1 --num-cpus=1"
        more = f"--include-dashboard=false --object-store-memory={100 << 20} --temp-dir={self._folder / 'ray'}"
        command = [ray, *words.split(), *more.split(), f"--redis-password={self._word}"]
        with (self._folder / "head.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self.environ, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def kill(self) -> None:
        """Kill every process of the head at once, as a power cut would."""
        if self._process is None:
            return
        for pid in descendants(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def ask(self, place: Path, wanted: str) -> int | None:
        """Return what the part answers to a driver of its own, or nothing if it does not."""
        command = [sys.executable, "-c", PART, f"127.0.0.1:{self.port}", str(place), wanted]
        try:
            found = subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=40, check=False)
        except subprocess.TimeoutExpired:
            return None
        return int(found.stdout.split()[-1]) if found.returncode == 0 and found.stdout.split() else None


def descendants(pid: int) -> list[int]:
    """Return a process and all that it has begun, however deep, the root first: it can begin nothing new then."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = [tuple(map(int, line.split())) for line in listed.splitlines()]
    found = [pid]
    for one in found:
        found += [child for child, parent in parents if parent == one]
    return found


def restarted(head: Head, place: Path, kept: int) -> float:
    """Return the seconds from the beginning of a new head until the part answers with what it kept."""
    head.kill()
    began = time.perf_counter()
    head.begin()
    while head.ask(place, "look") != kept:
        if time.perf_counter() - began > WITHIN_S:
            return WITHIN_S
    return time.perf_counter() - began


def measure(quick: bool) -> list[Row]:
    """Kill a head a few times and show how long it took to be there again."""
    runs, word = 1 if quick else RUNS, token_hex(16)
    with TemporaryDirectory(prefix="qt-head-") as name, redis(Path(name), word) as port:
        head, place = Head(Path(name), port, word), Path(name) / "kept"
        head.begin()
        try:
            kept = next((found for _ in range(5) if (found := head.ask(place, "begin")) is not None), 0)
            walls = sorted(restarted(head, place, kept) for _ in range(runs)) if kept else [WITHIN_S]
        finally:
            head.kill()
    sample = Sample(walls[len(walls) // 2], runs, (walls[0], walls[-1]))
    return [at_most("a killed head is ready again, its part too", "s", sample, READY_MAX_S)]


if __name__ == "__main__":
    main(measure)
