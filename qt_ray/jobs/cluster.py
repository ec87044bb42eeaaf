"""Cluster: the Ray that long work runs on, joined if there is one, else started for the work and ended with it.

Only what was started here is ended here: a cluster that was joined is left as it was found.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from qt_ray.adapters.ray_variables import export
from qt_ray.core.errors import InvalidConfig

OBJECT_STORE_BYTES_MIN = 128 << 20


@contextmanager
def cluster(memory_mb: int, store_bytes: int, cpus: int | None = None) -> Iterator[None]:
    """Connect to the cluster that RAY_ADDRESS names, else to one of our own with these bounds."""
    export()
    try:
        import ray
    except ImportError as error:
        raise InvalidConfig("ray: installed (pip install 'qt-ray[cluster]'), was not; --here does without") from error

    joined = bool(os.environ.get("RAY_ADDRESS"))
    if joined:
        ray.init(address="auto", log_to_driver=False)
    else:
        ray.init(
            address="local",
            num_cpus=cpus,
            include_dashboard=False,
            log_to_driver=False,
            _memory=memory_mb << 20,
            object_store_memory=max(store_bytes, OBJECT_STORE_BYTES_MIN),
        )
    try:
        yield
    finally:
        ray.shutdown()
