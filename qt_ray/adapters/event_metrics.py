"""Event metrics: which numbers an event moves, as a table, so that every process counts the same things alike.

Only one process feeds it, the one that hears all events; a part that counted for itself as well would count twice.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from qt_ray.adapters.metrics_logger import MetricsLogger
from qt_ray.core.events import Event
from qt_ray.core.notices import EmergencyTripped, PartStarted, RiskModeChanged, SizeFallback
from qt_ray.core.payloads import (
    DecisionMade,
    DrawdownBreach,
    EquityUpdated,
    HealthChanged,
    OrderChanged,
    PolicyUpdated,
    PredictionReady,
    RiskBlock,
    TradeClosed,
    TradeExecuted,
)

WELL: Final = ("HEALTHY", "DEGRADED")


def measure(logger: MetricsLogger, event: Event) -> None:
    """Record what an event says in numbers."""
    measured = MEASURED.get(type(event.payload))
    if measured is not None:
        measured(logger, event.payload)
    logger.record_counter("qt_events_total", type=event.type, outcome="heard")


def _decision(logger: MetricsLogger, made: DecisionMade) -> None:
    logger.record_counter("qt_decisions_total", action=made.action.lower())


def _order(logger: MetricsLogger, told: OrderChanged) -> None:
    logger.record_counter("qt_orders_total", outcome=told.order.kind.value)


def _fill(logger: MetricsLogger, trade: TradeExecuted) -> None:
    logger.record_counter("qt_fills_total", symbol=trade.symbol, cause="maker" if trade.maker else "taker")


def _trip(logger: MetricsLogger, closed: TradeClosed) -> None:
    logger.record_trade(closed)


def _block(logger: MetricsLogger, block: RiskBlock) -> None:
    logger.record_counter("risk_denials", reason=block.reason, symbol=block.symbol)


def _equity(logger: MetricsLogger, told: EquityUpdated) -> None:
    logger.record_gauge("qt_equity_quote", float(told.equity))


def _breach(logger: MetricsLogger, told: DrawdownBreach) -> None:
    logger.record_gauge("qt_drawdown_ratio", told.drawdown_bps / 10_000, scope=told.scope)


def _tripped(logger: MetricsLogger, told: EmergencyTripped) -> None:
    logger.record_counter("qt_emergencies_total", cause=told.cause)


def _policy(logger: MetricsLogger, told: PolicyUpdated) -> None:
    logger.record_gauge("qt_policy_version", told.version)
    logger.record_gauge("qt_policy_epoch", told.epoch)


def _prediction(logger: MetricsLogger, told: PredictionReady) -> None:
    for model in told.votes:
        vote = told.votes[model]
        logger.record_model_prediction(model, None if vote is None else max(vote, 1 - vote))


def _fallback(logger: MetricsLogger, told: SizeFallback) -> None:
    logger.record_counter("rl_fallback_high_vol_total", symbol=told.symbol)


def _health(logger: MetricsLogger, told: HealthChanged) -> None:
    logger.record_gauge("qt_actor_up", float(told.new in WELL), actor=told.part)


def _part(logger: MetricsLogger, told: PartStarted) -> None:
    logger.record_counter("qt_actor_starts_total", actor=told.part)


def _mode(logger: MetricsLogger, told: RiskModeChanged) -> None:
    labels: dict[str, Any] = {"from": told.old, "to": told.new}
    logger.record_counter("risk_mode_transitions", **labels)


MEASURED: Final[Mapping[type[Any], Callable[[MetricsLogger, Any], None]]] = {
    DecisionMade: _decision,
    OrderChanged: _order,
    TradeExecuted: _fill,
    TradeClosed: _trip,
    RiskBlock: _block,
    EquityUpdated: _equity,
    DrawdownBreach: _breach,
    EmergencyTripped: _tripped,
    PolicyUpdated: _policy,
    PredictionReady: _prediction,
    SizeFallback: _fallback,
    HealthChanged: _health,
    PartStarted: _part,
    RiskModeChanged: _mode,
}
