"""A trader who uses python-binance: connects, lives through every kind of order, follows the account, reconciles.

Runs in that library's own environment: `python python_binance_story.py REST WS`, prints what it saw as JSON. Only
base URLs differ from what a trader on the real venue writes.
"""

import asyncio
import json
import sys
from contextlib import suppress

from binance import AsyncClient, BinanceSocketManager

SYMBOL = "ETHUSDT"


def connect(rest: str, streams: str) -> tuple[AsyncClient, BinanceSocketManager]:
    client = AsyncClient("paper", "paper")
    client.FUTURES_URL = rest + "/fapi"
    sockets = BinanceSocketManager(client)
    sockets.FSTREAM_URL = streams + "/"
    return client, sockets


async def follow(sockets: BinanceSocketManager, heard: list[dict], ready: asyncio.Event) -> None:
    async with sockets.futures_user_socket() as socket:
        ready.set()
        while True:
            heard.append(await socket.recv())


def told(heard: list[dict], order_id: int, status: str) -> bool:
    orders = [event["o"] for event in heard if event.get("e") == "ORDER_TRADE_UPDATE"]
    return any(order["i"] == order_id and order["X"] == status for order in orders)


async def settled(heard: list[dict], order_id: int, status: str) -> None:
    """Wait until the stream, not a question, has told the end of an order."""
    while not told(heard, order_id, status):
        await asyncio.sleep(0.02)


async def story(rest: str, streams: str) -> dict:
    client, sockets = connect(rest, streams)
    heard: list[dict] = []
    ready = asyncio.Event()
    try:
        await client.futures_ping()
        info = await client.futures_exchange_info()
        listed = SYMBOL in {symbol["symbol"] for symbol in info["symbols"]}
        listening = asyncio.create_task(follow(sockets, heard, ready))
        await ready.wait()
        await client.futures_change_leverage(symbol=SYMBOL, leverage=7)
        mode = await client.futures_get_position_mode()
        ticker = await client.futures_orderbook_ticker(symbol=SYMBOL)
        bid = float(ticker["bidPrice"])

        resting = await client.futures_create_order(
            symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity=0.1, price=f"{bid * 0.97:.2f}"
        )
        amended = await client.futures_modify_order(
            symbol=SYMBOL, orderId=resting["orderId"], side="BUY", quantity=0.2, price=f"{bid * 0.98:.2f}"
        )
        open_then = [order["orderId"] for order in await client.futures_get_open_orders(symbol=SYMBOL)]
        await client.futures_cancel_order(symbol=SYMBOL, orderId=resting["orderId"])
        await settled(heard, resting["orderId"], "CANCELED")

        bought = await client.futures_create_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity=0.3)
        await settled(heard, bought["orderId"], "FILLED")
        held = await client.futures_position_information(symbol=SYMBOL)
        stop = await client.futures_create_order(
            symbol=SYMBOL,
            side="SELL",
            type="STOP_MARKET",
            quantity=0.3,
            stopPrice=f"{bid * 0.9:.2f}",
            reduceOnly="true",
            workingType="MARK_PRICE",
        )
        stops = [order["algoId"] for order in await client.futures_get_open_algo_orders(symbol=SYMBOL)]
        await client.futures_cancel_algo_order(symbol=SYMBOL, algoId=stop["algoId"])
        batch = await client.futures_place_batch_order(
            batchOrders=[
                {
                    "symbol": SYMBOL,
                    "side": "BUY",
                    "type": "LIMIT",
                    "timeInForce": "GTC",
                    "quantity": "0.1",
                    "price": f"{bid * 0.96:.2f}",
                },
                {
                    "symbol": SYMBOL,
                    "side": "BUY",
                    "type": "LIMIT",
                    "timeInForce": "GTC",
                    "quantity": "0.1",
                    "price": "-1",
                },
            ]
        )
        await client.futures_cancel_all_open_orders(symbol=SYMBOL)
        sold = await client.futures_create_order(
            symbol=SYMBOL, side="SELL", type="MARKET", quantity=0.3, reduceOnly="true"
        )
        await settled(heard, sold["orderId"], "FILLED")

        trades = await client.futures_account_trades(symbol=SYMBOL)
        after = await client.futures_position_information(symbol=SYMBOL)
        account = await client.futures_account()
        left = await client.futures_get_open_orders(symbol=SYMBOL)
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
    finally:
        await client.close_connection()
    return {
        "listed": listed,
        "hedged": mode["dualSidePosition"],
        "amended": amended["origQty"],
        "open_then": open_then == [resting["orderId"]],
        "held": [position["positionAmt"] for position in held],
        "stops": stops == [stop["algoId"]],
        "batch": ["orderId" in batch[0], batch[1].get("code")],
        "orders": [bought["orderId"], sold["orderId"]],
        "fills": [
            {"id": event["o"]["t"], "fee": event["o"]["n"], "amount": event["o"]["l"]}
            for event in heard
            if event.get("e") == "ORDER_TRADE_UPDATE" and event["o"]["x"] == "TRADE"
        ],
        "trades": [{"id": t["id"], "fee": t["commission"], "amount": t["qty"]} for t in trades],
        "positions_after": [p["positionAmt"] for p in after if float(p["positionAmt"])],
        "wallet": next(a["walletBalance"] for a in account["assets"] if a["asset"] == "USDT"),
        "open_after": len(left),
    }


if __name__ == "__main__":
    json.dump(asyncio.run(asyncio.wait_for(story(*sys.argv[1:3]), 60)), sys.stdout)
