"""Modes: the account set as the fund needs it, and read back, because only what the venue then shows is so.

Setting what is set already is no failure, though the venue answers with one. What could not be mended is said, and
then nothing may be opened.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from qt_ray.execution.venue.calls import (
    Answer,
    AskMode,
    Call,
    Done,
    SetHedgeMode,
    SetLeverage,
    SetMargin,
)
from qt_ray.execution.venue.session import VenueSession
from qt_ray.execution.venue.views import ModeView

ALREADY = frozenset({-4046, -4059})
HEDGE, MULTI_ASSETS = "hedge mode", "multi-asset margin"


@dataclass(frozen=True, slots=True)
class Mode:
    """How an account should be set; netted, in one asset, and each symbol with its own leverage."""

    leverage: Mapping[str, int]
    isolated: bool = False
    hedge: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that was not as wanted: which setting, how it is now, and whether that is as wanted."""

    setting: str
    wanted: str
    found: str
    mended: bool
    reason: str = field(default="")


async def ensure_mode(session: VenueSession, wanted: Mode) -> list[Difference] | Answer[Any]:
    """Set what differs and return it as it is after reading back; another answer if the account cannot be read."""
    before = await session.ask(AskMode())
    if not isinstance(before, Done):
        return before
    differing = dict(_differences(before.value, wanted))
    said = {name: await _mend(session, call) for name, (_, _, call) in differing.items()}
    after = await session.ask(AskMode()) if differing else before
    if not isinstance(after, Done):
        return after
    left = dict(_differences(after.value, wanted))
    return [
        Difference(name, want, left[name][1] if name in left else want, name not in left, said[name])
        for name, (want, _, _) in differing.items()
    ]


def _differences(mode: ModeView, wanted: Mode) -> Iterator[tuple[str, tuple[str, str, Call | None]]]:
    """Yield each setting that differs, with what is wanted, what is found, and the call that mends it."""
    if mode.hedge is not wanted.hedge:
        yield HEDGE, (str(wanted.hedge), str(mode.hedge), SetHedgeMode(wanted.hedge))
    if mode.multi_assets:
        yield MULTI_ASSETS, ("False", "True", None)
    for symbol, leverage in wanted.leverage.items():
        yield from _symbol_differences(mode, symbol, leverage, wanted.isolated)


def _symbol_differences(
    mode: ModeView, symbol: str, leverage: int, isolated: bool
) -> Iterator[tuple[str, tuple[str, str, Call | None]]]:
    found = mode.symbols.get(symbol)
    if found is None:
        yield f"{symbol} settings", ("shown", "missing", None)
        return
    if found.isolated is not isolated:
        margin = {True: "isolated", False: "crossed"}
        yield f"{symbol} margin", (margin[isolated], margin[found.isolated], SetMargin(symbol, isolated))
    if found.leverage != leverage:
        yield f"{symbol} leverage", (str(leverage), str(found.leverage), SetLeverage(symbol, leverage))


async def _mend(session: VenueSession, call: Call | None) -> str:
    """Return why a setting could not be set, or nothing."""
    if call is None:
        return "only a person can change it"
    answer = await session.ask(call)
    if isinstance(answer, Done) or getattr(answer, "code", None) in ALREADY:
        return ""
    return str(answer)
