"""Cluster: the Ray that the fund runs on, a local one of its own, or one that somebody else runs.

Only what was begun here is ended here. A Ray of our own listens on this machine alone and goes when this process goes,
however it goes; of one that was joined we end our own parts and nothing else.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socket import create_connection
from typing import Any, Final

from qt_ray.adapters.ray_variables import export
from qt_ray.core.errors import InvalidConfig, Retryable

HERE: Final = "127.0.0.1"
STORE_BYTES: Final = 128 << 20
QUIET: Final = "ERROR"
KNOCK_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Head:
    """Where Ray answers, where its dashboard is, and whether it is ours."""

    address: str
    dashboard: str | None
    is_ours: bool


@contextmanager
def cluster(namespace: str, address: str | None = None, dashboard: bool = True) -> Iterator[Head]:
    """Join the Ray at `address`, or at RAY_ADDRESS, else begin one of our own; leave it, or end it, afterwards."""
    joined = address or os.environ.get("RAY_ADDRESS") or None
    export(trades=joined is None)
    ray = _ray()
    try:
        told = _joined(ray, joined, namespace) if joined else _begun(ray, namespace, dashboard)
        url = told.get("webui_url") or None
        yield Head(str(told["gcs_address"]), f"http://{url}" if url else None, joined is None)
    finally:
        ray.shutdown()


@contextmanager
def visited(address: str, namespace: str) -> Iterator[None]:
    """Be connected to a running fund's Ray for a question or two."""
    export()
    ray = _ray()
    _knock(address)
    try:
        _joined(ray, address, namespace)
        yield
    finally:
        ray.shutdown()


def _begun(ray: Any, namespace: str, dashboard: bool) -> Any:
    context = ray.init(
        address="local",
        namespace=namespace,
        include_dashboard=dashboard,
        dashboard_host=HERE,
        object_store_memory=STORE_BYTES,
        log_to_driver=False,
        logging_config=ray.LoggingConfig(encoding="JSON", log_level="WARNING"),
    )
    return context.address_info


def _joined(ray: Any, address: str, namespace: str) -> Any:
    try:
        return ray.init(address=address, namespace=namespace, log_to_driver=False, logging_level=QUIET).address_info
    except ConnectionError as error:
        raise Retryable(f"cluster: a Ray answers at {address}, none did") from error


def _knock(address: str) -> None:
    """See in a moment that somebody listens: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    try:
        with create_connection((host, int(port)), timeout=KNOCK_S):
            return
    except (OSError, ValueError) as error:
        raise Retryable(f"cluster: a Ray answers at {address}, was: {error}") from error


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise InvalidConfig("ray: installed (pip install 'qt-ray[cluster]'), was not") from error
    return ray
