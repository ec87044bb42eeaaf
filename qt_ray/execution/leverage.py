"""Leverage: how much a symbol may borrow at the venue is for our limit to say, whoever has set it there.

A hand at the venue's own site can raise it at any moment. Nothing is opened in such a symbol until it is lowered
again; what lessens risk is never asked about it.
"""

from qt_ray.execution.venue.news import LeverageNews


class Leverages:
    """What the venue has told of each symbol's leverage since we listen."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._set: dict[str, int] = {}

    def govern(self, most: int) -> None:
        """Let another limit count, for what was set before as well."""
        self._most = most

    def heard(self, news: LeverageNews) -> None:
        """Take in that somebody set it."""
        self._set[news.symbol] = news.leverage

    def why_not(self, symbol: str) -> str | None:
        """Return why no entry of a symbol may be sent, or nothing."""
        leverage = self._set.get(symbol, 0)
        return (
            None if leverage <= self._most else f"no entry in {symbol} at a leverage above {self._most}, is {leverage}"
        )
