"""Views of models: registry rows, one version in full and the difference of two, for people and for programs."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from qt_ray.cli.data_views import print_table, table_of
from qt_ray.core.moments import rfc3339

if TYPE_CHECKING:
    from qt_ray.adapters.models.manifest import Manifest
    from qt_ray.adapters.models.registry import Registry
    from qt_ray.ai.succession import Entry

# The metric that all kinds are compared by: on rows that came after everything the model was fitted to.
LOG_LOSS = "oos_log_loss"

Difference = tuple[str, Any, Any]


def listed(registry: "Registry", entry: "Entry") -> dict[str, Any]:
    """Return a version as a row; what its manifest would say is unknown where that cannot be read."""
    from qt_ray.core.codec import plain
    from qt_ray.core.errors import Invalid

    row: dict[str, Any] = plain(entry) | dict.fromkeys(("trained_to", "interval_ms", "horizon_bars", LOG_LOSS, "flaw"))
    try:
        manifest = registry.manifest(entry.version)
    except Invalid as error:
        return row | {"flaw": str(error)}
    return row | {
        "trained_to": rfc3339(manifest.trained_to_ms),
        "interval_ms": manifest.interval_ms,
        "horizon_bars": manifest.horizon_bars,
        LOG_LOSS: manifest.metrics.get(LOG_LOSS),
    }


def print_list(rows: list[dict[str, Any]]) -> None:
    """Write the rows of a registry as a table."""
    table = table_of("name", "version", "status", "trained to", "horizon", "out-of-sample log loss")
    for row in rows:
        loss, horizon, until = row[LOG_LOSS], row["horizon_bars"], row["trained_to"]
        table.add_row(
            row["name"],
            row["version"][:12],
            row["status"],
            until[:16] if until else "unknown",
            f"{horizon} × {_span(row['interval_ms'])}" if horizon else "unknown",
            f"{loss:.5f}" if loss is not None else "unknown",
        )
    print_table(table)


def model_plain(entry: "Entry", manifest: "Manifest", flaws: list[str]) -> dict[str, Any]:
    """Return all about one version as plain values."""
    from qt_ray.core.codec import decode, plain

    return {**plain(entry), "manifest": decode(manifest.content), "whole": not flaws, "flaws": flaws}


def model_lines(entry: "Entry", manifest: "Manifest", flaws: list[str]) -> Iterator[str]:
    """Yield all about one version as lines."""
    yield f"{entry.name} {entry.version} {entry.status}"
    for key, value in _leaves(manifest).items():
        yield f"  {key} = {_shown(value)}"
    for step in entry.history:
        yield f"  {rfc3339(step.at_ms)} {step.status} by {step.by}: {step.reason} ({step.signal}, {step.revision})"
    yield from (f"  BROKEN {flaw}" for flaw in flaws)
    if not flaws:
        yield "  every byte is what it was"


def differences(before: "Manifest", after: "Manifest") -> list[Difference]:
    """Return every key that two manifests disagree about, with both values; None where one has no such key."""
    old, new = _leaves(before), _leaves(after)
    return [(key, old.get(key), new.get(key)) for key in sorted(old | new) if old.get(key) != new.get(key)]


def difference_line(key: str, before: Any, after: Any) -> str:
    """Return a difference as a line; of a list only what came and went."""
    if not isinstance(before, list) or not isinstance(after, list):
        return f"{key}: {_shown(before)} -> {_shown(after)}"
    gone = [f"-{item}" for item in before if item not in after]
    come = [f"+{item}" for item in after if item not in before]
    return f"{key}: {' '.join(gone + come) or 'in another order'}"


def _leaves(manifest: "Manifest") -> dict[str, Any]:
    from qt_ray.core.codec import decode

    return dict(_flat(decode(manifest.content)))


def _flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{above}{key}.")
        elif value != {}:
            yield f"{above}{key}", value


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_shown, value)) or "none"
    return "absent" if value is None else str(value)


def _span(interval_ms: int) -> str:
    from qt_ray.adapters.file_names import interval_name

    return interval_name(interval_ms)
