"""Errors: four kinds, because there are four things to do about one.

`Invalid` is the caller's to mend and is caught at the boundary; `Retryable` is caught by shells with bounded
back-off; `Invariant` is never caught: the process dies and recovers. A business "no" is not an error but a value.
Every message states the rule, then the value.
"""


class QtError(Exception):
    """An error of ours, with the exit code a shell should end with."""

    exit_code = 1


class Invalid(QtError):
    """Input breaks a rule; the message names what, where and which rule."""

    exit_code = 6


class InvalidConfig(Invalid):
    """Configuration breaks a rule."""

    exit_code = 3


class Retryable(QtError):
    """The world did not answer; the same call may succeed later."""

    exit_code = 7


class Invariant(QtError):
    """We are wrong about ourselves; going on would make it worse."""
