"""Config: one answer to "what is set, and by whom", from seven layers of which a later one wins.

defaults < configs/base.yaml < configs/PROFILE.yaml < configs/local.yaml < secrets < QT_* variables < flags.
A mistake is one line: the place, the key, the rule, the value. Secrets leave here only as a `SecretStr`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from qt_ray.adapters import config_layers
from qt_ray.adapters.layers import DEFAULTS, Layer, Pile, leaves
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.settings_errors import explain
from qt_ray.adapters.settings_keys import KIND_DEFAULTS, SECRETS
from qt_ray.core.errors import InvalidConfig


@dataclass(frozen=True)
class Loaded:
    """The settings, where each of them came from, and the folder whose files were read."""

    settings: Settings
    sources: Mapping[str, str]
    profile: str
    root: Path

    @property
    def policy_path(self) -> Path:
        """Return the file that seeds the policy."""
        return self.root / "configs" / self.settings.policy.seed

    @cached_property
    def plain(self) -> Mapping[str, Any]:
        """Return dotted keys and plain values: decimals as strings, secrets as stars."""
        return dict(leaves(self.settings.model_dump(mode="json")))

    @property
    def digest(self) -> str:
        """Return the SHA-256 of all settings but the secrets."""
        shown = {key: value for key, value in self.plain.items() if key not in SECRETS}
        return sha256(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)).hexdigest()


def load(
    profile: str = "backtest",
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    root: Path | None = None,
) -> Loaded:
    """Return the settings of `profile`, under `flags` (dotted keys) and the QT_* variables in `environ`.

    `root` is the folder that holds `configs`; without it, the present folder, else where the program is.
    """
    home, world = find_root() if root is None else root, environ or {}
    pile = Pile(KIND_DEFAULTS)
    pile.add(Layer(DEFAULTS, Settings().model_dump()))
    for layer in config_layers.files(profile, home):
        pile.add(layer)
    pile.add(config_layers.secrets(world))
    pile.add(config_layers.variables(world))
    pile.add(config_layers.flags(flags or {}))
    try:
        settings = Settings.model_validate(pile.values)
    except ValidationError as error:
        raise InvalidConfig(explain(error, pile)) from error
    keys = (key for key, _ in leaves(settings.model_dump()))
    return Loaded(settings, {key: pile.source(key) for key in keys}, profile, home)


def find_root() -> Path:
    """Return the folder whose `configs` holds `base.yaml`: the present one, else the program's."""
    package = Path(__file__).parents[1]
    for folder in (Path.cwd(), package.parent, package):
        if (folder / "configs" / "base.yaml").is_file():
            return folder
    raise InvalidConfig("configs/base.yaml: present in this folder or beside the program, was in neither")
