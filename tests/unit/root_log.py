"""The root logger as it was before a test, so that no test writes into another's file."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def root_log() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in [known for known in root.handlers if known not in handlers]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
