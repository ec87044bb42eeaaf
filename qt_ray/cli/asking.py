"""Asking: one session with the exchange that a profile names, for as long as one command takes.

A fund on paper money that brought its exchange with it has it on a port of its own: while that fund runs, whoever asks
about its account asks there, or the last way to stop it would knock at a door behind which nobody is.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from qt_ray.cli.config import assigned
from qt_ray.core.errors import QtError, Retryable

if TYPE_CHECKING:
    from qt_ray.adapters.binance.session import BinanceSession
    from qt_ray.adapters.settings import Settings
    from qt_ray.execution.venue.calls import Call

T = TypeVar("T")
Work = Callable[["BinanceSession", "Settings"], Awaitable[T]]


class Refusal(QtError):
    """The exchange's own no to a command."""

    exit_code = 5


def with_session(profile: str, assignments: list[str] | None, work: Work[T], ess: bool = False) -> T:
    """Return what `work` does in a session with the exchange of a profile, as the emergency stop if it is for that."""
    from qt_ray.adapters.config import load

    return in_session(load(profile, assigned(assignments), os.environ).settings, work, ess)


def in_session(settings: "Settings", work: Work[T], ess: bool = False) -> T:
    """Return what `work` does in a session with the exchange that these settings name."""
    return asyncio.run(_worked(as_it_runs(settings), work, ess))


def as_it_runs(settings: "Settings") -> "Settings":
    """Return the settings with the address of the exchange that the account's running fund has brought with it."""
    from qt_ray.adapters.session_file import read_session
    from qt_ray.adapters.trading.places import places_of

    if settings.exchange.kind != "paper" or settings.exchange.rest_url is not None:
        return settings
    session = read_session(places_of(settings).session)
    if session is None or session.venue is None:
        return settings
    doors = {"rest_url": session.venue, "ws_url": session.venue.replace("http", "ws", 1)}
    return settings.model_copy(update={"exchange": settings.exchange.model_copy(update=doors)})


async def _worked(settings: "Settings", work: Work[T], ess: bool) -> T:
    from qt_ray.adapters.binance.assembly import open_session

    session = await open_session(settings.exchange, settings.credentials, ess)
    try:
        return await work(session, settings)
    finally:
        await session.close()


async def told(session: "BinanceSession", call: "Call") -> Any:
    """Return the exchange's answer to a question, or end the command with what it said instead."""
    from qt_ray.execution.venue.calls import NOT_SENT, Done, Refused, worded

    answer = await session.ask(call)
    if isinstance(answer, Done):
        return answer.value
    what = type(call).__name__
    if isinstance(answer, Refused) and answer.code != NOT_SENT:
        raise Refusal(f"{what}: the exchange refused it, {worded(answer)}")
    raise Retryable(f"the exchange at {session} answers, was: {worded(answer)}")
