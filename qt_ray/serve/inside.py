"""Inside: one request to an application in this process, as a server would bring it, without a socket."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message


async def called(app: ASGIApp, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    """Return the status and the body of an application's answer."""
    place, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": place,
        "raw_path": place.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), text.encode("latin-1")) for name, text in headers.items()],
        "client": None,
        "server": None,
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }
    status, content = 500, bytearray()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        content.extend(message.get("body", b""))

    await app(scope, receive, send)
    return status, bytes(content)
