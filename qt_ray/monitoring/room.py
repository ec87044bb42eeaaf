"""Room: how much disk and memory a fund needs left to open anything new, and to say early that it is getting short.

What is opened must be written down and watched for as long as it is held, so a machine that is nearly full opens
nothing; what is held is closed as always. What the machine does not say is not held against it.
"""

from collections.abc import Mapping
from typing import Any, Final

DISK_BYTES_MIN: Final = 500 << 20
DISK_BYTES_LOW: Final = 2 << 30
MEMORY_BYTES_MIN: Final = 256 << 20
MEMORY_BYTES_LOW: Final = 512 << 20
MIB: Final = 1 << 20


def why_cramped(machine: Mapping[str, Any]) -> str | None:
    """Return why nothing new may be opened on this machine, or nothing."""
    return _short(machine, "disk_free_bytes", DISK_BYTES_MIN, "no entry on a full disk") or _short(
        machine, "memory_free_bytes", MEMORY_BYTES_MIN, "no entry without memory to spare"
    )


def why_tight(machine: Mapping[str, Any]) -> str | None:
    """Return what a person should see to before it stops the fund, or nothing."""
    return _short(machine, "disk_free_bytes", DISK_BYTES_LOW, "the disk gets full") or _short(
        machine, "memory_free_bytes", MEMORY_BYTES_LOW, "memory gets short"
    )


def _short(machine: Mapping[str, Any], name: str, least: int, rule: str) -> str | None:
    left = machine.get(name)
    if not isinstance(left, int) or left >= least:
        return None
    return f"{rule}, {left // MIB} MiB of {least // MIB} are left"
