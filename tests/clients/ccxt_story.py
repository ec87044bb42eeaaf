"""A trader who uses ccxt: connects, lives through every kind of order, follows the account, reconciles.

Runs in ccxt's own environment: `python ccxt_story.py REST WS`, prints what it saw as JSON. Only base URLs differ from
what a trader on the real venue writes.
"""

import asyncio
import json
import sys
from contextlib import suppress

import ccxt.pro

SYMBOL = "BTC/USDT:USDT"


def connect(rest: str, streams: str) -> ccxt.pro.binanceusdm:
    trader = ccxt.pro.binanceusdm({"apiKey": "paper", "secret": "paper", "enableRateLimit": False})
    for name, path in trader.urls["api"].items():
        if isinstance(path, str) and "/fapi/" in path:
            trader.urls["api"][name] = rest + path[path.index("/fapi/") :]
        elif name == "sapi":
            trader.urls["api"][name] = rest + "/sapi/v1"
    trader.urls["api"]["ws"]["linear"] = streams + "/ws"
    trader.urls["api"]["ws"]["ws-api"]["linear"] = streams + "/ws-fapi/v1"
    return trader


async def follow(trader: ccxt.pro.binanceusdm, heard: list[dict]) -> None:
    while True:
        orders = await trader.watch_orders(SYMBOL)
        heard.extend({"id": order["id"], "status": order["status"], "filled": order["filled"]} for order in orders)


async def connected(trader: ccxt.pro.binanceusdm) -> None:
    """Wait until the user stream is open, so that nothing is told before anybody listens."""
    while not any(client.connected.done() for url, client in trader.clients.items() if "listenKey=" in url):
        await asyncio.sleep(0.02)


async def settled(trader: ccxt.pro.binanceusdm, heard: list[dict], order_id: str, status: str) -> None:
    """Wait until the stream, not a question, has told the end of an order."""
    while {"id": order_id, "status": status} not in [{"id": h["id"], "status": h["status"]} for h in heard]:
        await asyncio.sleep(0.02)


async def story(rest: str, streams: str) -> dict:
    trader = connect(rest, streams)
    heard: list[dict] = []
    try:
        await trader.load_markets()
        await trader.set_position_mode(False) if await hedged(trader) else None
        await trader.set_leverage(10, SYMBOL)
        await trader.set_margin_mode("isolated", SYMBOL)
        await trader.set_margin_mode("cross", SYMBOL)
        listening = asyncio.create_task(follow(trader, heard))
        await connected(trader)
        book = await trader.fetch_order_book(SYMBOL, 20)
        bid = float(book["bids"][0][0])

        resting = await trader.create_order(SYMBOL, "limit", "buy", 0.01, trader.price_to_precision(SYMBOL, bid * 0.97))
        amended = await trader.edit_order(
            resting["id"], SYMBOL, "limit", "buy", 0.02, trader.price_to_precision(SYMBOL, bid * 0.98)
        )
        seen = await trader.fetch_order(resting["id"], SYMBOL)
        open_then = [order["id"] for order in await trader.fetch_open_orders(SYMBOL)]
        await trader.cancel_order(resting["id"], SYMBOL)
        await settled(trader, heard, resting["id"], "canceled")

        bought = await trader.create_order(SYMBOL, "market", "buy", 0.05)
        await settled(trader, heard, bought["id"], "closed")
        held = await trader.fetch_positions([SYMBOL])
        stop = await trader.create_order(
            SYMBOL,
            "market",
            "sell",
            0.05,
            None,
            {"stopLossPrice": trader.price_to_precision(SYMBOL, bid * 0.9), "reduceOnly": True},
        )
        stops = [order["id"] for order in await trader.fetch_open_orders(SYMBOL, params={"trigger": True})]
        await trader.cancel_order(stop["id"], SYMBOL, {"trigger": True})
        sold = await trader.create_order(SYMBOL, "market", "sell", 0.05, None, {"reduceOnly": True})
        await settled(trader, heard, sold["id"], "closed")

        trades = await trader.fetch_my_trades(SYMBOL)
        after = await trader.fetch_positions([SYMBOL])
        balance = await trader.fetch_balance()
        left = await trader.fetch_open_orders(SYMBOL)
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
    finally:
        await trader.close()
    return {
        "amended": [amended["amount"], seen["amount"]],
        "open_then": open_then == [resting["id"]],
        "held": [position["contracts"] for position in held],
        "stops": stops == [stop["id"]],
        "orders": [bought["id"], sold["id"]],
        "heard": heard,
        "trades": [
            {"id": t["id"], "order": t["order"], "amount": t["amount"], "fee": t["info"]["commission"]} for t in trades
        ],
        "positions_after": [position["contracts"] for position in after if position["contracts"]],
        "wallet": next(a["walletBalance"] for a in balance["info"]["assets"] if a["asset"] == "USDT"),
        "open_after": len(left),
    }


async def hedged(trader: ccxt.pro.binanceusdm) -> bool:
    return (await trader.fetch_position_mode(SYMBOL))["hedged"]


if __name__ == "__main__":
    json.dump(asyncio.run(asyncio.wait_for(story(*sys.argv[1:3]), 60)), sys.stdout)
