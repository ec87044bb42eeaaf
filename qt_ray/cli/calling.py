"""Calling: one request to the console of the account that a profile names; without a running fund, to its files.

The operator's key is read from its file and goes nowhere but to the address that the running fund has written beside
it. What the console answers ends the command with the exit code that its meaning has.
"""

import asyncio
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import typer

from qt_ray.cli.config import assigned
from qt_ray.cli.screen import note
from qt_ray.cli.session import NotRunning
from qt_ray.core.errors import Invalid, QtError, Retryable

if TYPE_CHECKING:
    from qt_ray.adapters.settings import Settings
    from qt_ray.adapters.trading.places import Places

ANSWER_S = 15.0
KEY_VARIABLE = "QT_API_KEY"

# What a command of the console may end with; docs/policy.md says the same.
EXITS: Final[Mapping[int, str]] = {
    0: "done, or laid before a second person",
    2: "no command, or an option that there is not",
    3: "a setting breaks a rule",
    4: "no fund runs for this account",
    5: "refused by the policy, the emergency stop or a rule of theirs",
    6: "what was typed breaks a rule here, before anybody was asked",
    7: "a part did not answer in time; for a trip: the latch is closed, and nothing is flat yet",
    8: "the key is not known, or not good for this",
}


class Refusal(QtError):
    """The policy, the emergency stop or a rule of theirs says no."""

    exit_code = 5


class Forbidden(QtError):
    """The key is not known, or is not good for this."""

    exit_code = 8


@dataclass(frozen=True, slots=True)
class Reply:
    """What a console said."""

    status: int
    data: Any


@dataclass(frozen=True, slots=True)
class Desk:
    """The console of one account: at `console`, or its files if there is none."""

    settings: "Settings"
    places: "Places"
    console: str | None
    token: str = field(repr=False)

    @property
    def account(self) -> str:
        """Return the account that is spoken of, which a person types to confirm."""
        return self.settings.fund.account

    @property
    def whose(self) -> str:
        """Return the account and where it trades, as the first words of a screen."""
        return self.places.whose

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        version: int | None = None,
        within_s: float = ANSWER_S,
    ) -> Reply:
        """Return a console's answer to a request that it carried out; anything else ends the command."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        content = b"" if body is None else json.dumps(body).encode()
        if self.console is None:
            reply = asyncio.run(_asked_here(self.places, method, path, headers, content))
        else:
            reply = _asked_there(self.console, method, path, headers, content, within_s)
        if reply.status >= 300:
            raise fault_of(reply)
        return reply


def desk_of(profile: str, assignments: list[str] | None, console: str | None = None) -> Desk:
    """Return the console of the account that a profile names."""
    from qt_ray.adapters.config import load
    from qt_ray.adapters.session_file import read_session
    from qt_ray.adapters.trading.places import places_of

    settings = load(profile, assigned(assignments), os.environ).settings
    places = places_of(settings)
    if console is not None:
        return Desk(settings, places, console.rstrip("/"), _named_key())
    session = read_session(places.session)
    if session is None:
        note(
            f"no fund runs for account {settings.fund.account} at {settings.exchange.kind}: this is what its files say"
        )
    elif session.console is None:
        raise NotRunning(
            f"the fund of account {settings.fund.account} has a console, it was started without one, or opens it yet"
        )
    return Desk(settings, places, session.console if session else None, operator_key(places))


def operator_key(places: "Places") -> str:
    """Return the operator's own key, made now if there is none yet."""
    from qt_ray.adapters.api_keys import operator_token

    return os.environ.get(KEY_VARIABLE) or operator_token(places.folder, who())


def who() -> str:
    """Return who runs this, as the machine knows him."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def confirm(what: str, account: str, yes: str | None) -> None:
    """Have a person type the account's name, or name it beforehand."""
    note(what)
    if yes is None:
        try:
            yes = str(typer.prompt("Type the account's name to go on", err=True))
        except typer.Abort:
            yes = ""
    if yes.strip() != account:
        raise Invalid(f"this is confirmed by typing {account}, or with --yes {account}, was {yes.strip()!r:.60}")


def _named_key() -> str:
    key = os.environ.get(KEY_VARIABLE, "")
    if not key:
        raise Forbidden(f"a console that is named is asked with the key in {KEY_VARIABLE}, there was none")
    return key


async def _asked_here(places: "Places", method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
    from qt_ray.serve.inside import called
    from qt_ray.serve.offline import offline_app

    status, content = await called(offline_app(places), method, path, headers, body)
    return Reply(status, json.loads(content or b"null"))


def _asked_there(
    console: str, method: str, path: str, headers: Mapping[str, str], body: bytes, within_s: float
) -> Reply:
    request = urllib.request.Request(f"{console}{path}", body or None, dict(headers), method=method)
    # A proxy of the environment is for the world outside, and would see the key.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=within_s) as answer:
            return Reply(answer.status, json.loads(answer.read() or b"null"))
    except urllib.error.HTTPError as refused:
        return Reply(refused.code, _error_in(refused.read()))
    except TimeoutError as late:
        raise Retryable(f"the console at {console} answers within {within_s:g} s, did not") from late
    except (urllib.error.URLError, OSError) as gone:
        raise NotRunning(f"a console answers at {console}, was {getattr(gone, 'reason', gone)}") from gone
    except json.JSONDecodeError as odd:
        raise Retryable(f"a console answers in JSON, what answers at {console} does not") from odd


def _error_in(body: bytes) -> Any:
    try:
        return json.loads(body)
    except json.JSONDecodeError:
        return {"error": {"code": "no_answer", "rule": body[:200].decode(errors="replace")}}


def fault_of(reply: Reply) -> QtError:
    """Return what a refused request ends a command with."""
    found = reply.data.get("error", {}) if isinstance(reply.data, dict) else {}
    code, rule = str(found.get("code", "")), str(found.get("rule", f"status {reply.status}"))
    if code == "not_running":
        return NotRunning(rule)
    if reply.status in (401, 403):
        return Forbidden(rule) if code not in ("same_person", "needs_person") else Refusal(rule)
    if reply.status in (408, 429, 503, 504):
        return Retryable(rule)
    return Refusal(rule) if reply.status < 500 else QtError(rule)
