"""Cluster: the Ray that the fund runs on, a local one of its own, or one that somebody else runs.

Only what was begun here is ended here. A Ray of our own listens on this machine alone and goes when this process goes,
however it goes; of one that was joined we end our own parts and nothing else.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socket import create_connection
from types import TracebackType
from typing import Any, Final

from qt_ray.adapters.ray_variables import export
from qt_ray.core.errors import InvalidConfig, Retryable

HERE: Final = "127.0.0.1"
STORE_BYTES: Final = 128 << 20
QUIET: Final = "ERROR"
# How Ray says that two of its versions, or of Python's, have met.
MISMATCH: Final = "Version mismatch"
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
    knock(address)
    ray = _ray()
    try:
        _joined(ray, address, namespace)
        yield
    finally:
        ray.shutdown()


class _Starting:
    """Ray says with a bare exception that its own processes were too slow; that is a reason to try again, not a bug."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is Exception:
            raise Retryable(f"cluster: a Ray of our own starts, it did not: {_in_one_line(error)}") from error


def _begun(ray: Any, namespace: str, dashboard: bool) -> Any:
    with _Starting():
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
    from ray.exceptions import AuthenticationError

    try:
        return ray.init(address=address, namespace=namespace, log_to_driver=False, logging_level=QUIET).address_info
    except ConnectionError as error:
        raise Retryable(f"cluster: a Ray answers at {address}, none did") from error
    except AuthenticationError as error:
        rule = f"cluster: the token of the Ray at {address} is in ~/.ray/auth_token or RAY_AUTH_TOKEN"
        raise InvalidConfig(f"{rule}, was: {_in_one_line(error)}") from error
    except RuntimeError as error:
        if MISMATCH not in str(error):
            raise
        raise InvalidConfig(
            f"cluster: Ray and Python are those of {address}, were not: {_in_one_line(error)}"
        ) from error


def knock(address: str) -> None:
    """See in a moment that somebody listens there: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    try:
        with create_connection((host, int(port)), timeout=KNOCK_S):
            return
    except (OSError, ValueError) as error:
        raise Retryable(f"cluster: a Ray answers at {address}, was: {error}") from error


def _in_one_line(error: BaseException | None) -> str:
    return " ".join(str(error).split())


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise InvalidConfig("ray: installed (pip install 'qt-ray[cluster]'), was not") from error
    return ray
