"""Listening: whether an address of this machine is free, found out before anything is begun that would need it."""

from socket import SO_REUSEADDR, SOL_SOCKET, socket

from qt_ray.core.errors import InvalidConfig


def check_free(host: str, port: int) -> None:
    """Refuse a port that somebody else listens on."""
    with socket() as probe:
        probe.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            rule = f"--port: one that is free on {host}, was {port}: {error.strerror}"
            raise InvalidConfig(f"{rule}; --port takes another, --no-serve needs none") from error
