"""`qt positions|orders|fills|pnl`: what the exchange says of the account; it is the truth about all four."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qt_ray.cli.asking import told, with_session
from qt_ray.cli.config import Assignments, Json, Profile
from qt_ray.cli.numbers import whole
from qt_ray.cli.screen import console, emit
from qt_ray.core.moments import rfc3339

if TYPE_CHECKING:
    from qt_ray.adapters.binance.session import BinanceSession
    from qt_ray.adapters.settings import Settings
    from qt_ray.execution.venue.views import IncomeView, OrderView, PositionView, TradeView

DAY_MS = 86_400_000
# The exchange shows the trades of a week at a time.
WEEK_MS = 7 * DAY_MS
PAGE = 1_000
KINDS = {"REALIZED_PNL": "realised", "COMMISSION": "fees", "FUNDING_FEE": "funding", "TRANSFER": "transfers"}

Symbols = Annotated[list[str] | None, typer.Option("--symbol", help="Only this symbol; may be repeated.")]
Days = Annotated[int, typer.Option("--days", help="How many days back.", **whole(1, 90))]


def positions(profile: Profile = "paper", assignments: Assignments = None, json: Json = False) -> None:
    """Show what the account holds at the exchange: signed quantity, entry, mark, profit and liquidation price."""
    from qt_ray.execution.venue.calls import AskPositions

    async def work(session: "BinanceSession", settings: "Settings") -> "list[PositionView]":
        return [view for view in await told(session, AskPositions()) if view.quantity != 0]

    found = with_session(profile, assignments, work)
    if json:
        emit("qt.positions/1", {"positions": found})
        return
    lines = [
        (v.symbol, v.side, v.quantity, v.entry.normalize(), v.mark, v.unrealised, v.liquidation or "-") for v in found
    ]
    _table(("symbol", "side", "quantity", "entry", "mark", "unrealised", "liquidation"), lines, "nothing is held")


def orders(
    profile: Profile = "paper", assignments: Assignments = None, symbol: Symbols = None, json: Json = False
) -> None:
    """Show the open orders, plain and conditional, whoever placed them."""
    from qt_ray.core.ids import is_ours
    from qt_ray.execution.venue.calls import AskOpenOrders

    async def work(session: "BinanceSession", settings: "Settings") -> "list[OrderView]":
        plain = await told(session, AskOpenOrders())
        waiting = await told(session, AskOpenOrders(conditional=True))
        return [view for view in (*plain, *waiting) if not symbol or view.symbol in _upper(symbol)]

    found = with_session(profile, assignments, work)
    if json:
        emit("qt.orders/1", {"orders": found})
        return
    lines = [
        (
            view.symbol,
            view.side,
            view.type,
            f"{view.executed}/{view.quantity}",
            view.limit_price or "-",
            view.trigger_price or "-",
            "reduce" if view.reduce_only or view.closes_position else "open",
            view.client_id if is_ours(view.client_id) else f"{view.client_id} (not ours)",
            rfc3339(view.created_ms),
        )
        for view in found
    ]
    _table(("symbol", "side", "type", "done", "price", "trigger", "may", "name", "since"), lines, "no order is open")


def fills(
    profile: Profile = "paper",
    assignments: Assignments = None,
    symbol: Symbols = None,
    days: Days = 7,
    json: Json = False,
) -> None:
    """Show the account's trades: those of the named symbols, or of all that moved its wallet."""

    async def work(session: "BinanceSession", settings: "Settings") -> "list[TradeView]":
        since_ms = await _since(session, days)
        names = _upper(symbol) or {i.symbol for i in await _incomes(session, since_ms) if i.symbol}
        weeks = range(since_ms, since_ms + days * DAY_MS, WEEK_MS)
        pages = [await _trades(session, name, week) for name in sorted(names) for week in weeks]
        found = {(t.symbol, t.execution.trade_id, t.side): t for page in pages for t in page}.values()
        return sorted(found, key=lambda trade: (trade.execution.time_ms, trade.execution.trade_id))

    found = with_session(profile, assignments, work)
    if json:
        emit("qt.fills/1", {"fills": found})
        return
    lines = [
        (
            rfc3339(trade.execution.time_ms),
            trade.symbol,
            trade.side,
            trade.execution.quantity,
            trade.execution.price,
            f"{trade.execution.fee} {trade.execution.fee_asset}",
            trade.realised,
            "maker" if trade.execution.maker else "taker",
            trade.execution.trade_id,
        )
        for trade in found
    ]
    names = ("time", "symbol", "side", "quantity", "price", "fee", "realised", "as", "trade")
    _table(names, lines, "nothing was traded")


def pnl(profile: Profile = "paper", assignments: Assignments = None, days: Days = 7, json: Json = False) -> None:
    """Show what moved the account's wallets, by cause, and what is still open."""
    from qt_ray.execution.venue.calls import AskAccount

    async def work(session: "BinanceSession", settings: "Settings") -> tuple[Any, "list[IncomeView]"]:
        incomes = await _incomes(session, await _since(session, days))
        return await told(session, AskAccount()), incomes

    account, incomes = with_session(profile, assignments, work)
    causes: dict[tuple[str, str], Decimal] = {}
    for income in incomes:
        key = KINDS.get(income.kind, income.kind.lower()), income.asset
        causes[key] = causes.get(key, Decimal(0)) + income.amount
    if json:
        moved = [{"cause": cause, "asset": asset, "amount": amount} for (cause, asset), amount in causes.items()]
        emit("qt.pnl/1", {"days": days, "moved": moved, "wallets": account.wallets, "unrealised": account.unrealised})
        return
    lines: list[tuple[Any, ...]] = [(cause, amount, asset) for (cause, asset), amount in sorted(causes.items())]
    lines += [("unrealised", account.unrealised, "")]
    lines += [("wallet", amount, asset) for asset, amount in sorted(account.wallets.items()) if amount != 0]
    _table((f"last {days} days", "amount", "asset"), lines, "")


async def _since(session: "BinanceSession", days: int) -> int:
    from qt_ray.execution.venue.calls import AskTime

    now_ms: int = await told(session, AskTime())
    return now_ms - days * DAY_MS


async def _incomes(session: "BinanceSession", since_ms: int) -> "list[IncomeView]":
    """Return every movement since a moment; pages overlap, because several may have one time."""
    from qt_ray.execution.venue.calls import AskIncome

    found: dict[tuple[str, int, str, str], IncomeView] = {}
    while True:
        page = await told(session, AskIncome(since_ms, limit=PAGE))
        found |= {(income.kind, income.id, income.asset, income.trade_id): income for income in page}
        last_ms = max((income.time_ms for income in page), default=since_ms)
        if len(page) < PAGE or last_ms == since_ms:
            return list(found.values())
        since_ms = last_ms


async def _trades(session: "BinanceSession", symbol: str, since_ms: int) -> "list[TradeView]":
    from qt_ray.execution.venue.calls import AskTrades

    found: list[TradeView] = list(await told(session, AskTrades(symbol, since_ms=since_ms, limit=PAGE)))
    page = found
    while len(page) >= PAGE:
        page = list(await told(session, AskTrades(symbol, from_id=page[-1].execution.trade_id + 1, limit=PAGE)))
        found += page
    return found


def _upper(symbols: Iterable[str] | None) -> set[str]:
    return {symbol.upper() for symbol in symbols or ()}


def _table(names: tuple[str, ...], lines: list[tuple[Any, ...]], empty: str) -> None:
    from rich.table import Table

    from qt_ray.cli.screen import note

    if not lines and empty:
        note(empty)
        return
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, justify="left" if name in ("symbol", "side", "name", "time") else "right")
    for line in lines:
        table.add_row(*(f"{cell:f}" if isinstance(cell, Decimal) else str(cell) for cell in line))
    console().print(table)
