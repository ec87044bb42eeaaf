"""Limits: how much may be asked, counted as the venue counts: weight by address, orders by account.

Who goes on after 429 is shut out with 418 until a stated moment, so a client that does not listen is found out here
and not by the real venue.
"""

from dataclasses import dataclass, field

from qt_ray.adapters.paper.refusals import BANNED, Denied, denied

MINUTE_MS, TEN_SECONDS_MS = 60_000, 10_000
PATIENCE = 10
BAN_MS = 120_000
ADDRESSES_MAX = 10_000


@dataclass(slots=True)
class Window:
    """What was used of a fixed window of time."""

    length_ms: int
    started: int = -1
    used: int = 0

    def at(self, now_ms: int) -> "Window":
        """Return itself, emptied when its time is over."""
        number = now_ms // self.length_ms
        if number != self.started:
            self.started, self.used = number, 0
        return self

    def left_s(self, now_ms: int) -> int:
        """Return the whole seconds until the window is over, at least one."""
        return max(1, -(-((self.started + 1) * self.length_ms - now_ms) // 1_000))


@dataclass(slots=True)
class Visitor:
    """One address: its weight, how often it came although it was told to wait, and until when it is shut out."""

    weight: Window = field(default_factory=lambda: Window(MINUTE_MS))
    deaf: int = 0
    banned_until: int = 0


@dataclass(slots=True)
class Limits:
    """The limits, and what everybody has used of them."""

    weight_minute: int = 2_400
    orders_minute: int = 1_200
    orders_ten_seconds: int = 300
    _visitors: dict[str, Visitor] = field(default_factory=dict)
    _orders: dict[str, tuple[Window, Window]] = field(default_factory=dict)

    def enter(self, address: str, weight: int, now_ms: int) -> int:
        """Count a request; return the weight used this minute, or refuse."""
        visitor = self._visitor(address)
        if now_ms < visitor.banned_until:
            raise self._banned(address, visitor, now_ms)
        window = visitor.weight.at(now_ms)
        if not window.used:
            visitor.deaf = 0
        window.used += weight
        if window.used <= self.weight_minute:
            return window.used
        visitor.deaf += 1
        if visitor.deaf > PATIENCE:
            visitor.banned_until = now_ms + BAN_MS
            raise self._banned(address, visitor, now_ms)
        said = denied(-1003, address=address, limit=self.weight_minute)
        said.retry_after_s = window.left_s(now_ms)
        raise said

    def order(self, account: str, count: int, now_ms: int) -> tuple[int, int]:
        """Count orders; return those of these ten seconds and of this minute, or refuse."""
        ten, minute = self.orders_of(account, now_ms)
        for window, limit, interval in (
            (ten, self.orders_ten_seconds, "10 SECOND"),
            (minute, self.orders_minute, "1 MINUTE"),
        ):
            if window.used + count > limit:
                said = denied(-1015, limit=limit, interval=interval)
                said.retry_after_s = window.left_s(now_ms)
                raise said
        ten.used += count
        minute.used += count
        return ten.used, minute.used

    def orders_of(self, account: str, now_ms: int) -> tuple[Window, Window]:
        """Return an account's windows of ten seconds and of a minute."""
        windows = self._orders.setdefault(account, (Window(TEN_SECONDS_MS), Window(MINUTE_MS)))
        return windows[0].at(now_ms), windows[1].at(now_ms)

    def used(self, address: str, now_ms: int) -> int:
        """Return the weight an address used this minute."""
        return self._visitor(address).weight.at(now_ms).used

    def _visitor(self, address: str) -> Visitor:
        if address not in self._visitors and len(self._visitors) >= ADDRESSES_MAX:
            self._visitors.pop(next(iter(self._visitors)))
        return self._visitors.setdefault(address, Visitor())

    def _banned(self, address: str, visitor: Visitor, now_ms: int) -> Denied:
        message = BANNED.format(address=address, until=visitor.banned_until)
        return Denied(-1003, message, 418, -(-(visitor.banned_until - now_ms) // 1_000))
