"""Deployment: how the fund is begun on other machines, as files made from templates and a few words.

A word ends up in shells, units and YAML, so it holds nothing that any of them reads as more than a word; a template
that asks for a word that nobody knows is a mistake of ours and not an empty place in a command.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Final

from qt_ray.adapters.ray_variables import DECIDING
from qt_ray.core.errors import Invalid, InvalidConfig

WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+/-]{0,199}|/[A-Za-z0-9._/-]{1,199}")
TOP: Final = "ray_cluster.yaml"
RAY_VERSION: Final = "2.60.0"
EXPORTS: Final = "RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0 RAY_ENABLE_UV_RUN_RUNTIME_ENV=0 OMP_NUM_THREADS=1"
# How deep a list of variables lies in what Kubernetes reads.
DEEP: Final = " " * 14


@dataclass(frozen=True, slots=True)
class Deployment:
    """The words of one deployment; each may be another's."""

    profile: str = "paper"
    account: str = "main"
    user: str = "qt"
    home: str = "/srv/qt-ray"
    head_ip: str = "127.0.0.1"
    ray_port: str = "6379"
    port: str = "8700"
    ready_s: str = "180"
    image: str = "qt-ray:latest"
    aws_region: str = "eu-central-1"
    aws_image: str = "ami-of-your-own"
    gcp_region: str = "europe-west3"
    gcp_project: str = "project-of-your-own"
    gcp_image: str = "image-of-your-own"

    def __post_init__(self) -> None:
        for name, word in asdict(self).items():
            if not WORD.fullmatch(word):
                raise Invalid(f"{name}: a word of letters, digits and ._:@+/-, was {word!r:.60}")

    def with_words(self, words: Mapping[str, str]) -> "Deployment":
        """Return the deployment with other words; Invalid names one that no template knows."""
        known = sorted(field.name for field in fields(self))
        if unknown := sorted(words.keys() - set(known)):
            raise Invalid(f"a value is one of {', '.join(known)}, was {unknown[0]!r:.60}")
        return replace(self, **words)

    def rendered(self) -> Mapping[Path, str]:
        """Return every file of the deployment by its place in the repository."""
        words = {
            **asdict(self),
            "ray_address": f"{self.head_ip}:{self.ray_port}",
            "ray_version": ray_version(),
            "exports": f"{EXPORTS} QT_FUND__ACCOUNT={self.account}",
            "deciding": " ".join(f"{name}={value}" for name, value in DECIDING.items()),
            "deciding_listed": f"\n{DEEP}".join(f'- {{name: {name}, value: "{at}"}}' for name, at in DECIDING.items()),
        }
        files = {path: Template(path.read_text("utf-8")).substitute(words) for path in sorted(templates().iterdir())}
        return MappingProxyType({place_of(path.name): text for path, text in files.items()})


def place_of(name: str) -> Path:
    """Return where a rendered file belongs; what `ray up` is given by hand lies at the top."""
    return Path(name) if name == TOP else Path("deploy") / name


def templates() -> Path:
    """Return the folder of the templates: the repository's, else the package's own."""
    package = Path(__file__).parents[1]
    for folder in (package.parent, package):
        if (found := folder / "deploy" / "templates").is_dir():
            return found
    raise InvalidConfig("deploy/templates: beside the program or within it, was in neither")


def ray_version() -> str:
    """Return the version of Ray that is installed, else the one that we are tested with."""
    try:
        return version("ray")
    except PackageNotFoundError:
        return RAY_VERSION
