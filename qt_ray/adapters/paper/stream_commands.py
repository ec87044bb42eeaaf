"""Stream commands: what a client may say on a stream socket, and what it is answered.

The id comes back as the kind of JSON it came as: clients match answers by it, some by number and some by text.
"""

from collections.abc import Callable
from typing import Any

import orjson

from qt_ray.adapters.paper.hub import STREAMS_MAX, Hub, Listener

Reply = dict[str, Any]
Command = Callable[[Hub, Listener, list[Any]], Any]


class Misunderstood(Exception):
    """What was said is no command; the venue numbers these differently."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def _subscribe(hub: Hub, listener: Listener, params: list[Any]) -> None:
    if not hub.subscribe(listener, _names(params)):
        raise Misunderstood(2, f"Invalid request: at most {STREAMS_MAX} streams on one connection")


def _unsubscribe(hub: Hub, listener: Listener, params: list[Any]) -> None:
    hub.unsubscribe(listener, _names(params))


def _list(hub: Hub, listener: Listener, params: list[Any]) -> list[str]:
    return list(listener.names)


def _set_property(hub: Hub, listener: Listener, params: list[Any]) -> None:
    if len(params) != 2 or params[0] != "combined" or not isinstance(params[1], bool):
        raise Misunderstood(2, "Invalid request: expected `combined` and a boolean")
    hub.rewrap(listener, params[1])


def _get_property(hub: Hub, listener: Listener, params: list[Any]) -> bool:
    return listener.is_wrapped


COMMANDS: dict[str, Command] = {
    "SUBSCRIBE": _subscribe,
    "UNSUBSCRIBE": _unsubscribe,
    "LIST_SUBSCRIPTIONS": _list,
    "SET_PROPERTY": _set_property,
    "GET_PROPERTY": _get_property,
}


def obey(hub: Hub, listener: Listener, said: bytes) -> bytes:
    """Carry out what a client said; return the answer."""
    number: Any = None
    try:
        wish = _read(said)
        number = wish.get("id")
        result = COMMANDS[wish["method"]](hub, listener, wish.get("params") or [])
    except Misunderstood as no:
        return orjson.dumps({"error": {"code": no.code, "msg": no.message}, "id": number})
    return orjson.dumps({"result": result, "id": number})


def _read(said: bytes) -> dict[str, Any]:
    try:
        wish = orjson.loads(said)
    except orjson.JSONDecodeError as error:
        raise Misunderstood(3, f"Invalid JSON: {error}") from None
    if not isinstance(wish, dict):
        raise Misunderstood(2, "Invalid request: request must be an object")
    method, params = wish.get("method"), wish.get("params")
    if not isinstance(method, str) or method not in COMMANDS:
        wanted = ", ".join(f"`{name}`" for name in COMMANDS)
        raise Misunderstood(2, f"Invalid request: unknown variant `{method}`, expected one of {wanted}")
    if params is not None and not isinstance(params, list):
        raise Misunderstood(2, "Invalid request: invalid type, expected a sequence")
    return wish


def _names(params: list[Any]) -> list[str]:
    if not params or not all(isinstance(name, str) for name in params):
        raise Misunderstood(2, "Invalid request: invalid type, expected a string")
    return params
