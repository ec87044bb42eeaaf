"""Calls: every call the venue answers, by method and path; the table is the documentation."""

from qt_ray.adapters.paper.account_calls import ACCOUNT_CALLS
from qt_ray.adapters.paper.algo_calls import ALGO_CALLS
from qt_ray.adapters.paper.door import Endpoint
from qt_ray.adapters.paper.market_calls import MARKET_CALLS
from qt_ray.adapters.paper.order_calls import ORDER_CALLS
from qt_ray.adapters.paper.stream_calls import STREAM_CALLS

CALLS: dict[tuple[str, str], Endpoint] = {
    **MARKET_CALLS,
    **ACCOUNT_CALLS,
    **ORDER_CALLS,
    **ALGO_CALLS,
    **STREAM_CALLS,
}
