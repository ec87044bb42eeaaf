"""Desk settings: how the stages of a decision are placed, and how long it may take."""

from typing import Literal

from qt_ray.adapters.settings_values import Count, Section


class Desk(Section):
    """Decisions of a running fund."""

    decision: Literal["chain", "fused"] = "chain"
    """A process for each stage, which data passes straight through, or all three inside the desk; both decide alike."""
    deadline_ms: Count = 1_000
    """Time within which a bar is decided on with an opinion; what is late is decided on without one."""
