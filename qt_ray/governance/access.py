"""Access: who may do what, as a grant that names a person, its scopes and its end; a token is never part of it.

What is kept is the digest of a token, so whoever reads the file can open nothing with it. A grant ends by time or by
revocation and never comes back; a login is a grant that ends with its first use.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from qt_ray.core.errors import Invalid
from qt_ray.core.policy import NAME_MAX

TOKEN_PREFIX: Final = "qt"
TOKEN_LETTERS_MAX: Final = 200
GRANTS_MAX: Final = 1_000
# How exactly it is known when a key was last used; a write for every request would cost more than it tells.
USED_MS: Final = 60_000


class Scope(StrEnum):
    """What a grant may be good for; none of them contains another."""

    READ = "read"
    TRADE = "trade"
    POLICY = "policy"
    KILL = "kill"
    ADMIN = "admin"


class Kind(StrEnum):
    """How a grant is used: again and again by a program, once from an address, or as a browser's session."""

    KEY = "key"
    LOGIN = "login"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Grant:
    """One token's right, and who gave and ended it; a machine's grant never stands for a person's word."""

    id: str
    kind: Kind
    person: str
    scopes: tuple[Scope, ...]
    digest: str
    created_ms: int
    is_person: bool = True
    expires_ms: int | None = None
    revoked_ms: int | None = None
    used_ms: int | None = None
    by: str = ""
    revoked_by: str = ""

    def __post_init__(self) -> None:
        if not self.person.strip() or len(self.person) > NAME_MAX or not self.person.isprintable():
            raise Invalid(f"a grant names a person in 1 to {NAME_MAX} letters, was {self.person!r:.60}")
        if not self.scopes:
            raise Invalid(f"a grant is good for something, {self.person}'s is not")

    def is_good(self, at_ms: int) -> bool:
        """Return whether the grant has neither been revoked nor run out."""
        return self.revoked_ms is None and (self.expires_ms is None or at_ms < self.expires_ms)

    def was_used_at(self, at_ms: int) -> bool:
        """Return whether it is remembered that the grant was used about then."""
        return self.used_ms is not None and at_ms - self.used_ms < USED_MS

    def allows(self, scope: Scope) -> bool:
        """Return whether the grant is good for `scope`."""
        return scope in self.scopes


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that was turned away: what it said of itself, what it wanted, why not, and how many such since."""

    who: str
    address: str
    what: str
    rule: str
    status: int
    times: int = 1


Grants = Mapping[str, Grant]


def token_of(grant: str, secret: str) -> str:
    """Return the token that a person keeps: it names its grant, so that finding it needs no comparison with all."""
    return f"{TOKEN_PREFIX}_{grant}_{secret}"


def digest_of(token: str) -> str:
    """Return what is kept of a token; 256 random bits need no slow digest."""
    return sha256(token.encode()).hexdigest()


def known(grants: Grants, token: str, at_ms: int) -> Grant | None:
    """Return the good grant that `token` stands for; how long this takes tells nothing of the digest."""
    prefix, _, rest = token.partition("_")
    grant = grants.get(rest.partition("_")[0]) if prefix == TOKEN_PREFIX and len(token) <= TOKEN_LETTERS_MAX else None
    expected = grant.digest if grant else digest_of("")
    is_same = compare_digest(expected, digest_of(token))
    return grant if grant is not None and is_same and grant.is_good(at_ms) else None


def with_grant(grants: Grants, grant: Grant, at_ms: int) -> dict[str, Grant]:
    """Return the grants with one more; sessions and logins that have ended are forgotten, keys never."""
    kept = {one.id: one for one in grants.values() if one.kind is Kind.KEY or one.is_good(at_ms)}
    if len(kept) >= GRANTS_MAX:
        raise Invalid(f"an account has at most {GRANTS_MAX} grants, had {len(kept)}")
    return {**kept, grant.id: grant}


def revoked(grants: Grants, ids: Iterable[str], at_ms: int, by: str) -> dict[str, Grant]:
    """Return the grants after somebody has taken some back."""
    wanted = set(ids)
    if absent := sorted(wanted - grants.keys()):
        raise Invalid(f"a grant that was given is revoked, was {absent[0]!r:.60}")
    return {
        name: replace(grant, revoked_ms=at_ms, revoked_by=by) if name in wanted and grant.revoked_ms is None else grant
        for name, grant in grants.items()
    }


def scopes_of(words: Iterable[str]) -> tuple[Scope, ...]:
    """Return the scopes that words name, each once and in their order."""
    asked = set(words)
    if unknown := sorted(asked - set(Scope)):
        raise Invalid(f"a scope is one of {', '.join(Scope)}, was {unknown[0]!r:.60}")
    return tuple(scope for scope in Scope if scope in asked)
