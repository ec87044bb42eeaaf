"""Model status: a version replaces another only after it was watched, and goes only when another takes its place.

RETIRED has served and may serve again, so that there is a way back; FAILED is an end. What serves hears
no FAIL and no REJECT: it is first replaced, then judged. RETIRE is heard from a successor, WITHDRAW from a rollback.
"""

from enum import StrEnum
from typing import Final

from qt_ray.core.tables import Table


class ModelStatus(StrEnum):
    """How far a version has come."""

    TRAINING = "TRAINING"
    CANDIDATE = "CANDIDATE"
    SHADOW = "SHADOW"
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"
    FAILED = "FAILED"


class ModelSignal(StrEnum):
    """What moves a version."""

    TRAINED = "trained"
    FAIL = "fail"
    SHADOW = "shadow"
    REJECT = "reject"
    PROMOTE = "promote"
    RETIRE = "retire"
    WITHDRAW = "withdraw"
    RESTORE = "restore"


TRANSITIONS: Final = Table(
    name="model",
    initial=ModelStatus.TRAINING,
    rows={
        (ModelStatus.TRAINING, ModelSignal.TRAINED): ModelStatus.CANDIDATE,
        (ModelStatus.TRAINING, ModelSignal.FAIL): ModelStatus.FAILED,
        (ModelStatus.CANDIDATE, ModelSignal.SHADOW): ModelStatus.SHADOW,
        # The first champion has nothing to be watched beside; `Succession` takes this row only then.
        (ModelStatus.CANDIDATE, ModelSignal.PROMOTE): ModelStatus.ACTIVE,
        (ModelStatus.CANDIDATE, ModelSignal.REJECT): ModelStatus.FAILED,
        (ModelStatus.SHADOW, ModelSignal.PROMOTE): ModelStatus.ACTIVE,
        (ModelStatus.SHADOW, ModelSignal.REJECT): ModelStatus.FAILED,
        (ModelStatus.ACTIVE, ModelSignal.RETIRE): ModelStatus.RETIRED,
        (ModelStatus.ACTIVE, ModelSignal.WITHDRAW): ModelStatus.RETIRED,
        (ModelStatus.RETIRED, ModelSignal.RESTORE): ModelStatus.ACTIVE,
        (ModelStatus.RETIRED, ModelSignal.REJECT): ModelStatus.FAILED,
    },
)
