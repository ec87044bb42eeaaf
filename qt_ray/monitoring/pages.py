"""Pages: what the replica shows of decisions, money, alerts and history, ready for JSON, each in a bounded number.

Decimals are strings, moments are milliseconds since 1970 UTC, and what is not known is null.
"""

from collections.abc import Iterable
from typing import Any, Final

from qt_ray.core.codec import spelled
from qt_ray.core.errors import Invalid
from qt_ray.core.events import Event
from qt_ray.core.orders import Order, progress_of
from qt_ray.monitoring.alerts import Alert
from qt_ray.monitoring.cases import Case
from qt_ray.monitoring.views import Views

PAGE_MAX: Final = 500


def decisions_page(views: Views, count: int, before: str | None = None) -> list[dict[str, Any]]:
    """Return the newest decisions, those before the decision `before` if it is known."""
    return [_brief(case) for case in views.cases.newest(counted(count), before)]


def decision_page(views: Views, decision_id: str) -> dict[str, Any] | None:
    """Return one decision with every rule that bound it and all that followed, or nothing if it is not known here."""
    case = views.cases.one(decision_id)
    if case is None:
        return None
    whole: dict[str, Any] = {
        **_brief(case),
        "made": spelled(case.made) if case.made is not None else None,
        "blocks": spelled(case.blocks),
        "orders": [order_row(order) for order in case.orders.values()],
        "fills": spelled(case.fills),
    }
    return whole


def portfolio_page(views: Views) -> dict[str, Any]:
    """Return what the account holds, what is at work, and what it was worth over time."""
    account, worth = views.account, views.equity
    shown: dict[str, Any] = spelled(
        {
            "as_of_ms": account.at_ms,
            "wallet": account.wallet,
            "equity": None if worth is None else worth.equity,
            "unrealised": None if worth is None else worth.unrealised,
            "realised": views.realised,
            "positions": dict(sorted(account.holdings.items())),
            "curve": [(point.at_ms, point.equity) for point in views.curve.points],
        }
    )
    return shown


def orders_page(views: Views, count: int) -> dict[str, Any]:
    """Return the orders at work, and those that ended last, the newest first."""
    ended = list(views.ended)[-counted(count) :]
    return {
        "working": [order_row(order) for order in views.working.values()],
        "ended": [order_row(order) for order in reversed(ended)],
    }


def fills_page(views: Views, count: int) -> list[dict[str, Any]]:
    """Return the last executions, the newest first."""
    last = list(views.fills)[-counted(count) :]
    return [{"at_ms": fill.at_ms, **spelled(fill.trade)} for fill in reversed(last)]


def trips_page(views: Views, count: int) -> list[dict[str, Any]]:
    """Return the last round trips, the newest first."""
    last: list[dict[str, Any]] = spelled(list(views.trips)[-counted(count) :])
    return last[::-1]


def timeline_page(views: Views, count: int, *prefixes: str) -> list[dict[str, Any]]:
    """Return what was noted last, the newest first; of some kinds, or of all."""
    return [event_row(event) for event in views.noted_of(*(prefixes or ("",)))[: counted(count)]]


def alerts_page(alerts: Iterable[Alert]) -> list[dict[str, Any]]:
    """Return alerts as they stand."""
    return [{**spelled(alert), "severity": alert.severity.name, "is_open": alert.is_open} for alert in alerts]


def event_row(event: Event) -> dict[str, Any]:
    """Return an event as a row."""
    found: dict[str, Any] = spelled(event)
    return found


def order_row(order: Order) -> dict[str, Any]:
    """Return an order as a row."""
    intent, progress = order.intent, progress_of(order)
    row: dict[str, Any] = spelled(
        {
            "client_id": intent.client_id,
            "symbol": intent.symbol,
            "side": intent.side,
            "type": intent.type,
            "quantity": intent.quantity,
            "reduce_only": intent.reduce_only,
            "limit_price": intent.limit_price,
            "trigger_price": intent.trigger_price,
            "decision_id": intent.decision_id,
            "status": order.kind,
            "at_ms": order.at_ms,
            "executed": None if progress is None else progress.executed,
            "average_price": None if progress is None else progress.average_price,
            "reason": getattr(order, "reason", None),
        }
    )
    return row


def counted(count: int) -> int:
    """Return how many rows a page has, if that is a page."""
    if not 0 < count <= PAGE_MAX:
        raise Invalid(f"a page has 1 to {PAGE_MAX} rows, was {count}")
    return count


def _brief(case: Case) -> dict[str, Any]:
    made = case.made
    brief: dict[str, Any] = spelled(
        {
            "id": case.id,
            "at_ms": case.at_ms,
            "trace_id": case.trace_id,
            "why": case.why,
            "symbol": made and made.symbol,
            "action": made and made.action,
            "wish": made and made.wish,
            "granted": made and made.granted,
            "confidence": made and made.confidence,
            "binding": made and made.binding,
            "bound": made and made.bound,
            "policy_version": made and made.policy_version,
            "epoch": made and made.epoch,
            "orders": len(case.orders),
            "fills": len(case.fills),
        }
    )
    return brief
