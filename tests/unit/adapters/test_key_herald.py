"""Whoever gives or ends a key is in the record once, whatever was running when he did it."""

import asyncio
import json
from pathlib import Path

import pytest

from qt_ray.adapters.api_keys import KEYS_FILE, KeyRing, login_url
from qt_ray.adapters.key_herald import MARK, KeyHerald
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.events import Event
from qt_ray.governance.access import Scope
from qt_ray.governance.audit_events import record_of

pytestmark = pytest.mark.unit


class Bus:
    """A bus that may be away."""

    def __init__(self) -> None:
        self.told: list[Event] = []
        self.is_away = False

    async def publish(self, *events: Event) -> None:
        if self.is_away:
            raise Retryable("redis: an event is answered, ConnectionError")
        self.told += events

    def heard(self, folder: Path) -> list[Event]:
        """Return what a new herald tells."""
        before = len(self.told)
        asyncio.run(KeyHerald(folder, self.publish, "console").catch_up())
        return self.told[before:]


def test_what_was_given_and_ended_while_nothing_ran_is_told_once(tmp_path: Path) -> None:
    ring, bus = KeyRing(tmp_path), Bus()
    grant = ring.known(ring.issue("bob", (Scope.READ, Scope.KILL), by="ann"))
    assert grant is not None
    (given,) = bus.heard(tmp_path)
    assert (given.type, given.time_ms) == ("security.granted", grant.created_ms)
    assert (given.payload.person, given.payload.by, given.payload.scopes) == ("bob", "ann", ("read", "kill"))
    ring.revoke(grant.id, by="eve")
    (ended,) = bus.heard(tmp_path)
    assert (ended.type, ended.payload.by, ended.payload.grant) == ("security.revoked", "eve", grant.id)
    assert bus.heard(tmp_path) == []


def test_no_token_and_no_digest_is_told_and_the_record_says_who_gave_what_to_whom(tmp_path: Path) -> None:
    ring, bus = KeyRing(tmp_path), Bus()
    token = ring.issue("bob", (Scope.POLICY,), by="ann")
    grant = ring.known(token)
    assert grant is not None
    (given,) = bus.heard(tmp_path)
    record = record_of(given)
    assert record is not None
    assert (record.event_type, record.actor, record.target) == ("access.granted", "ann", "bob")
    assert (record.reason, record.outcome) == ("good for policy", f"key {grant.id}")
    assert token not in str(given)
    assert grant.digest not in f"{given} {record}"


def test_the_end_of_a_grant_is_in_the_record_with_whoever_ended_it(tmp_path: Path) -> None:
    ring, bus = KeyRing(tmp_path), Bus()
    grant = ring.known(ring.issue("bob", (Scope.POLICY,), by="ann"))
    assert grant is not None
    ring.revoke(grant.id, by="eve")
    given, ended = bus.heard(tmp_path)
    record = record_of(ended)
    assert given.time_ms <= ended.time_ms
    assert record is not None
    assert (record.event_type, record.actor, record.target) == ("access.revoked", "eve", "bob")


def test_a_bus_that_was_away_loses_nothing_and_a_lost_mark_tells_the_same_again(tmp_path: Path) -> None:
    ring, bus = KeyRing(tmp_path), Bus()
    ring.issue("bob", (Scope.READ,))
    bus.is_away = True
    with pytest.raises(Retryable):
        bus.heard(tmp_path)
    bus.is_away = False
    first = bus.heard(tmp_path)
    (tmp_path / MARK).write_text("{")
    assert bus.heard(tmp_path) == first
    assert len(first) == 1


def test_a_login_that_was_used_and_the_session_it_became_are_told(tmp_path: Path) -> None:
    ring, bus = KeyRing(tmp_path), Bus()
    code = login_url(tmp_path, "http://console", "bob", by="ann").partition("code=")[2]
    assert [one.payload.kind for one in bus.heard(tmp_path)] == ["login"]
    assert ring.redeem(code) is not None
    assert [(one.payload.kind, one.payload.by) for one in bus.heard(tmp_path)] == [("session", "bob")]
    assert len(json.loads((tmp_path / MARK).read_bytes())) == 1  # what the file of keys forgets is forgotten here too


def test_one_herald_tells_what_comes_later_and_keys_that_cannot_be_read_tell_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        ring, bus = KeyRing(tmp_path), Bus()
        herald = KeyHerald(tmp_path, bus.publish, "console")
        await herald.catch_up()
        assert bus.told == []
        ring.issue("bob", (Scope.READ,))
        await herald.catch_up()
        await herald.catch_up()
        assert len(bus.told) == 1
        (tmp_path / KEYS_FILE).write_text("{")
        with pytest.raises(Invalid):
            await herald.catch_up()
        assert len(bus.told) == 1

    asyncio.run(story())
