"""Redis link: one way to connect, one way to fail.

The client never retries by itself: a reply that was lost may stand for a write that was done, and only the caller knows
how to ask again without doing it twice.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LinkError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as LinkTimeout

from qt_ray.core.errors import Invalid, Retryable

ANSWER_S: Final = 2.0


def linked(address: Path | str, answer_s: float = ANSWER_S) -> "Redis":
    """Return a client of the server at a socket file or a URL; nothing is sent yet."""
    url = f"unix://{address}" if isinstance(address, Path) else address
    never = Retry(NoBackoff(), 0)
    return Redis.from_url(url, socket_timeout=answer_s, socket_connect_timeout=answer_s, retry=never)


@asynccontextmanager
async def asked(what: str) -> AsyncIterator[None]:
    """Turn the client's errors into ours: what was not answered may be asked again, what was refused is our mistake."""
    try:
        yield
    except (LinkError, LinkTimeout, OSError) as error:
        raise Retryable(f"redis: {what} is answered, {type(error).__name__}: {error}") from error
    except RedisError as error:
        text = str(error)
        if text.startswith(("MISCONF", "OOM", "LOADING", "READONLY", "BUSY", "CLUSTERDOWN", "TRYAGAIN")):
            raise Retryable(f"redis: {what} is answered, {text}") from error
        raise Invalid(f"redis: {what} is understood, {text}") from error
