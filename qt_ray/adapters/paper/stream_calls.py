"""Stream calls: the life of a listen key."""

from typing import Any

from qt_ray.adapters.paper.door import Call, Endpoint, Guard
from qt_ray.adapters.paper.hall import Hall


def _open(hall: Hall, call: Call) -> dict[str, Any]:
    return {"listenKey": hall.listen_keys.open(call.account, hall.now())}


def _keep(hall: Hall, call: Call) -> dict[str, Any]:
    return {"listenKey": hall.listen_keys.keep(call.account, hall.now())}


def _close(hall: Hall, call: Call) -> dict[str, Any]:
    hall.listen_keys.close(call.account)
    return {}


STREAM_CALLS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/fapi/v1/listenKey"): Endpoint(_open, 1, Guard.KEY),
    ("PUT", "/fapi/v1/listenKey"): Endpoint(_keep, 1, Guard.KEY),
    ("DELETE", "/fapi/v1/listenKey"): Endpoint(_close, 1, Guard.KEY),
}
