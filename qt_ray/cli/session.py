"""Session: the running fund that a command is about, or one line that there is none."""

import os
from typing import TYPE_CHECKING

from qt_ray.cli.config import assigned
from qt_ray.core.errors import QtError

if TYPE_CHECKING:
    from qt_ray.adapters.session_file import Session
    from qt_ray.adapters.trading.places import Places


class NotRunning(QtError):
    """No fund of the account runs."""

    exit_code = 4


def places(profile: str, assignments: list[str] | None) -> "Places":
    """Return where the account of a profile keeps its memory."""
    from qt_ray.adapters.config import load
    from qt_ray.adapters.trading.places import places_of

    return places_of(load(profile, assigned(assignments), os.environ).settings)


def running(profile: str, assignments: list[str] | None) -> "Session":
    """Return the fund that runs for the account of a profile; NotRunning if none does."""
    from qt_ray.adapters.session_file import read_session

    place = places(profile, assignments)
    found = read_session(place.session)
    if found is None:
        raise NotRunning(
            f"a fund of account {place.folder.name} runs, none does; `qt up --profile {profile}` begins one"
        )
    return found
