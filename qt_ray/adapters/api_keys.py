"""API keys: the grants of one account in a file that only its user may read, and the tokens that are shown once.

Every write reads the file again under a lock, so a person at a shell and the running console never undo each other's. A
reader looks at the file's stamp at each question: what was revoked is refused at once, by every process.
"""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.files import replacing
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.restore import restore_as
from qt_ray.governance.access import (
    Grant,
    Grants,
    Kind,
    Scope,
    digest_of,
    known,
    revoked,
    token_of,
    with_grant,
)

KEYS_FILE: Final = "keys.json"
OPERATOR_FILE: Final = "operator.key"
LOGIN_MS: Final = 5 * 60_000
SESSION_MS: Final = 12 * 3_600_000

Stamp = tuple[int, int, int]


class KeyRing:
    """The grants of the account whose memory lies in `folder`."""

    def __init__(self, folder: Path, clock: Callable[[], int] = now_ms) -> None:
        """Stand for the file, which is there after the first grant."""
        self._path, self._clock = folder / KEYS_FILE, clock
        self._stamp: Stamp | None = None
        self._grants: dict[str, Grant] = {}

    def grants(self) -> Grants:
        """Return all grants as the file has them now; Invalid if it cannot be read, and then nobody is let in."""
        stamp = _stamp_of(self._path)
        if stamp != self._stamp:
            self._grants = {} if stamp is None else _read(self._path)
            self._stamp = stamp
        return self._grants

    def known(self, token: str) -> Grant | None:
        """Return the good grant behind a token, or nothing; a login is redeemed, not used."""
        grant = known(self.grants(), token, self._clock())
        return grant if grant is not None and grant.kind is not Kind.LOGIN else None

    def issue(
        self,
        person: str,
        scopes: tuple[Scope, ...],
        kind: Kind = Kind.KEY,
        lasts_ms: int | None = None,
        is_person: bool = True,
        by: str = "",
    ) -> str:
        """Give a grant and return its token, which is nowhere else; `by` is who gives it, if not who gets it."""
        at_ms = self._clock()
        name = secrets.token_hex(6)
        token = token_of(name, secrets.token_urlsafe(32))
        ends_ms = None if lasts_ms is None else at_ms + lasts_ms
        grant = Grant(name, kind, person, scopes, digest_of(token), at_ms, is_person, ends_ms, by=by or person)
        with self._writing() as grants:
            self._write(with_grant(grants, grant, at_ms))
        return token

    def revoke(self, *ids: str, by: str) -> None:
        """Take grants back, as somebody's deed."""
        with self._writing() as grants:
            self._write(revoked(grants, ids, self._clock(), by))

    def redeem(self, token: str) -> str | None:
        """Return a session's token for a login's, which ends with it; nothing if it is not a good one."""
        at_ms = self._clock()
        with self._writing() as grants:
            login = known(grants, token, at_ms)
            if login is None or login.kind is not Kind.LOGIN:
                return None
            self._write(revoked(grants, [login.id], at_ms, login.person))
        return self.issue(login.person, login.scopes, Kind.SESSION, SESSION_MS, login.is_person)

    def used(self, grant: Grant) -> None:
        """Remember that a grant was used, to the minute."""
        at_ms = self._clock()
        if grant.was_used_at(at_ms):
            return
        with self._writing() as grants:
            if grant.id in grants:
                self._write({**grants, grant.id: replace(grants[grant.id], used_ms=at_ms)})

    @contextmanager
    def _writing(self) -> Iterator[Grants]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield self.grants()
        finally:
            os.close(handle)

    def _write(self, grants: Grants) -> None:
        try:
            _write_private(self._path, canonical(sorted(grants.values(), key=lambda grant: grant.created_ms)))
        except OSError as error:
            raise Retryable(f"{self._path.name}: a grant is kept, {error.strerror or error}") from error


def operator_token(folder: Path, person: str, clock: Callable[[], int] = now_ms) -> str:
    """Return the token of the operator who runs this account here, with all scopes; made once and kept 0600.

    One that was revoked stays revoked: whoever removes its file asks for another on purpose.
    """
    path = folder / OPERATOR_FILE
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    token = KeyRing(folder, clock).issue(person, tuple(Scope))
    _write_private(path, f"{token}\n".encode())
    return token


def login_url(folder: Path, console: str, person: str, clock: Callable[[], int] = now_ms, by: str = "") -> str:
    """Return an address that opens the console in a browser once, within five minutes; `by` is who asks for another."""
    token = KeyRing(folder, clock).issue(person, tuple(Scope), Kind.LOGIN, LOGIN_MS, by=by)
    return f"{console}/login?code={token}"


def _write_private(path: Path, content: bytes) -> None:
    with replacing(path) as draft:
        draft.chmod(0o600)
        draft.write_bytes(content)


def _read(path: Path) -> dict[str, Grant]:
    try:
        if path.stat().st_mode & 0o077:
            raise Invalid(f"{path.name}: a file that only its user may read, mode was {path.stat().st_mode & 0o777:o}")
        found: tuple[Grant, ...] = restore_as(tuple[Grant, ...], decode(path.read_bytes()), "keys")
    except OSError as error:
        raise Invalid(f"{path.name}: a file that can be read, {error.strerror or error}") from error
    return {grant.id: grant for grant in found}


def _stamp_of(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Invalid(f"{path.name}: a file that can be read, {error.strerror or error}") from error
    # A replaced file has another inode, even where two writes fall into one tick of the clock.
    return found.st_mtime_ns, found.st_ino, found.st_size
