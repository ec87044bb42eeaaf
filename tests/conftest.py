"""What holds for every test: nothing fails for being slow, because time is measured by benchmarks and not by tests.

Ray reads some of its variables when it is imported, which a test may do that never begins one: they are set before.
"""

from functools import cache
from typing import Final

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling

from qt_ray.adapters.ray_variables import export

settings.register_profile("house", deadline=None)
settings.load_profile("house")

# Ray reads some of them when it is imported, which the first test module to be collected may do.
export(trades=True)

GROUP: Final = "ray"
MARK: Final = f'xdist_group("{GROUP}")'


class OneRay(LoadGroupScheduling):
    """Gives all tests that share a Ray to one process: each begins a head of its own, and two are one too many.

    The name of a group is to be read from a test's id, where this pytest does not let anybody write it any more. So the
    files that bear the mark are looked for instead.
    """

    def _split_scope(self, nodeid: str) -> str:
        return GROUP if nodeid.partition("::")[0] in self._bearers() else nodeid

    @cache  # noqa: B019  # there is one scheduler, and it lives as long as this process
    def _bearers(self) -> frozenset[str]:
        root = self.config.rootpath
        files = (root / "tests").rglob("test_*.py")
        return frozenset(str(file.relative_to(root)) for file in files if MARK in file.read_text())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneRay | None:
    return OneRay(config, log) if config.getoption("dist") == "loadgroup" else None
