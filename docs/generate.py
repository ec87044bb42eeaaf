"""Generate: pages that say what the code says, written from the code, so that they cannot be out of date.

`make docs` writes them; `--check` ends with 1 when a page on disk says something else.
"""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from itertools import groupby
from pathlib import Path

from docs.proofs import page as requirements
from qt_ray.adapters.files import write_text_atomic
from qt_ray.adapters.models.cards import card_of
from qt_ray.adapters.models.registry import Registry
from qt_ray.adapters.settings_keys import KEYS, Key, meaning_of, shown
from qt_ray.monitoring.dashboards import alarm_rules, dashboard

HERE = Path(__file__).parent
MACHINES = ("qt_ray.execution.lifecycle", "qt_ray.risk.ess", "qt_ray.governance.trade_state", "qt_ray.ai.model_status")

MACHINES_HEAD = """# State machines

Drawn by `make docs` from the tables themselves: what has no arrow cannot happen.
Signals that leave a state as it is are not drawn.
"""
SETTINGS_HEAD = """# Settings

Written by `make docs` from the models. A later layer wins: defaults, `configs/base.yaml`,
`configs/PROFILE.yaml`, `configs/local.yaml` (yours, never committed), the secrets folder, `QT_SECTION__KEY`
variables, `--set section.key=value`. `qt config show --sources` says which of them decided each value.

Money and fractions are quoted, so that they stay exact. A section with a `kind` takes only that kind's keys.
Secrets are files of mode 600 named `credentials__api_key` and so on, in `QT_SECRETS_DIR`, else
`~/.config/qt-ray/secrets`; no other file and no flag may hold one.
"""
COLUMNS = "| key | kind | default | meaning |\n| --- | --- | --- | --- |\n"


def machine(name: str) -> str:
    """Return one module's state machine: its law, its table and its diagram."""
    module = import_module(name)
    law = " ".join(module.__doc__.split()).partition(": ")[2]
    title = f"## {module.TRANSITIONS.name.capitalize()}"
    place = f"The table is in `{name.replace('.', '/')}.py`."
    diagram = f"```mermaid\n{module.TRANSITIONS.mermaid()}```"
    return "\n" + "\n\n".join((title, law[0].upper() + law[1:], place, diagram)) + "\n"


def state_machines() -> str:
    """Return the page of all state machines."""
    return MACHINES_HEAD + "".join(machine(name) for name in MACHINES)


def row(key: Key) -> str:
    """Return a setting as a row of a table."""
    return f"| `{key.name}` | {key.rule} | `{shown(key.default)}` | {key.meaning} |\n"


def settings() -> str:
    """Return the page of all settings."""
    text = SETTINGS_HEAD
    for name, keys in groupby(KEYS, key=lambda key: key.name.partition(".")[0]):
        text += f"\n## {name}\n\n{meaning_of(name)}\n\n" + COLUMNS + "".join(map(row, keys))
    return text


def model_card() -> str:
    """Return the card of the champion in this repository."""
    registry = Registry(HERE.parent / "models")
    return card_of(registry, registry.resolve("champion"))


def grafana() -> str:
    """Return the dashboard as a file for Grafana."""
    return json.dumps(dashboard(), indent=1) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "../deploy/monitoring/grafana/qt-ray.json": grafana,
    "../deploy/monitoring/alerts.yml": alarm_rules,
    "state-machines.md": state_machines,
    "settings.md": settings,
    "model-card.md": model_card,
    "requirements.md": requirements,
}


def main(words: list[str]) -> int:
    """Write the pages, or say whether they are as the code is."""
    if "--check" in words:
        return int(any((HERE / name).read_text(encoding="utf-8") != page() for name, page in PAGES.items()))
    for name, page in PAGES.items():
        write_text_atomic(HERE / name, page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
