"""Checker: what a venue says happened against what an account's journal says, from their files and nothing else.

It does its own sums over decoded lines and shares no code with books, gateway or exchange. A breach is one line that
names the invariant; none is what everybody hopes for.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from qt_ray.governance.journal import head_of, records

ZERO = Decimal(0)
Line = dict[str, Any]


@dataclass(slots=True)
class Story:
    """What one side tells: lines by kind, in their order."""

    lines: dict[str, list[Line]] = field(default_factory=dict)

    def of(self, *kinds: str) -> list[Line]:
        return [line for kind in kinds for line in self.lines.get(kind, [])]


def venue_story(trade_log: Path) -> Story:
    """Return what the venue wrote down."""
    return _story(orjson.loads(line) for line in trade_log.read_bytes().splitlines())


def journal_story(folder: Path) -> Story:
    """Return what an account has journalled; a torn end counts for nothing."""
    return _story(orjson.loads(payload) for payload in _payloads(folder))


def breaches(venue: Story, journal: Story, balance: Decimal) -> list[str]:
    """Return every invariant that is broken, and how."""
    checks = (fills_differ(venue, journal), positions_differ(venue, journal), wallet_differs(venue, journal, balance))
    return [said for check in (*checks, doubled(venue), orphans(venue, journal)) for said in check]


def fills_differ(venue: Story, journal: Story) -> Iterator[str]:
    """V1: the same trades, by number, amount, price and fee, each once."""
    theirs = Counter(_trade(line, line) for line in venue.of("trade"))
    ours = Counter(_trade(line, line["execution"]) for line in journal.of("traded"))
    yield from (f"V1 lost {trade}" for trade in theirs - ours)
    yield from (f"V1 invented {trade}" for trade in ours - theirs)


def positions_differ(venue: Story, journal: Story) -> Iterator[str]:
    """V2: the sum of signed amounts, by symbol."""
    theirs = _positions((line, line) for line in venue.of("trade"))
    ours = _positions((line, line["execution"]) for line in journal.of("traded"))
    if theirs != ours:
        yield f"V2 {theirs} was {ours}"


def wallet_differs(venue: Story, journal: Story, balance: Decimal) -> Iterator[str]:
    """V3: the wallet is what it began with, plus what trades realised, minus their fees."""
    theirs = sum((Decimal(line["realised"]) - Decimal(line["fee"]) for line in venue.of("trade")), balance)
    (opening,) = journal.of("opening")
    sums = (Decimal(line["realised"]) - Decimal(line["execution"]["fee"]) for line in journal.of("traded"))
    ours = sum(sums, Decimal(opening["wallets"]["USDT"]))
    if theirs != ours:
        yield f"V3 {theirs} was {ours}"


def doubled(venue: Story) -> Iterator[str]:
    """V4: no name bears two orders."""
    names = Counter((line["kind"], line["client_id"]) for line in venue.of("order", "algo"))
    yield from (f"V4 {count} orders named {name}" for name, count in names.items() if count > 1)


def orphans(venue: Story, journal: Story) -> Iterator[str]:
    """V5: every order was journalled as wanted and as sent before the venue took it."""
    wanted = {line["intent"]["client_id"]: line["at_ms"] for line in journal.of("wanted")}
    sent = {line["client_id"]: line["at_ms"] for line in journal.of("sent")}
    for line in venue.of("order", "algo"):
        name = line["client_id"]
        if name not in wanted or name not in sent:
            yield f"V5 {name} has no journalled intent"
        elif wanted[name] > line["time"] or sent[name] > line["time"]:
            yield f"V5 {name} was taken before it was journalled"


def gaps(venue: Story) -> list[tuple[int, int]]:
    """V9: from when to when, in ms, a position that had just been opened or turned round had no stop at the venue."""
    found: list[tuple[int, int]] = []
    open_since: dict[str, tuple[int, str]] = {}
    held: dict[str, Decimal] = {}
    for line in sorted(venue.of("trade", "algo"), key=lambda one: (one["time"], one["kind"] == "algo")):
        symbol = line["symbol"]
        if line["kind"] == "algo":
            since = open_since.get(symbol)
            if since is not None and line["side"] == since[1]:
                found.append((since[0], line["time"]))
                del open_since[symbol]
            continue
        before = held.get(symbol, ZERO)
        held[symbol] = after = before + _signed(line, line)
        if after == 0:
            if symbol in open_since:
                found.append((open_since.pop(symbol)[0], line["time"]))
        elif before * after <= 0:
            open_since[symbol] = (line["time"], "SELL" if after > 0 else "BUY")
    return found


def _story(lines: Iterable[Line]) -> Story:
    story = Story()
    for line in lines:
        story.lines.setdefault(line["kind"], []).append(line)
    return story


def _payloads(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.glob("segment-*.qtj")):
        data = path.read_bytes()
        for record in records(path.name, data, head_of(path.name, data).first, torn_may_end=True):
            yield record.payload


def _trade(order: Line, execution: Line) -> tuple[Any, ...]:
    numbers = (Decimal(execution[name]) for name in ("quantity", "price", "fee"))
    return order["symbol"], order["side"], execution["trade_id"], *numbers, execution["fee_asset"]


def _signed(order: Line, execution: Line) -> Decimal:
    return Decimal(execution["quantity"]) * (1 if order["side"] == "BUY" else -1)


def _positions(trades: Iterable[tuple[Line, Line]]) -> dict[str, Decimal]:
    held: dict[str, Decimal] = {}
    for order, execution in trades:
        held[order["symbol"]] = held.get(order["symbol"], ZERO) + _signed(order, execution)
    return {symbol: quantity for symbol, quantity in held.items() if quantity}
