"""Redis link: one way to connect, one way to fail.

The client never retries by itself: a reply that was lost may stand for a write that was done, and only the caller knows
how to ask again without doing it twice.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LinkError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as LinkTimeout
from redis.retry import Retry as BlockingRetry

from qt_ray.core.errors import Invalid, Retryable

ANSWER_S: Final = 2.0
# What a server says that cannot serve now, and may later.
FOR_NOW: Final = ("MISCONF", "OOM", "LOADING", "READONLY", "BUSY ", "CLUSTERDOWN", "TRYAGAIN")


def linked(address: Path | str, answer_s: float = ANSWER_S) -> "Redis":
    """Return a client of the server at a socket file or a URL; nothing is sent yet."""
    return Redis.from_url(_url(address), **_patience(answer_s), retry=Retry(NoBackoff(), 0))


def linked_blocking(address: Path | str, answer_s: float = ANSWER_S) -> BlockingRedis:
    """Return a client whose caller waits."""
    return BlockingRedis.from_url(_url(address), **_patience(answer_s), retry=BlockingRetry(NoBackoff(), 0))


@contextmanager
def answering(what: str) -> Iterator[None]:
    """Turn the client's errors into ours: what was not answered may be asked again, what was refused is our mistake."""
    try:
        yield
    except (LinkError, LinkTimeout, OSError) as error:
        raise Retryable(f"redis: {what} is answered, {type(error).__name__}: {error}") from error
    except RedisError as error:
        if str(error).startswith(FOR_NOW):
            raise Retryable(f"redis: {what} is answered, {error}") from error
        raise Invalid(f"redis: {what} is understood, {error}") from error


@asynccontextmanager
async def asked(what: str) -> AsyncIterator[None]:
    """Do the same for what is awaited."""
    with answering(what):
        yield


def _url(address: Path | str) -> str:
    return f"unix://{address}" if isinstance(address, Path) else address


def _patience(answer_s: float) -> dict[str, Any]:
    return {"socket_timeout": answer_s, "socket_connect_timeout": answer_s}
