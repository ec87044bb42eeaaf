"""A Ray for tests: one head for the whole session in a process of its own, and a namespace for each test.

A test is connected only while it runs, so that those which begin a Ray of their own meet none. Ray is imported only
when a test asks for it, because the variables that say how are set before. Tests that use it bear
`pytest.mark.xdist_group("ray")`.
"""

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest

from qt_ray.adapters.ray_variables import export

HEAD = """
import sys, ray
told = ray.init(
    address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=128 << 20
)
print(told.address_info["gcs_address"], flush=True)
sys.stdin.read()
ray.shutdown()
"""


@pytest.fixture(scope="session")
def ray_head() -> Iterator[str]:
    """Yield the address of a head that lives as long as this process."""
    os.environ.pop("RAY_ADDRESS", None)
    export(trades=True)
    words = (sys.executable, "-c", HEAD)
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as head:
        assert head.stdout is not None
        assert head.stdin is not None
        yield head.stdout.readline().decode().strip()
        head.stdin.close()


@pytest.fixture
def namespace(ray_head: str) -> Iterator[str]:
    """Yield a namespace of this test's own; it is connected, and its parts are ended with it."""
    import ray
    from ray.util import list_named_actors

    name = f"test-{uuid4().hex}"
    ray.init(address=ray_head, namespace=name, log_to_driver=False)
    try:
        yield name
    finally:
        for known in list_named_actors():
            ray.kill(ray.get_actor(known))
        ray.shutdown()
        gc.collect()  # Ray forgets to wait for what it has ended; what it left is found here and not in another test
