"""Session file: what runs for an account now and where it answers, for the commands that ask it or end it.

A file whose process is gone says nothing: it is the remains of a fund that was killed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qt_ray.adapters.files import replacing
from qt_ray.adapters.processes import mark_of
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.restore import restore

SCHEMA: Final = "qt.session/1"
PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Session:
    """A running fund: its process, its Ray, and where its pages, its bus and its exchange are."""

    pid: int
    mark: str
    started_ms: int
    profile: str
    account: str
    life: str
    namespace: str
    ray: str
    dashboard: str | None = None
    console: str | None = None
    redis: str | None = None
    venue: str | None = None
    ready_ms: int | None = None
    schema: str = SCHEMA

    @property
    def is_alive(self) -> bool:
        """Return whether its process still runs."""
        return mark_of(self.pid) == self.mark


def write_session(path: Path, session: Session) -> None:
    """Say what runs, to this user alone."""
    with replacing(path) as draft:
        draft.chmod(PRIVATE)
        draft.write_bytes(canonical(session))


def read_session(path: Path) -> Session | None:
    """Return what runs, or nothing; Invalid if the file says something else."""
    try:
        data = decode(path.read_bytes())
    except FileNotFoundError:
        return None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise Invalid(f"{path.name}: a session of the form {SCHEMA}, was something else")
    found: Session = restore(Session, data, path.name)
    return found if found.is_alive else None


def forget_session(path: Path) -> None:
    """Say that nothing runs."""
    path.unlink(missing_ok=True)
