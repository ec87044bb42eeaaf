"""A paper venue in a process of its own, as a person opens it, and `qt` told where it is."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.shell import Ended, qt

ROOT = Path(__file__).parents[2]
SYMBOLS = "BTCUSDT,ETHUSDT"


@dataclass(frozen=True)
class Opened:
    """A venue that is open, and what it said of itself."""

    process: subprocess.Popen[str]
    said: dict[str, Any]

    def control(self, door: str, method: str = "POST", **fields: Any) -> Any:
        """Put a fault in force or turn the world."""
        request = urllib.request.Request(self.said["control"] + door, json.dumps(fields).encode(), method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def get(self, path: str) -> Any:
        """Ask what needs no key."""
        with urllib.request.urlopen(self.said["rest"] + path, timeout=10) as answer:
            return json.load(answer)

    def words(self, state: Path) -> tuple[str, ...]:
        """Return the words that send a command to this venue, its memory in `state`."""
        named: dict[str, object] = {"fund.state": state, "market.symbols": SYMBOLS}
        named |= {"exchange.rest_url": self.said["rest"], "exchange.ws_url": self.said["streams"]}
        return tuple(part for name, value in named.items() for part in ("--set", f"{name}={value}"))

    def qt(self, command: str, state: Path, *words: object) -> Ended:
        """Run a command, of one word or two, against this venue."""
        return qt(*command.split(), *self.words(state), *words)


@contextmanager
def opened(*words: object) -> Iterator[Opened]:
    """Open a venue on free ports, and close it as Ctrl-C does not need to."""
    command = [sys.executable, "-m", "qt_ray.cli.main", "paper-venue", "--port", "0", "--json", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    with process:
        try:
            yield Opened(process, _said(process))
        finally:
            process.terminate()


def _said(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.startswith("}"):
            return dict(json.loads(text))
    raise AssertionError(f"a venue says where it is, said {text!r}")
