"""Caller: what each command of the console is told beside its own words: whose account, which console, for whom.

These four options are written once and stand behind the words of every command, where a person in a hurry puts them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from shlex import quote
from typing import Annotated, Any, Concatenate, Final, ParamSpec

import typer

from qt_ray.cli.calling import EXITS, Desk, desk_of
from qt_ray.cli.config import Assignments, Json, Profile
from qt_ray.cli.screen import emit, say

P = ParamSpec("P")
PROFILE: Final = "paper"
CONSOLED: Final = frozenset({"ess", "policy", "trade"})

Console = Annotated[
    str | None, typer.Option("--console", envvar="QT_CONSOLE", help="Another console's address; its key is QT_API_KEY.")
]
Because = Annotated[str, typer.Option("--reason", help="Why; kept with the change.")]
ByHand = Annotated[str, typer.Option("--reason", help="Why; kept with what is done.")]
Yes = Annotated[str | None, typer.Option("--yes", metavar="ACCOUNT", help="Confirm with the account's name.")]

OPTIONS: Final = tuple(
    Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)
    for name, kind, default in (
        ("profile", Profile, PROFILE),
        ("assignments", Assignments, None),
        ("console", Console, None),
        ("json", Json, False),
    )
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the account by its profile and settings, the console if it is another one, and how to answer."""

    profile: str
    assignments: list[str] | None
    console: str | None
    json: bool

    def desk(self) -> Desk:
        """Return the console of the account."""
        return desk_of(self.profile, self.assignments, self.console)

    def qt(self, words: str) -> str:
        """Return a command about this very account, as a person has to type it."""
        told = [] if self.profile == PROFILE else ["--profile", self.profile]
        told += [word for assignment in self.assignments or () for word in ("--set", assignment)]
        if self.console is not None and words.partition(" ")[0] in CONSOLED:
            told += ["--console", self.console]
        return " ".join(["qt", words, *map(quote, told)])

    def answer(self, schema: str, found: Mapping[str, Any], lines: Iterable[str]) -> None:
        """Write what was found: one object for programs, else lines for people."""
        if self.json:
            emit(schema, found)
            return
        for line in lines:
            say(line)


def by_caller(command: Callable[Concatenate[Caller, P], None]) -> Callable[..., None]:
    """Return a command that takes the four options too, and hands them to its work as one `Caller`."""

    @wraps(command)
    def told(**words: Any) -> None:
        caller = Caller(*(words.pop(option.name) for option in OPTIONS))
        command(caller, **words)  # type: ignore[call-arg] # typer has made the words of this very signature

    own = tuple(signature(command).parameters.values())[1:]
    told.__signature__ = Signature((*own, *OPTIONS))  # type: ignore[attr-defined] # what typer reads
    told.__annotations__ = {word.name: word.annotation for word in (*own, *OPTIONS)}
    return told


def group() -> typer.Typer:
    """Return a group of commands whose help ends with what their exit codes mean."""
    meanings = "; ".join(f"{code} {meaning}" for code, meaning in EXITS.items())
    return typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, add_completion=False, epilog=f"Ends with {meanings}."
    )
