"""`qt paper-venue`: an exchange on this machine that speaks the real protocol, for any client."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qt_ray.cli.config import Assignments, Json, Profile, assigned
from qt_ray.cli.numbers import plain, whole
from qt_ray.cli.screen import emit, note, say
from qt_ray.core.errors import InvalidConfig

if TYPE_CHECKING:
    from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue
    from qt_ray.adapters.settings import Settings

UNLIMITED = 10**9
PORTS = whole(0, 65_535)

Port = Annotated[int, typer.Option("--port", help="Port of REST and WebSockets; 0 takes a free one.", **PORTS)]
ControlPort = Annotated[int, typer.Option("--control-port", help="Port of faults, this machine only.", **PORTS)]


def paper_venue(
    profile: Profile = "paper",
    assignments: Assignments = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Port = 18_080,
    control_port: ControlPort = 0,
    seed: Annotated[int, typer.Option(help="Seed of market, listen keys and faults.", **whole(0))] = 7,
    symbols: Annotated[str | None, typer.Option(help="Symbols between commas; default all with filters.")] = None,
    invented: Annotated[int, typer.Option(help="Invented symbols beside them.", **whole(0, 1_000))] = 0,
    balance: Annotated[str | None, typer.Option(help="USDT of the account; default fund.initial_balance.")] = None,
    recorded: Annotated[bool, typer.Option("--recorded", help="Live through the catalogue's bars.")] = False,
    speed: Annotated[float, typer.Option(help="How much faster than time the market lives.", **plain(0.001))] = 1.0,
    step_ms: Annotated[int, typer.Option(help="Milliseconds between two quotes of a symbol.", **whole(10))] = 100,
    trade_log: Annotated[Path | None, typer.Option(help="Append every order and trade to this file.")] = None,
    unlimited: Annotated[bool, typer.Option("--unlimited", help="Count calls but refuse none of them.")] = False,
    tied: Annotated[bool, typer.Option("--tied", help="Close when standard input does: with who opened it.")] = False,
    json: Json = False,
) -> None:
    """Open a paper venue and keep it open until interrupted."""
    from qt_ray.adapters.config import load

    told = {"market.symbols": symbols, "fund.initial_balance": balance}
    flags = assigned(assignments) | {key: value for key, value in told.items() if value is not None}
    settings = load(profile, flags, os.environ).settings
    names = settings.market.symbols if symbols or recorded else ()
    shape: dict[str, Any] = {"invented": invented, "seed": seed, "speed": speed, "step_ms": step_ms}
    limits = ("weight_minute", "orders_minute", "orders_ten_seconds") if unlimited else ()
    shape |= dict.fromkeys(limits, UNLIMITED) | {"trade_log": trade_log}
    asyncio.run(_open(_chosen(settings, names, recorded, shape), (host, port, control_port), tied, json))


def _chosen(settings: "Settings", symbols: tuple[str, ...], recorded: bool, shape: dict[str, Any]) -> "PaperSettings":
    from qt_ray.adapters.paper.venue import PaperSettings
    from qt_ray.jobs.fund import market_of

    keys = settings.credentials
    if keys.api_key is not None and keys.api_secret is not None:
        shape |= {"key": keys.api_key.get_secret_value(), "secret": keys.api_secret.get_secret_value()}
    if recorded:
        note("reading bars")
        shape["bars"] = market_of(settings)[0]
    return PaperSettings(symbols=symbols, balance=settings.fund.initial_balance, **shape)


async def _open(settings: "PaperSettings", place: tuple[str, int, int], tied: bool, json: bool) -> None:
    from qt_ray.adapters.paper.venue import PaperVenue

    venue = PaperVenue(settings)
    ended = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    host, *ports = place
    try:
        await venue.start(host, *ports)
    except OSError as error:
        await venue.stop()
        told = " and ".join(str(number) for number in ports if number)
        raise InvalidConfig(f"port {told or 'any'} on {host}: free to listen on, was: {error.strerror}") from error
    try:
        async with _tied(ended) if tied else nullcontext():
            _show(venue, json)
            await ended.wait()
    finally:
        await venue.stop()


@asynccontextmanager
async def _tied(ended: asyncio.Event) -> AsyncIterator[None]:
    """Set `ended` when standard input ends, which is when everybody who could write to it is gone, however he went."""
    try:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: Tie(ended), sys.stdin)
    except ValueError:
        raise InvalidConfig("--tied: standard input is a pipe that somebody holds open, was a file") from None
    try:
        yield
    finally:
        transport.close()


class Tie(asyncio.Protocol):
    """What is said is of no interest, only that nobody can say anything any more."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:
        """Take in that the other end is gone."""
        self._ended.set()


def _show(venue: "PaperVenue", json: bool) -> None:
    places = {"rest": venue.base_url, "streams": venue.ws_url, "control": venue.control_url}
    if json:
        emit("qt.paper-venue/1", {**places, "symbols": len(venue.exchange.symbols), "seed": venue.settings.seed})
        return
    for name, url in places.items():
        say(f"{name:<8} {url}")
    say(f"symbols  {len(venue.exchange.symbols)}, seed {venue.settings.seed}")
    say(f"key      {venue.settings.key} (the secret is in `credentials.api_secret`, or `paper`)")
    note("open; Ctrl-C closes it")
