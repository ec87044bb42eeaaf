"""Doctor: each reason not to trade, looked for before trading; a check that could not be made is no good news.

A check says what it saw and how bad that is. Critical ones forbid a start, and `gate` is what every start of an account
passes; a warning is for a person to weigh.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from typing import Final

from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.venue_clock import Verdict
from qt_ray.adapters.clock import monotonic_ns
from qt_ray.adapters.instruments import load_instruments
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.places import Places, places_of
from qt_ray.adapters.trading.premises import Finding, Health, inspected
from qt_ray.core.errors import Invalid
from qt_ray.core.instruments import Instrument
from qt_ray.execution.venue.calls import AskAccount, AskKey, AskMode, AskRules, AskTime, Done, worded
from qt_ray.execution.venue.views import KeyView, ModeView, RulesView, SymbolRules

SLOW_MS: Final = 500
CLOCK_LIVE_MS: Final = 500


Check = Callable[[BinanceSession, Settings], Awaitable[list[Finding]]]


async def examined(session: BinanceSession, settings: Settings, places: Places | None = None) -> list[Finding]:
    """Return what every check saw; when the exchange cannot be reached only our own side has something to say."""
    found = [*inspected(places or places_of(settings)), *(reached := await _reachable(session, settings))]
    if any(finding.health is Health.CRITICAL for finding in reached):
        return found
    return [*found, *[finding for check in CHECKS for finding in await check(session, settings)]]


async def gate(
    session: BinanceSession, settings: Settings, places: Places | None = None, but: Collection[str] = ()
) -> list[Finding]:
    """Return what every check saw, or Invalid when something forbids a start; no trading begins without it.

    The checks named in `but` forbid nothing: a closed latch does not forbid to keep an account's books and stops.
    """
    found = await examined(session, settings, places)
    if reasons := why_not_start(finding for finding in found if finding.check not in but):
        raise Invalid(f"start: nothing may forbid it, does: {'; '.join(reasons)}")
    return found


def why_not_start(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Return each reason that forbids a start."""
    return tuple(f"{f.check}, {f.detail}" for f in findings if f.health is Health.CRITICAL)


async def _reachable(session: BinanceSession, settings: Settings) -> list[Finding]:
    began = monotonic_ns()
    answer = await session.ask(AskTime())
    took_ms = (monotonic_ns() - began) / 1e6
    if not isinstance(answer, Done):
        return [Finding("reachable", Health.CRITICAL, f"the exchange answers, was: {worded(answer)}")]
    health = Health.WARNING if took_ms > SLOW_MS else Health.OK
    return [Finding("reachable", health, f"{session} answers in {took_ms:.1f} ms")]


async def _clock(session: BinanceSession, settings: Settings) -> list[Finding]:
    view = session.clock()
    most_ms = CLOCK_LIVE_MS if settings.exchange.kind == "live" else None
    detail = f"ours is {view.ahead_ms} ms ahead of the exchange's"
    if view.verdict is Verdict.STOP or (most_ms is not None and abs(view.ahead_ms) > most_ms):
        return [Finding("clock", Health.CRITICAL, detail)]
    return [Finding("clock", Health.OK if view.verdict is Verdict.GOOD else Health.WARNING, detail)]


async def _keys(session: BinanceSession, settings: Settings) -> list[Finding]:
    answer = await session.ask(AskKey())
    if not isinstance(answer, Done):
        return [Finding("keys", Health.CRITICAL, f"the key is known, was: {worded(answer)}")]
    return list(judged_key(answer.value, settings.exchange.kind))


def judged_key(key: KeyView, kind: str) -> Iterator[Finding]:
    """Yield what a key may and should not; one that can withdraw is refused wherever it is a secret."""
    live, is_secret = kind == "live", kind != "paper"
    if not key.may_trade:
        yield Finding("keys", Health.CRITICAL, "the key may not trade futures")
    if key.may_withdraw is True or (live and key.may_withdraw is None):
        detail = "the key can withdraw" if key.may_withdraw else "nobody says whether the key can withdraw"
        yield Finding("keys", Health.CRITICAL if is_secret else Health.WARNING, f"{detail}; make one that cannot")
    if live and key.bound_to_addresses is not True:
        yield Finding("keys", Health.WARNING, "the key is not bound to addresses")
    if key.may_trade and key.may_withdraw is False:
        yield Finding("keys", Health.OK, "the key trades and cannot withdraw")


async def _account(session: BinanceSession, settings: Settings) -> list[Finding]:
    answer = await session.ask(AskAccount())
    if not isinstance(answer, Done):
        return [Finding("account", Health.CRITICAL, f"the account is shown, was: {worded(answer)}")]
    found = answer.value
    health = Health.OK if found.can_trade else Health.CRITICAL
    return [Finding("account", health, f"margin balance {found.margin_balance:f}, available {found.available:f}")]


async def _mode(session: BinanceSession, settings: Settings) -> list[Finding]:
    answer = await session.ask(AskMode())
    if not isinstance(answer, Done):
        return [Finding("mode", Health.CRITICAL, f"the account's mode is shown, was: {worded(answer)}")]
    return list(judged_mode(answer.value))


def judged_mode(mode: ModeView) -> Iterator[Finding]:
    """Yield how the account is set: one net position a symbol, margin in one asset."""
    if mode.hedge:
        yield Finding("mode", Health.WARNING, "positions are kept net, the account is in hedge mode")
    if mode.multi_assets:
        yield Finding("mode", Health.CRITICAL, "margin is in one asset, the account uses several")
    if not mode.hedge and not mode.multi_assets:
        yield Finding("mode", Health.OK, "net positions, margin in one asset")


async def _filters(session: BinanceSession, settings: Settings) -> list[Finding]:
    answer = await session.ask(AskRules())
    if not isinstance(answer, Done):
        return [Finding("filters", Health.CRITICAL, f"the filters are shown, were: {worded(answer)}")]
    ours = load_instruments()
    return list(judged_filters(answer.value, {name: ours.get(name) for name in settings.market.symbols}))


def judged_filters(rules: RulesView, wanted: dict[str, Instrument | None]) -> Iterator[Finding]:
    """Yield in what the exchange's filters differ from those that backtests use."""
    good = 0
    for symbol, instrument in wanted.items():
        found = rules.symbols.get(symbol)
        if found is None or found.status != "TRADING":
            yield Finding("filters", Health.CRITICAL, f"{symbol} trades, was {found.status if found else 'not listed'}")
        elif instrument is None:
            yield Finding("filters", Health.WARNING, f"{symbol}: backtests have no filters for it")
        elif apart := _apart(found, instrument):
            yield Finding("filters", Health.WARNING, f"{symbol}: backtests use others, {', '.join(apart)}")
        else:
            good += 1
    if good:
        yield Finding("filters", Health.OK, f"{good} symbols as backtests have them")


def _apart(found: SymbolRules, ours: Instrument) -> list[str]:
    names = ("tick", "step", "quantity_min", "notional_min")
    pairs = ((name, getattr(found, name), getattr(ours, name)) for name in names)
    return [f"{name} {theirs:f} not {mine:f}" for name, theirs, mine in pairs if theirs != mine]


CHECKS: Final[tuple[Check, ...]] = (_clock, _keys, _account, _mode, _filters)
