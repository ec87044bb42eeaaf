"""Key herald: every grant and every end of one is told, whoever wrote it into the file of keys, and from which process.

The file itself is the outbox, because a key is given at a shell while nothing of a fund runs. What was told is kept
beside it and moves on only once the events cannot be lost; what is told twice has the same ids both times.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from qt_ray.adapters.api_keys import KeyRing
from qt_ray.adapters.files import write_atomic
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.events import Event, event
from qt_ray.core.notices import AccessGranted, AccessRevoked
from qt_ray.core.restore import restore_as
from qt_ray.governance.access import Grant, Grants

MARK: Final = "keys-told.json"
LOOK_S: Final = 1.0


class KeyHerald:
    """Tells the grants of one account; `publish` returns once what it was given cannot be lost."""

    def __init__(self, folder: Path, publish: Callable[..., Awaitable[None]], source: str) -> None:
        """Go on from what was told before, or from nothing."""
        self._ring, self._mark = KeyRing(folder), folder / MARK
        self._publish, self._source = publish, source
        self._told = self._read()
        self._seen: Grants | None = None

    async def run(self) -> None:
        """Tell what is new once a second until cancelled; keys that cannot be read let nobody in, and tell nothing."""
        while True:
            with suppress(Invalid, Retryable):  # whoever asks with a key is told why; it is looked at again
                await self.catch_up()
            await asyncio.sleep(LOOK_S)

    async def catch_up(self) -> None:
        """Tell all that was not told yet; Retryable if the disk does not take the word or the mark."""
        grants = self._ring.grants()
        if grants is self._seen:
            return
        there: dict[str, Event] = {}
        for grant in grants.values():
            there |= told_of(grant, self._source)
        if new := [one for name, one in there.items() if name not in self._told]:
            await self._publish(*sorted(new, key=lambda one: one.time_ms))
        if there.keys() != self._told:
            self._write(frozenset(there))
        self._seen = grants

    def _read(self) -> frozenset[str]:
        """Return what was told; a mark that is damaged says nothing, and all is told again."""
        try:
            found: frozenset[str] = frozenset(restore_as(tuple[str, ...], decode(self._mark.read_bytes()), MARK))
        except (FileNotFoundError, Invalid):
            return frozenset()
        return found

    def _write(self, told: frozenset[str]) -> None:
        try:
            write_atomic(self._mark, canonical(sorted(told)))
        except OSError as error:
            raise Retryable(f"{MARK}: what was told is kept, {error.strerror or error}") from error
        self._told = told


def told_of(grant: Grant, source: str) -> dict[str, Event]:
    """Return what is to be told of a grant, each under a name of its own; no token and no digest is in it."""
    kind, scopes = grant.kind.value, tuple(scope.value for scope in grant.scopes)
    given = AccessGranted(grant.id, kind, grant.person, scopes, grant.is_person, grant.expires_ms, grant.by)
    found = {f"{grant.id} given": event("security.granted", given, source, grant.created_ms)}
    if grant.revoked_ms is not None:
        ended = AccessRevoked(grant.id, kind, grant.person, grant.revoked_by)
        found[f"{grant.id} ended"] = event("security.revoked", ended, source, grant.revoked_ms)
    return found
