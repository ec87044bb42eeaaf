"""Recorded: real messages of the venue where a checkout has them, and always some of ours in the same form."""

import gzip
import os
from pathlib import Path
from typing import Any

import orjson

FOLDER = Path(os.environ.get("QT_FIXTURES") or Path(__file__).parents[5] / "shared" / "data" / "fixtures")

ORDER: dict[str, Any] = {
    "orderId": 22542179,
    "symbol": "BTCUSDT",
    "status": "PARTIALLY_FILLED",
    "clientOrderId": "qt-trend-00000000000000000000-0",
    "price": "50000.10",
    "avgPrice": "50000.05",
    "origQty": "0.010",
    "executedQty": "0.004",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "reduceOnly": False,
    "closePosition": False,
    "side": "BUY",
    "positionSide": "BOTH",
    "stopPrice": "0",
    "updateTime": 1566818724722,
}
ALGO: dict[str, Any] = {
    "algoId": 2146760,
    "clientAlgoId": "qt-trend-00000000000000000000-1",
    "algoType": "CONDITIONAL",
    "orderType": "STOP_MARKET",
    "symbol": "BTCUSDT",
    "side": "SELL",
    "positionSide": "BOTH",
    "timeInForce": "GTC",
    "quantity": "0.010",
    "algoStatus": "NEW",
    "actualOrderId": "",
    "triggerPrice": "45000.00",
    "price": "0.00",
    "workingType": "MARK_PRICE",
    "closePosition": False,
    "reduceOnly": True,
    "activatePrice": None,
    "createTime": 1750485492076,
    "updateTime": 1750485492076,
}
TRADE: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "id": 698759,
    "orderId": 25851813,
    "side": "SELL",
    "price": "7819.01",
    "qty": "0.002",
    "realizedPnl": "-0.91539999",
    "commission": "-0.07819010",
    "commissionAsset": "USDT",
    "time": 1569514978020,
    "positionSide": "BOTH",
    "buyer": False,
    "maker": True,
}
TRADED: dict[str, Any] = {
    "e": "ORDER_TRADE_UPDATE",
    "T": 1568879465650,
    "E": 1568879465651,
    "o": {
        "s": "BTCUSDT",
        "c": "qt-trend-00000000000000000000-0",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "0.010",
        "p": "50000.10",
        "ap": "50000.05",
        "x": "TRADE",
        "X": "PARTIALLY_FILLED",
        "i": 8886774,
        "l": "0.004",
        "z": "0.004",
        "L": "50000.05",
        "N": "BNB",
        "n": "0.00003",
        "T": 1568879465650,
        "t": 77,
        "b": "300.0006",
        "a": "0",
        "m": True,
        "R": False,
        "ps": "BOTH",
        "cp": False,
        "rp": "1.25",
        "er": "0",
    },
}
MOVED: dict[str, Any] = {
    "e": "ACCOUNT_UPDATE",
    "T": 5,
    "E": 6,
    "a": {
        "m": "FUNDING_FEE",
        "B": [{"a": "USDT", "wb": "100.5", "cw": "100.5", "bc": "-0.5"}, {"a": "BNB", "wb": "1", "cw": "1", "bc": "0"}],
        "P": [{"s": "BTCUSDT", "pa": "-0.004", "ep": "50000.05", "up": "-1.5", "ps": "BOTH"}],
    },
}
TRIGGERED: dict[str, Any] = {
    "e": "ALGO_UPDATE",
    "T": 5,
    "E": 6,
    "o": {
        "caid": "qt-trend-00000000000000000000-1",
        "aid": 2148719,
        "o": "STOP_MARKET",
        "s": "BTCUSDT",
        "S": "SELL",
        "ps": "BOTH",
        "f": "GTC",
        "q": "0.01",
        "X": "TRIGGERED",
        "ai": "982736",
        "tp": "45000",
        "p": "0",
        "cp": False,
        "R": True,
        "rm": "",
    },
}
SYMBOL: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "contractType": "PERPETUAL",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "liquidationFee": "0.012500",
    "marketTakeBound": "0.05",
    "orderTypes": ["LIMIT", "MARKET", "STOP_MARKET"],
    "timeInForce": ["GTC", "IOC"],
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": "50"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500"},
    ],
}
LIMITS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
    {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
]


def lines(*places: str) -> list[str]:
    """Return the recorded messages of some files, one a line or one a file."""
    found: list[str] = []
    for path in (path for place in places for path in sorted(FOLDER.glob(place))):
        text = path.read_text("utf-8")
        found += text.splitlines() if path.suffix == ".jsonl" else [text]
    return found


def bodies(place: str) -> list[Any]:
    """Return the recorded bodies of some files, unpacked."""
    paths = sorted(FOLDER.glob(place))
    return [orjson.loads(gzip.decompress(p.read_bytes()) if p.suffix == ".gz" else p.read_bytes()) for p in paths]
