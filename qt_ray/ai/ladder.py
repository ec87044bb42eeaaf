"""Ladder: how much of an ensemble is asked, by the time that is left: all of it, those who are quick, or nobody.

Slowness is believed at once and forgiven by degrees, one call at a time, so that a stumble costs a few opinions and a
slow machine not all of them. Whoever is not asked counts among those who might have agreed: haste lets nothing new in.
"""

from enum import IntEnum
from typing import Final

# What is remembered of a cost after one more call: a stumble of ten times the usual is forgiven within ten calls.
FADES: Final = 0.8


class Rung(IntEnum):
    """How much is asked; each costs less than the one before."""

    FULL = 0
    IN_HASTE = 1
    ABSTAIN = 2


class Ladder:
    """What each rung has cost lately, in milliseconds."""

    def __init__(self) -> None:
        """Believe in everything until it was slow once."""
        self._cost_ms = dict.fromkeys((Rung.FULL, Rung.IN_HASTE), 0.0)

    def rung(self, left_ms: float) -> Rung:
        """Return the highest rung whose cost fits the time that is left; what does not fit is doubted a little less."""
        for rung in self._cost_ms:
            if 0.0 < left_ms >= self._cost_ms[rung]:
                return rung
            self._cost_ms[rung] *= FADES
        return Rung.ABSTAIN

    def took(self, rung: Rung, cost_ms: float) -> None:
        """Take in what a rung has cost."""
        if rung is not Rung.ABSTAIN:
            self._cost_ms[rung] = max(cost_ms, self._cost_ms[rung] * FADES)
