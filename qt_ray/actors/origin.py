"""Origin: what a part is told when it is born, and again at every rebirth; no secret travels with it.

Keys are read by the part itself, from the secrets folder or the variables of its own process, because what an actor is
told lies in the cluster's memory for anybody who may look there.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qt_ray.adapters.config import Loaded, load
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.settings_keys import SECRETS
from qt_ray.adapters.trading.places import Places, places_of
from qt_ray.core.errors import Invalid


@dataclass(frozen=True, slots=True)
class Origin:
    """Profile, flags and folder of one fund, and where its bus is: a socket's path, an address, or nowhere."""

    profile: str
    flags: Mapping[str, Any] = field(default_factory=dict)
    root: Path | None = None
    redis: str | None = None
    life: str = ""

    def __post_init__(self) -> None:
        told = sorted(SECRETS & self.flags.keys())
        if told:
            raise Invalid(f"a secret is read where it is used and never sent, was {', '.join(told)}")

    def loaded(self) -> Loaded:
        """Return the configuration as this process sees it, secrets with it."""
        return load(self.profile, self.flags, os.environ, self.root)

    @property
    def settings(self) -> Settings:
        """Return the settings as this process sees them."""
        return self.loaded().settings

    @property
    def places(self) -> Places:
        """Return where the account keeps its memory."""
        return places_of(self.settings, self.life)
