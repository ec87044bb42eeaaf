"""A venue that was opened for somebody ends with him, in whatever way he ends."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_connection
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.integration

PATIENCE_S = 20
# What `qt drill` does first: a venue in a process of its own, for as long as this one lives.
PARENT = """
import asyncio
from qt_ray.jobs.drill import venue_process
async def main():
    async with venue_process(1, 7) as doors:
        print(doors.rest, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def wait_until_deaf(url: str) -> None:
    """Return when nobody listens there; a connection that was made ends when the listener does."""
    place = urlsplit(url)
    try:
        while True:
            with create_connection((str(place.hostname), place.port or 0), PATIENCE_S) as there:
                there.recv(1)
    except (ConnectionRefusedError, ConnectionResetError):
        return


@pytest.mark.timeout(60)
def test_a_venue_does_not_outlive_the_drill_that_opened_it() -> None:
    with running("-c", PARENT) as killed, running("-c", PARENT) as ended:
        ends = {signal.SIGKILL: killed, signal.SIGTERM: ended}
        places = {end: said(parent) for end, parent in ends.items()}
        for end, parent in ends.items():
            parent.send_signal(end)
            assert parent.wait(PATIENCE_S) == -end
            wait_until_deaf(places[end])


def test_a_venue_cannot_be_tied_to_a_file() -> None:
    words = ("-m", "qt_ray.cli.main", "paper-venue", "--port", "0", "--symbols", "BTCUSDT", "--tied")
    with open(__file__, "rb") as file:
        ended = subprocess.run([sys.executable, *words], stdin=file, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == "error: --tied: standard input is a pipe that somebody holds open, was a file\n"


def test_a_venue_that_is_tied_closes_in_order_when_its_input_ends() -> None:
    words = ("-m", "qt_ray.cli.main", "paper-venue", "--port", "0", "--symbols", "BTCUSDT", "--tied", "--json")
    with running(*words) as venue:
        assert venue.stdin is not None
        assert said(venue) == "{"
        assert venue.poll() is None
        venue.stdin.close()
        assert venue.wait(PATIENCE_S) == 0
