"""Config layers: files, secrets, variables and flags, read into values that say where they came from.

A secret in a shared file, or on a command line that every process can list, is refused rather than used. So
is a variable that misses its double underscore; QT_* variables of other programs are left alone.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qt_ray.adapters.layers import Layer, leaves, nested, word
from qt_ray.adapters.plain_yaml import read_yaml
from qt_ray.adapters.settings_keys import NAMES, SECRETS, spelled
from qt_ray.core.errors import InvalidConfig

PREFIX = "QT_"
SECRET_BYTES_MAX = 8_192
ALIASES = {
    "QT_SIGNAL_QUEUE_MAX": "signals.queue_max",
    "QT_MAX_SIGNALS_PER_CYCLE": "signals.per_cycle_max",
}
OTHERS_MAY = 0o077
NOT_PROFILES = ("base", "local", "instruments")


def files(profile: str, root: Path) -> Iterator[Layer]:
    """Yield base, the profile, and what this machine alone wants, in that order."""
    folder = root / "configs"
    good = profile.replace("-", "").replace("_", "").isalnum() and profile not in NOT_PROFILES
    if not good or not (folder / f"{profile}.yaml").is_file():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.yaml") if path.stem not in NOT_PROFILES))
        raise InvalidConfig(f"configs: a profile is one of {known}, was {profile!r:.60}")
    for name in ("base", profile, "local"):
        if name != "local" or (folder / "local.yaml").exists():
            shown = f"configs/{name}.yaml"
            yield without_secrets(Layer(shown, read_yaml(folder / f"{name}.yaml", shown)))


def flags(given: Mapping[str, Any]) -> Layer:
    """Return the layer of dotted keys told on the command line or by a caller."""
    told = {key: word(value) if isinstance(value, str) else value for key, value in given.items()}
    return without_secrets(Layer("flags", nested(told, dict.fromkeys(told, "flags"))))


def variables(environ: Mapping[str, str]) -> Layer:
    """Return the layer of QT_SECTION__KEY variables."""
    names: dict[str, str] = {}
    for name in sorted(environ):
        if name.startswith(PREFIX) and (key := _key(name)):
            if key in names:
                raise InvalidConfig(f"{name}: {key} is set once, {names[key]} sets it too")
            names[key] = name
    told = {key: word(environ[name]) for key, name in names.items()}
    return Layer("environment", nested(told, names), names)


def _key(name: str) -> str | None:
    if name in ALIASES:
        return ALIASES[name]
    words = tuple(name.removeprefix(PREFIX).split("__"))
    if len(words) > 1:
        return spelled(words)
    meant = {key.replace(".", "_"): key for key in NAMES}.get(words[0].lower())
    if meant is not None:
        right = PREFIX + meant.upper().replace(".", "__")
        raise InvalidConfig(f"{name}: two underscores between section and key, write {right}")
    return None


def secrets(environ: Mapping[str, str]) -> Layer:
    """Return the layer of the secrets folder: one file per key, readable by its owner alone."""
    folder = _secrets_folder(environ)
    names: dict[str, str] = {}
    told: dict[str, str] = {}
    if folder is not None and folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.name.startswith("."):
                key = spelled(tuple(path.name.replace(".", "__").split("__")))
                names[key], told[key] = f"secrets/{path.name}", _secret(path)
    return Layer("secrets", nested(told, names), names)


def _secrets_folder(environ: Mapping[str, str]) -> Path | None:
    if chosen := environ.get("QT_SECRETS_DIR"):
        if not Path(chosen).is_dir():
            raise InvalidConfig(f"QT_SECRETS_DIR: a folder, was {chosen!r:.80}")
        return Path(chosen)
    if home := environ.get("XDG_CONFIG_HOME"):
        return Path(home) / "qt-ray" / "secrets"
    return Path(environ["HOME"]) / ".config" / "qt-ray" / "secrets" if environ.get("HOME") else None


def _secret(path: Path) -> str:
    shown = f"secrets/{path.name}"
    mode = path.stat().st_mode & 0o777
    if mode & OTHERS_MAY:
        raise InvalidConfig(f"{shown}: readable by its owner alone (chmod 600), was {mode:03o}")
    if path.stat().st_size > SECRET_BYTES_MAX:
        raise InvalidConfig(f"{shown}: at most {SECRET_BYTES_MAX} bytes, was {path.stat().st_size}")
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise InvalidConfig(f"{shown}: UTF-8 text, was not") from error
    except OSError as error:
        raise InvalidConfig(f"{shown}: a readable file, was: {error.strerror}") from error


def without_secrets(layer: Layer) -> Layer:
    """Return `layer`, in which there is no secret."""
    for key, value in leaves(layer.values):
        if key in SECRETS and value is not None:
            rule = "a secret comes from the secrets folder or a QT_ variable"
            raise InvalidConfig(f"{layer.source}: {key}: {rule}, was set here")
    return layer
