"""Desk law: the policy as a desk takes it in: what is in force, where the emergency stop is, what is left of a size.

While an emergency lasts a desk enters nothing and closes nothing by itself: the stop flattens, and two who close the
same position would close it twice.
"""

from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.core.policy import Policy
from qt_ray.engine.desk_entries import Ruled
from qt_ray.risk.ess import EssState


class DeskLaw:
    """What one reader knows."""

    def __init__(self, reader: PolicyReader) -> None:
        self._reader = reader

    def ruled(self) -> Ruled | None:
        """Return what is in force; nothing before it is known."""
        view = self._reader.view
        if view is None:
            return None
        return Ruled(view.in_force, state_under(view.policy), view.left.size_bps)

    def why_closed(self) -> str | None:
        """Return why nothing new may be opened, or nothing."""
        return self._reader.why_closed()


def state_under(policy: Policy) -> EssState:
    """Return where the emergency stop is, as far as a desk is concerned."""
    if policy.emergency_mode:
        return EssState.FLAT
    return EssState.ARMED if policy.ess.enabled else EssState.DISABLED
