"""Overhearing: what an application answers, read on its way out, so that the record has the rule that somebody met.

The answer itself goes through as it is. An error of ours is one short message; of anything else nothing is kept.
"""

from typing import Any, Final

import orjson
from starlette.types import Message, Send

RULE_LETTERS_MAX: Final = 300
UNKNOWN: Final = "no rule was said"
TOO_MANY: Final = 429


class Overhearing:
    """Sends an answer on, and remembers its status and, of a refusal, the rule."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status, self.rule = 0, UNKNOWN

    @property
    def is_refusal(self) -> bool:
        """Return whether somebody was told of a rule; who only has to come again was refused nothing."""
        return 400 <= self.status < 500 and self.status != TOO_MANY

    async def __call__(self, message: Message) -> None:
        """Send a part of the answer on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body" and self.is_refusal and self.rule == UNKNOWN:
            self.rule = _rule_in(message.get("body", b""))
        await self._send(message)


def _rule_in(body: bytes) -> str:
    try:
        told: Any = orjson.loads(body)
        return str(told["error"]["rule"])[:RULE_LETTERS_MAX]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return UNKNOWN
