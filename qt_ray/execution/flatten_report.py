"""Flatten report: how an emergency went, as values that a drill publishes and a person reads afterwards."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Report:
    """How an emergency went, by one clock; None for what has not happened."""

    tripped_ms: int
    first_cancel_ms: int | None = None
    cancelled_ms: int | None = None
    closed_ms: int | None = None
    flat_ms: int | None = None
    settled_ms: int | None = None
    attempts: int = 0
    cancels: int = 0
    closes: int = 0
    refused: int = 0
    unsure: int = 0
    throttled: int = 0
    residual: tuple[str, ...] = ()

    @property
    def is_settled(self) -> bool:
        """Return whether everything is flat, cleared, and stayed so."""
        return self.settled_ms is not None
