"""Usage: what the venue says it has counted against us, whichever process of ours asked."""

from collections.abc import Callable, Mapping
from typing import Final

from qt_ray.execution.venue.views import UsageView

WEIGHT: Final = "x-mbx-used-weight-1m"
ORDERS_TEN_SECONDS: Final = "x-mbx-order-count-10s"
ORDERS_MINUTE: Final = "x-mbx-order-count-1m"
DIGITS_MAX: Final = 9


class Usage:
    """The last word of the headers; what a header does not say stays as it was."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._view = UsageView(None, None, None, now_ms())

    def hear(self, headers: Mapping[str, str]) -> None:
        """Take in the headers of one answer, which are found by names in small letters."""
        old = self._view
        self._view = UsageView(
            _count(headers, WEIGHT, old.weight_minute),
            _count(headers, ORDERS_TEN_SECONDS, old.orders_ten_seconds),
            _count(headers, ORDERS_MINUTE, old.orders_minute),
            self._now_ms(),
        )

    @property
    def view(self) -> UsageView:
        """Return what was counted by the last answer."""
        return self._view


def _count(headers: Mapping[str, str], name: str, known: int | None) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX else known
