"""Policy files: the readable form of a policy's first revision.

A file states only what differs from the defaults, and its mistakes name the file. Revision 1 is all it ever
seeds: later changes belong to the policy store, with a name and a reason on each.
"""

from pathlib import Path

from qt_ray.adapters.plain_yaml import read_yaml
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.core.limits import Mode
from qt_ray.core.policy import Policy


def load_policy(path: Path, mode: Mode | None = None) -> Policy:
    """Return revision 1 as the file at `path` states it, in `mode` when one is given."""
    shown = f"{path.parent.name}/{path.name}" if path.parent.name else path.name
    stated = read_yaml(path, shown)
    try:
        return Policy.seeded(stated if mode is None else {**stated, "active_mode": mode.value})
    except Invalid as error:
        raise InvalidConfig(f"{shown}: {error}") from error
