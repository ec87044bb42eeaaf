"""Logs: what a process says about itself, one JSON object a line, in a file of its own and wherever Ray collects it.

Every line names its part and its actor, and the trace and decision it belongs to while one is bound. A field whose name
smells of a secret is dropped before anybody formats it: a log is read by more people than may hold a key.
"""

import json
import logging
import re
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from io import TextIOBase
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

import structlog

NAME: Final = "qt_ray"
SUFFIX: Final = ".jsonl"
FILE_BYTES_MAX: Final = 10 << 20
FILES_KEPT: Final = 3
SECRET: Final = re.compile(r"key|secret|token|signature|password|authorization|cookie", re.IGNORECASE)
COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
# What every record has, or Ray gives it, and nobody reads in a line; the rest is what somebody wanted to say.
RAYS: Final = frozenset({"job_id", "worker_id", "node_id", "task_id", "task_name", "task_func_name", "actor_name"})
STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"} | RAYS


def log() -> "structlog.stdlib.BoundLogger":
    """Return the logger of this process; whatever it is told by name becomes a field of the line."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(NAME)
    return logger


def write_logs(folder: Path, part: str, actor_id: str | None = None) -> Path:
    """From now on keep what this process says in a file of `folder`, and return that file."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{part}{SUFFIX}"
    handler = RotatingFileHandler(path, maxBytes=FILE_BYTES_MAX, backupCount=FILES_KEPT, delay=True)
    handler.setFormatter(Lines({"part": part, "actor_id": actor_id}))
    root = logging.getLogger()
    for old in [known for known in root.handlers if isinstance(known.formatter, Lines)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    return path


def without_secrets(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return `fields` without whatever bears the name of a secret, however deep it lies."""
    return {
        name: without_secrets(item) if isinstance(item, Mapping) else item
        for name, item in fields.items()
        if not SECRET.search(str(name))
    }


class Remarks(TextIOBase):
    """A stream whose lines are kept in the log: for what others print where only we should speak."""

    def __init__(self, by: str) -> None:
        self._by = by

    def write(self, text: str) -> int:
        """Keep each line that says something."""
        for line in COLOUR.sub("", text).splitlines():
            if line.strip():
                log().info("a remark", by=self._by, remark=line.strip())
        return len(text)


class Lines(logging.Formatter):
    """Spells a record as one JSON object; `fixed` is the same in every line."""

    def __init__(self, fixed: Mapping[str, Any]) -> None:
        super().__init__()
        self._fixed = {name: item for name, item in fixed.items() if item is not None}

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **self._fixed,
            "event": record.getMessage(),
            **without_secrets({name: item for name, item in record.__dict__.items() if name not in STANDARD}),
        }
        if record.name != NAME:
            line["logger"] = record.name
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, skipkeys=True)


def _kept(logger: Any, method: str, fields: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return without_secrets(fields)


structlog.configure(
    processors=[structlog.contextvars.merge_contextvars, _kept, structlog.stdlib.render_to_log_kwargs],
    wrapper_class=structlog.stdlib.BoundLogger,
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=False,
)
