"""Other people's client libraries trade on the paper venue with nothing but their base URLs changed."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qt_ray.adapters.paper.control import FIRST_ACCOUNT
from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue

pytestmark = [pytest.mark.integration, pytest.mark.requirement("S4 PaperVenue")]

ROOT = Path(__file__).parents[2]
PATIENCE_S = 90


async def lived(client: str) -> tuple[dict[str, Any], PaperVenue]:
    """Return what the story of a client saw, and the venue it was lived on."""
    venue = PaperVenue(PaperSettings(symbols=("BTCUSDT", "ETHUSDT"), seed=7))
    await venue.start()
    python = ROOT / ".clients" / client / "bin" / "python"
    story = ROOT / "tests" / "clients" / f"{client}_story.py"
    try:
        process = await asyncio.create_subprocess_exec(
            str(python),
            str(story),
            venue.base_url,
            venue.ws_url,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    finally:
        await venue.stop()
    assert process.returncode == 0, err.decode()[-2_000:]
    return json.loads(out), venue


def venue_trades(venue: PaperVenue, symbol: str) -> dict[str, tuple[Decimal, Decimal]]:
    trades = venue.exchange.trades(FIRST_ACCOUNT, symbol)
    return {str(trade.id): (trade.quantity, trade.fee) for trade in trades}


def test_ccxt_lives_through_connect_orders_stream_and_reconciliation() -> None:
    seen, venue = asyncio.run(lived("ccxt"))
    assert seen["amended"] == [0.02, 0.02]
    assert seen["open_then"]
    assert seen["stops"]
    assert seen["held"] == [0.05]
    told = {trade["id"]: (Decimal(str(trade["amount"])), Decimal(trade["fee"])) for trade in seen["trades"]}
    assert told == venue_trades(venue, "BTCUSDT")
    assert {trade["order"] for trade in seen["trades"]} == set(seen["orders"])
    assert seen["positions_after"] == []
    assert seen["open_after"] == 0
    assert Decimal(seen["wallet"]) == venue.exchange.figures(FIRST_ACCOUNT)["USDT"].wallet


def test_python_binance_lives_through_connect_orders_stream_and_reconciliation() -> None:
    seen, venue = asyncio.run(lived("python_binance"))
    assert seen["listed"]
    assert seen["hedged"] is False
    assert Decimal(seen["amended"]) == Decimal("0.2")
    assert seen["open_then"]
    assert seen["stops"]
    assert [Decimal(quantity) for quantity in seen["held"]] == [Decimal("0.3")]
    accepted, code = seen["batch"]
    assert accepted
    assert code < 0
    asked = {str(trade["id"]): (Decimal(trade["amount"]), Decimal(trade["fee"])) for trade in seen["trades"]}
    heard = {str(fill["id"]): (Decimal(fill["amount"]), Decimal(fill["fee"])) for fill in seen["fills"]}
    assert asked == heard == venue_trades(venue, "ETHUSDT")
    assert seen["positions_after"] == []
    assert seen["open_after"] == 0
    assert Decimal(seen["wallet"]) == venue.exchange.figures(FIRST_ACCOUNT)["USDT"].wallet
