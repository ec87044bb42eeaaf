"""Frames: WebSocket frames as bytes, made once and given to every listener alike.

A server's frames are not masked, so one message has one spelling, and joining spellings is all that fan-out costs.
"""

TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return one whole unmasked frame."""
    size = len(payload)
    if size < 126:
        return bytes((opcode, size)) + payload
    if size < 65_536:
        return bytes((opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((opcode, 127)) + size.to_bytes(8, "big") + payload


def closing(code: int, reason: str = "") -> bytes:
    """Return the frame that ends a conversation."""
    return frame(code.to_bytes(2, "big") + reason.encode()[:120], CLOSE)
