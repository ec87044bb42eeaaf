"""Size actions: what a sizing agent may say: a share of what it could hold, times a leverage, and nothing else.

Training and live read the same table by the same hash, so a network that was trained for another table is an error and
never a guess. The first action is to hold nothing, which every rule always permits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.codec import digest
from qt_ray.core.errors import Invalid
from qt_ray.core.money import BPS

LEVERAGE_MAX = 125
ACTIONS_MAX = 256
SHARES_BPS = (1_000, 2_500, 5_000, 7_500, 10_000)
LEVERAGES = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class SizeActions:
    """Every share of equity with every leverage, in order of shares, after holding nothing."""

    shares_bps: tuple[int, ...] = SHARES_BPS
    leverages: tuple[int, ...] = LEVERAGES
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        _check_rises("shares_bps", self.shares_bps, BPS)
        _check_rises("leverages", self.leverages, LEVERAGE_MAX)
        if len(self) > ACTIONS_MAX:
            raise Invalid(f"actions: at most {ACTIONS_MAX}, were {len(self)}")
        plain = {"shares_bps": list(self.shares_bps), "leverages": list(self.leverages)}
        object.__setattr__(self, "hash", digest(plain))

    def __len__(self) -> int:
        return 1 + len(self.shares_bps) * len(self.leverages)

    def fractions_bps(self) -> NDArray[np.int64]:
        """Return the share of equity that each action would hold, leverage and all."""
        held = [share * leverage for share in self.shares_bps for leverage in self.leverages]
        return np.array([0, *held], dtype=np.int64)

    def meaning(self, action: int) -> tuple[int, int]:
        """Return the share in basis points and the leverage that an action stands for."""
        if not 0 <= action < len(self):
            raise Invalid(f"action: from 0 to {len(self) - 1}, was {action}")
        if action == 0:
            return 0, 1
        share, leverage = divmod(action - 1, len(self.leverages))
        return self.shares_bps[share], self.leverages[leverage]

    def check(self, found: str) -> None:
        """Refuse what was made for another table."""
        if found != self.hash:
            raise Invalid(f"size actions: the schema is {self.hash[:12]}, was {found[:12] or 'not told'}")


def _check_rises(name: str, values: Sequence[int], most: int) -> None:
    if not values or not 1 <= values[0] <= values[-1] <= most:
        raise Invalid(f"{name}: from 1 to {most}, were {list(values)}")
    if any(late <= early for early, late in pairwise(values)):
        raise Invalid(f"{name}: rise, were {list(values)}")
