"""Stages: how far the fund may act by itself, as one table of what each subsystem may do at each stage.

What protects is in force at every stage; what decides earns its place one stage at a time, and no stage skips one. A
subsystem that observes is written down, one that advises is told to people, and only what is enforced is carried out.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Final

from qt_ray.core.policy import Stage


class Authority(IntEnum):
    """What becomes of what a subsystem says; more is more."""

    OFF = 0
    OBSERVE = 1
    ADVISORY = 2
    ENFORCED = 3


class Actor(StrEnum):
    """Whose authority grows with the stage."""

    SAFETY_GOVERNOR = "safety_governor"
    HEDGE_FUND_OS = "hedge_fund_os"
    ORCHESTRATOR = "orchestrator"
    RL_SIZING = "rl_sizing"
    META_STRATEGY = "meta_strategy"
    MODEL_SUPERVISOR = "model_supervisor"
    LEARNING = "learning"


_OFF, _OBSERVE, _ADVISORY, _ENFORCED = Authority

# In the order of the stages: OBSERVATION, PARTIAL, COORDINATION, AUTONOMY.
_ROWS: Final[Mapping[Actor, tuple[Authority, Authority, Authority, Authority]]] = {
    Actor.SAFETY_GOVERNOR: (_ENFORCED, _ENFORCED, _ENFORCED, _ENFORCED),
    Actor.HEDGE_FUND_OS: (_OBSERVE, _ADVISORY, _ENFORCED, _ENFORCED),
    Actor.ORCHESTRATOR: (_OBSERVE, _ADVISORY, _ENFORCED, _ENFORCED),
    Actor.RL_SIZING: (_OBSERVE, _OBSERVE, _ADVISORY, _ENFORCED),
    Actor.META_STRATEGY: (_OFF, _OBSERVE, _ADVISORY, _ENFORCED),
    Actor.MODEL_SUPERVISOR: (_OBSERVE, _OBSERVE, _ADVISORY, _ENFORCED),
    Actor.LEARNING: (_OBSERVE, _OBSERVE, _ADVISORY, _ENFORCED),
}
TABLE: Final[Mapping[tuple[Stage, Actor], Authority]] = {
    (stage, actor): authority for actor, row in _ROWS.items() for stage, authority in zip(Stage, row, strict=True)
}


def authority(stage: Stage, actor: Actor) -> Authority:
    """Return what a subsystem may do at a stage."""
    return TABLE[stage, actor]


def authorities(stage: Stage) -> dict[str, str]:
    """Return every subsystem's authority at a stage, as it is logged when a fund begins."""
    return {actor.value: TABLE[stage, actor].name for actor in Actor}
