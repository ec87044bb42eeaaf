"""Bodies: what may stand in a request, field by field; what is not known here is refused by its name."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qt_ray.core.policy import TEXT_MAX
from qt_ray.risk.ess import Cause

CHANGES_MAX = 200

Reason = Annotated[str, Field(min_length=1, max_length=TEXT_MAX, pattern=r"\S", examples=["calmer over the holidays"])]
Changes = Annotated[
    dict[str, Any],
    Field(
        min_length=1,
        max_length=CHANGES_MAX,
        description="Dotted paths and their new values; exact numbers are quoted.",
        examples=[{"modes.NORMAL.max_leverage": "3", "deny_symbols": ["DOGEUSDT"]}],
    ),
]

Symbol = Annotated[str, Field(min_length=1, max_length=30)]
Version = Annotated[int, Field(ge=1, le=2**62, examples=[12])]


class Body(BaseModel):
    """A closed table, so that a misspelt field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PolicyChange(Body):
    """A change of the policy and why."""

    changes: Changes
    reason: Reason


class PolicyDraft(Body):
    """A change that is only looked at, or the version whose rules are."""

    changes: Changes | None = None
    version: Version | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.changes is None) is (self.version is None):
            raise ValueError("either changes or a version is looked at")
        return self


class Reversion(Body):
    """The version whose rules are wanted again."""

    version: Version
    reason: Reason


class Because(Body):
    """Why."""

    reason: Reason


class Close(Body):
    """The positions that a person wants closed, all of them if none is named, and why."""

    symbols: Annotated[list[Symbol], Field(max_length=CHANGES_MAX, examples=[["BTCUSDT"]])] = []
    reason: Reason


class Reset(Body):
    """The cause that a person clears, and why it is no longer one."""

    cause: Annotated[Cause, Field(examples=[Cause.MANUAL])]
    reason: Reason


class Trouble(Body):
    """The alert that a person takes on."""

    key: Annotated[str, Field(min_length=1, max_length=200, examples=["part:Feed"])]
