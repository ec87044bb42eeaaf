"""Reading: one HTTP answer out of bytes as they come, whole by its own word or not at all.

It knows the part of HTTP/1.1 in which an exchange answers an order: a length, or chunks. What says neither, or breaks a
rule, is refused, and whoever asked then knows as little as if nothing had come.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from qt_ray.core.errors import Invalid

HEAD_MAX: Final = 1 << 16
BODY_MAX: Final = 1 << 20
END: Final = b"\r\n\r\n"
LINE: Final = b"\r\n"
STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?")
NAMED: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\r\n]*)")
LENGTH: Final = re.compile(r"[0-9]{1,9}")
CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[;\t ][^\r\n]*)?")


@dataclass(frozen=True, slots=True)
class Told:
    """A whole answer; names of headers are in small letters. A line that is kept may be asked again."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_kept: bool


class Reading:
    """What has come of one answer so far."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Told | None:
        """Take bytes in and return the answer once it is whole; bytes behind it keep no line."""
        self._data += data
        while (head_end := self._data.find(END)) >= 0:
            status, headers, is_old = _head(bytes(self._data[:head_end]))
            if status >= 200:
                return self._whole(status, headers, is_old, head_end + len(END))
            del self._data[: head_end + len(END)]  # an interim word, before the answer
        if len(self._data) > HEAD_MAX:
            raise Invalid(f"a head has at most {HEAD_MAX} bytes")
        return None

    def _whole(self, status: int, headers: Mapping[str, str], is_old: bool, start: int) -> Told | None:
        if len(self._data) - start > BODY_MAX:
            raise Invalid(f"an answer has at most {BODY_MAX} bytes")
        found = _body(bytes(self._data), start, status, headers)
        if found is None:
            return None
        body, end = found
        is_kept = end == len(self._data) and not is_old and headers.get("connection", "").lower() != "close"
        return Told(status, headers, body, is_kept)


def _head(data: bytes) -> tuple[int, dict[str, str], bool]:
    """Return status and headers, and whether they are of a protocol that keeps no line."""
    first, *lines = data.split(LINE)
    found = STATUS.fullmatch(first)
    if found is None:
        raise Invalid("an answer begins with its status")
    headers: dict[str, str] = {}
    for line in lines:
        named = NAMED.fullmatch(line)
        if named is None:
            raise Invalid("a header has a name")
        name, value = named[1].decode().lower(), named[2].strip(b" \t").decode("latin-1")
        if name in ("content-length", "transfer-encoding") and headers.setdefault(name, value) != value:
            raise Invalid(f"an answer has one {name}")
        headers[name] = value
    return int(found[1]), headers, data.startswith(b"HTTP/1.0")


def _body(data: bytes, start: int, status: int, headers: Mapping[str, str]) -> tuple[bytes, int] | None:
    """Return the body and where it ends, or nothing while it is not whole."""
    if "transfer-encoding" in headers:
        if headers["transfer-encoding"].lower() != "chunked" or "content-length" in headers:
            raise Invalid("an answer is chunked, or has a length")
        return _chunks(data, start)
    if status in (204, 304):
        return b"", start
    length = headers.get("content-length", "")
    if not LENGTH.fullmatch(length) or int(length) > BODY_MAX:
        raise Invalid(f"an answer says its length, of at most {BODY_MAX} bytes")
    end = start + int(length)
    return (data[start:end], end) if len(data) >= end else None


def _chunks(data: bytes, at: int) -> tuple[bytes, int] | None:
    """Return what chunks hold together, or nothing before the last of them."""
    body = bytearray()
    while (line_end := data.find(LINE, at)) >= 0:
        found = CHUNK.fullmatch(data, at, line_end)
        if found is None:
            raise Invalid("a chunk says its length")
        start, size = line_end + len(LINE), int(found[1], 16)
        if size == 0:
            return _trailed(data, start, bytes(body))
        end = start + size
        if len(data) < end + len(LINE):
            return None
        if data[end : end + len(LINE)] != LINE:
            raise Invalid("a chunk ends where it said")
        body += data[start:end]
        at = end + len(LINE)
    return None


def _trailed(data: bytes, at: int, body: bytes) -> tuple[bytes, int] | None:
    """Return a body whose last chunk has come; what may follow it is passed over."""
    if data.startswith(LINE, at):
        return body, at + len(LINE)
    end = data.find(END, at)
    return (body, end + len(END)) if end >= 0 else None
