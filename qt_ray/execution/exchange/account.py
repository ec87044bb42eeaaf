"""Account: what one client holds at the exchange: wallets, orders, positions, and a bounded memory of what was.

A `Line` is an account in one symbol. Open notionals are kept as they change, so margin never scans orders; closed
orders, trades and incomes are remembered up to named maxima, the oldest forgotten first.
"""

from collections import deque
from dataclasses import dataclass
from decimal import Decimal

from qt_ray.core.orders import Side
from qt_ray.execution.exchange.listing import Listing, Quote
from qt_ray.execution.exchange.values import ZERO, Algo, Held, Income, Order, Refusal, Setting, Trade
from qt_ray.execution.venue.views import PositionSide

CLOSED_ORDERS_MAX = 10_000
CLOSED_ALGOS_MAX = 2_000
TRADES_MAX = 10_000
INCOMES_MAX = 10_000
FORCED_MAX = 1_000


@dataclass(slots=True)
class Board:
    """What everybody sees of a symbol: its listing, and its prices once there are any."""

    listing: Listing
    quote: Quote | None = None
    last: Decimal = ZERO
    mark: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Share:
    """What one line adds to its account's figures."""

    waiting: Decimal = ZERO
    unrealised: Decimal = ZERO
    initial: Decimal = ZERO
    maintenance: Decimal = ZERO


class Line:
    """One account in one symbol.

    `closers` are the open orders that only close, `guards` the conditional ones that close the whole position: both
    end with it, and are few. `share` is what margin last found of it, behind all that this rests on.
    """

    __slots__ = ("asks", "bids", "board", "closers", "guards", "held", "open", "setting", "share", "trades")

    def __init__(self, board: Board, setting: Setting) -> None:
        self.board, self.setting = board, setting
        self.held = {side: Held(board.listing.symbol, side) for side in PositionSide}
        self.open: dict[int, Order] = {}
        self.closers: dict[int, Order] = {}
        self.guards: dict[int, Algo] = {}
        self.bids = self.asks = ZERO
        self.trades: deque[Trade] = deque(maxlen=TRADES_MAX)
        self.share: tuple[tuple[object, ...], Share] | None = None

    @property
    def listing(self) -> Listing:
        """Return the symbol as it is listed now."""
        return self.board.listing

    @property
    def mark(self) -> Decimal:
        """Return the mark price of now."""
        return self.board.mark

    @property
    def is_flat(self) -> bool:
        """Return whether no position is held."""
        both, long, short = self.held.values()
        return not (both.quantity or long.quantity or short.quantity)

    def reserve(self, order: Order, quantity: Decimal) -> None:
        """Count so much more (or less) of an order that may open as waiting."""
        if order.closes:
            return
        if order.side is Side.BUY:
            self.bids += quantity * order.price
        else:
            self.asks += quantity * order.price

    def closable(self, order: Order) -> Decimal:
        """Return how much of a position an order could close."""
        quantity = -order.side.sign * self.held[order.position_side].quantity
        return quantity if quantity > 0 else ZERO

    def room(self, order: Order) -> Decimal:
        """Return how much of an order may trade now: one that only closes ends with its position."""
        return min(order.left, self.closable(order)) if order.closes else order.left

    def shown(self, side: PositionSide) -> Held:
        """Return a copy of a position with the mark and margin type of now."""
        held = self.held[side].copy()
        held.isolated, held.mark = self.setting.isolated, self.mark
        return held


class Account:
    """One client; `by_client` knows the latest order of each name."""

    __slots__ = (
        "algos",
        "algos_by_client",
        "burns_fees",
        "by_client",
        "closed",
        "closed_algos",
        "forced",
        "hedge",
        "incomes",
        "lines",
        "multi_assets",
        "name",
        "open",
        "open_algos",
        "orders",
        "parents",
        "wallets",
        "warned",
    )

    def __init__(self, name: str, wallets: dict[str, Decimal]) -> None:
        self.name, self.wallets = name, dict(wallets)
        self.hedge = self.multi_assets = self.burns_fees = False
        self.lines: dict[str, Line] = {}
        self.orders: dict[int, Order] = {}
        self.open: dict[str, Order] = {}
        self.by_client: dict[str, Order] = {}
        self.closed: deque[Order] = deque()
        self.algos: dict[int, Algo] = {}
        self.open_algos: dict[int, Algo] = {}
        self.algos_by_client: dict[str, Algo] = {}
        self.closed_algos: deque[Algo] = deque()
        self.parents: dict[int, Algo] = {}
        self.incomes: deque[Income] = deque(maxlen=INCOMES_MAX)
        self.forced: deque[Order] = deque(maxlen=FORCED_MAX)
        self.warned: set[str] = set()

    def cross_wallet(self, asset: str) -> Decimal:
        """Return a wallet without what isolated positions hold of it."""
        cross = self.wallets.get(asset, ZERO)
        for line in self.lines.values():
            if line.setting.isolated and line.listing.quote == asset:
                cross -= sum((held.isolated_wallet for held in line.held.values()), ZERO)
        return cross

    def admit(self, order: Order, line: Line) -> None:
        """Hold a new order; its name now means this one."""
        self.orders[order.id] = self.by_client[order.client_id] = self.open[order.client_id] = order
        line.open[order.id] = order
        if order.closes:
            line.closers[order.id] = order
        line.reserve(order, order.quantity)

    def retire(self, order: Order, line: Line) -> None:
        """Hold an order as ended, and forget the oldest beyond the maximum."""
        line.reserve(order, -order.left)
        del line.open[order.id], self.open[order.client_id]
        line.closers.pop(order.id, None)
        self.closed.append(order)
        if len(self.closed) > CLOSED_ORDERS_MAX:
            old = self.closed.popleft()
            del self.orders[old.id]
            if self.by_client.get(old.client_id) is old:
                del self.by_client[old.client_id]

    def admit_algo(self, algo: Algo, line: Line) -> None:
        """Hold a new conditional order."""
        if algo.wanted.closes_position:
            line.guards[algo.id] = algo
        self.algos[algo.id] = self.algos_by_client[algo.client_id] = self.open_algos[algo.id] = algo

    def leave(self, algo: Algo) -> None:
        """Let a conditional order wait no more."""
        self.open_algos.pop(algo.id, None)
        self.lines[algo.wanted.symbol].guards.pop(algo.id, None)

    def retire_algo(self, algo: Algo) -> None:
        """Hold a conditional order as ended, and forget the oldest beyond the maximum."""
        self.closed_algos.append(algo)
        if len(self.closed_algos) > CLOSED_ALGOS_MAX:
            old = self.closed_algos.popleft()
            del self.algos[old.id]
            if self.algos_by_client.get(old.client_id) is old:
                del self.algos_by_client[old.client_id]

    def find(self, symbol: str, order_id: int | None, client_id: str | None) -> Order | None:
        """Return an order by its number or its latest name."""
        order = self.orders.get(order_id) if order_id is not None else self.by_client.get(client_id or "")
        return order if order is not None and order.symbol == symbol else None

    def find_open(self, symbol: str, order_id: int | None, client_id: str | None, code: int, words: str) -> Order:
        """Return an order that can still trade, or refuse in the words of whoever asks."""
        order = self.find(symbol, order_id, client_id)
        if order is None or not order.is_open:
            raise Refusal(code, words)
        return order

    def find_algo(self, algo_id: int | None, client_id: str | None) -> Algo | None:
        """Return a conditional order by its number or its latest name."""
        return self.algos.get(algo_id) if algo_id is not None else self.algos_by_client.get(client_id or "")
