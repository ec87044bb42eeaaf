"""Fence schedule: what strikes whom, and when, in a few seconds of a fund's life; all of it is drawn from one seed.

So a schedule that broke something is run again by its number. Harm lies where two things meet: an emergency begins near
a strike, and every other time just after the gateway that holds the lease was stopped. In some nothing happens but one
kill, because only of such a one it can be said how long it kept entries away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from qt_ray.actors.topology import GATEWAY, POLICY_STORE

SECOND: Final = "SecondGateway"
GATEWAYS: Final = (GATEWAY, SECOND)
PARTS: Final = (POLICY_STORE, *GATEWAYS)
# Whoever was given the lease last, at the moment of the strike.
HOLDER: Final = "holder"
LASTS_MS: Final = (2_000, 6_000)
PAUSES_MS: Final = (60, 300, 900, 1_100, 2_500)
STRIKES: Final = (2, 5)
WRITES: Final = (2, 5)
KILLS_SHARE: Final = 0.45
ECLIPSES_SHARE: Final = 0.5
SECONDS_SHARE: Final = 0.3
LONE_SHARE: Final = 0.2
LONE_MS: Final = 3_000


class Kind(StrEnum):
    """What is done."""

    KILL = "kill"
    PAUSE = "pause"
    EMERGENCY = "emergency"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that is done: when after the beginning, to whom, and for how long.

    An emergency lasts so long after its acknowledgement.
    """

    at_ms: int
    kind: Kind
    whom: str = ""
    for_ms: int = 0

    def __str__(self) -> str:
        lasting = f" for {self.for_ms} ms" if self.for_ms else ""
        return f"at {self.at_ms} ms {' '.join(filter(None, (self.kind, self.whom)))}{lasting}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that one seed does, in order, and how long it lasts at least."""

    seed: int
    lasts_ms: int
    deeds: tuple[Deed, ...]

    def __str__(self) -> str:
        return f"seed {self.seed}: {'; '.join(map(str, self.deeds))}"


def schedule(seed: int) -> Schedule:
    """Return what a seed does."""
    dice = Random(seed)
    if dice.random() < LONE_SHARE:
        whom = dice.choice((POLICY_STORE, HOLDER))
        return Schedule(seed, LONE_MS, (Deed(dice.randint(0, 300), Kind.KILL, whom),))
    lasts_ms = dice.randint(*LASTS_MS)
    strikes = [_strike(dice, dice.randint(0, lasts_ms)) for _ in range(dice.randint(*STRIKES))]
    writes = [Deed(dice.randint(0, lasts_ms), Kind.WRITE) for _ in range(dice.randint(*WRITES))]
    deeds = [*strikes, *writes, *_emergencies(dice, strikes)]
    return Schedule(seed, lasts_ms, tuple(sorted(deeds, key=lambda deed: deed.at_ms)))


def _strike(dice: Random, at_ms: int) -> Deed:
    whom = dice.choice((*PARTS, HOLDER))
    if dice.random() < KILLS_SHARE:
        return Deed(at_ms, Kind.KILL, whom)
    return Deed(at_ms, Kind.PAUSE, whom, int(dice.choice(PAUSES_MS) * dice.uniform(0.7, 1.3)))


def _emergencies(dice: Random, strikes: list[Deed]) -> Iterator[Deed]:
    """Yield an emergency, with what eclipses it every other time, and now and then a second one."""
    if dice.random() < ECLIPSES_SHARE:
        at_ms = dice.randint(0, LASTS_MS[0])
        yield Deed(at_ms, Kind.PAUSE, HOLDER, dice.randint(200, 900))
        yield _emergency(dice, at_ms + dice.randint(10, 200))
    else:
        yield _emergency(dice, dice.choice(strikes).at_ms + dice.randint(-200, 800))
    if dice.random() < SECONDS_SHARE:
        yield _emergency(dice, dice.choice(strikes).at_ms + dice.randint(-200, 800))


def _emergency(dice: Random, at_ms: int) -> Deed:
    return Deed(max(at_ms, 0), Kind.EMERGENCY, for_ms=dice.randint(300, 1_500))
