"""Keys: shown once, kept as digests, ended at once, and never lost to another writer."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.api_keys import LOGIN_MS, SESSION_MS, KeyRing, login_url, operator_token
from qt_ray.core.errors import Invalid
from qt_ray.governance.access import (
    GRANTS_MAX,
    USED_MS,
    Grant,
    Kind,
    Scope,
    digest_of,
    known,
    scopes_of,
    token_of,
    with_grant,
)

pytestmark = pytest.mark.unit


class Clock:
    now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_token_is_nowhere_in_the_file_that_only_its_user_reads(tmp_path: Path) -> None:
    token = KeyRing(tmp_path).issue("ann", (Scope.READ,))
    path = tmp_path / "keys.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert token.rpartition("_")[2].encode() not in path.read_bytes()
    grant = KeyRing(tmp_path).known(token)
    assert grant is not None
    assert (grant.person, grant.scopes, grant.digest) == ("ann", (Scope.READ,), digest_of(token))


def test_a_file_that_others_may_read_lets_nobody_in(tmp_path: Path) -> None:
    token = KeyRing(tmp_path).issue("ann", (Scope.READ,))
    (tmp_path / "keys.json").chmod(0o644)
    with pytest.raises(Invalid, match="only its user may read, mode was 644"):
        KeyRing(tmp_path).known(token)


def test_a_folder_that_cannot_be_entered_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file where the folder belongs")
    with pytest.raises(Invalid, match="a file that can be read"):
        KeyRing(tmp_path / "folder").known("qt_a_b")


def test_what_one_process_revokes_another_refuses_at_once(tmp_path: Path) -> None:
    shell, console = KeyRing(tmp_path), KeyRing(tmp_path)
    token = shell.issue("ann", (Scope.READ,))
    grant = console.known(token)
    assert grant is not None
    shell.revoke(grant.id, by="bob")
    assert console.known(token) is None
    with pytest.raises(Invalid, match="a grant that was given is revoked"):
        shell.revoke("nobody", by="bob")


def test_two_writers_undo_nothing_of_each_other(tmp_path: Path) -> None:
    rings = KeyRing(tmp_path), KeyRing(tmp_path)
    tokens = [rings[n % 2].issue(f"p{n}", (Scope.READ,)) for n in range(6)]
    assert all(ring.known(token) for ring in rings for token in tokens)


def test_when_a_key_was_used_is_known_to_the_minute(tmp_path: Path, clock: Clock) -> None:
    ring = KeyRing(tmp_path, clock)
    token = ring.issue("ann", (Scope.READ,))

    def used() -> int | None:
        grant = ring.known(token)
        assert grant is not None
        ring.used(grant)
        return ring.grants()[grant.id].used_ms

    assert used() == clock.now_ms
    clock.now_ms += USED_MS - 1
    assert used() == clock.now_ms - USED_MS + 1
    clock.now_ms += 1
    assert used() == clock.now_ms


def test_a_login_opens_one_session_in_time_and_is_no_key(tmp_path: Path, clock: Clock) -> None:
    ring = KeyRing(tmp_path, clock)
    url = login_url(tmp_path, "http://127.0.0.1:8700", "ann", clock)
    code = url.partition("/login?code=")[2]
    assert ring.known(code) is None
    session = ring.redeem(code)
    assert session is not None
    grant = ring.known(session)
    assert grant is not None
    assert (grant.kind, grant.person, grant.scopes) == (Kind.SESSION, "ann", tuple(Scope))
    assert ring.redeem(code) is ring.redeem(session) is None
    clock.now_ms += SESSION_MS
    assert ring.known(session) is None
    late = login_url(tmp_path, "", "ann", clock).partition("=")[2]
    clock.now_ms += LOGIN_MS
    assert ring.redeem(late) is None


def test_the_operator_has_one_key_and_another_only_on_purpose(tmp_path: Path) -> None:
    token = operator_token(tmp_path, "ann")
    assert operator_token(tmp_path, "ann") == token
    assert (tmp_path / "operator.key").stat().st_mode & 0o777 == 0o600
    ring = KeyRing(tmp_path)
    grant = ring.known(token)
    assert grant is not None
    assert grant.scopes == tuple(Scope)
    ring.revoke(grant.id, by="ann")
    assert operator_token(tmp_path, "ann") == token
    (tmp_path / "operator.key").unlink()
    assert operator_token(tmp_path, "ann") != token


def test_an_account_has_a_bounded_number_of_grants_and_forgets_only_what_ended() -> None:
    keys = {str(n): Grant(str(n), Kind.KEY, "ann", (Scope.READ,), "", 0, revoked_ms=1) for n in range(GRANTS_MAX - 1)}
    old = Grant("old", Kind.SESSION, "ann", (Scope.READ,), "", 0, expires_ms=5)
    new = Grant("new", Kind.KEY, "ann", (Scope.READ,), "", 9)
    assert with_grant({**keys, "old": old}, new, 9).keys() == {*keys, "new"}
    with pytest.raises(Invalid, match="at most 1000 grants"):
        with_grant({**keys, "old": old}, new, 4)


@given(
    secret=st.text(st.characters(codec="utf-8"), max_size=60), other=st.text(st.characters(codec="utf-8"), max_size=60)
)
@settings(max_examples=100, deadline=None)
def test_only_the_very_token_is_known(secret: str, other: str) -> None:
    token = token_of("a", secret)
    grants = {"a": Grant("a", Kind.KEY, "ann", (Scope.READ,), digest_of(token), 0)}
    assert known(grants, token, 0) == grants["a"]
    assert (known(grants, token_of("a", other), 0) is not None) is (other == secret)
    assert known(grants, other, 0) is None or other == token


@pytest.mark.parametrize("words", [["read", "fly"], ["READ"]])
def test_scopes_are_those_there_are(words: list[str]) -> None:
    with pytest.raises(Invalid, match="a scope is one of"):
        scopes_of(words)
    assert scopes_of(["kill", "read", "kill"]) == (Scope.READ, Scope.KILL)


@pytest.mark.parametrize(("person", "scopes"), [("", (Scope.READ,)), ("a\nb", (Scope.READ,)), ("ann", ())])
def test_a_grant_names_somebody_and_is_good_for_something(person: str, scopes: tuple[Scope, ...]) -> None:
    with pytest.raises(Invalid, match="a grant"):
        Grant("a", Kind.KEY, person, scopes, "", 0)
