"""The gate: who may ask is decided before anything is read, and no crowd stands in the way of the stop."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message

from qt_ray.core.errors import Retryable
from qt_ray.governance.access import Kind, Scope
from qt_ray.serve.application import api
from qt_ray.serve.doors import READS, WRITES, Lane, door_of
from qt_ray.serve.gate import Gate
from qt_ray.serve.pace import BURST
from qt_ray.serve.reading import BODY_BYTES_MAX
from qt_ray.serve.wrong_keys import PER_SECOND_MAX
from tests.unit.serve.consoles import Answer, House, called

pytestmark = pytest.mark.unit

PATCH = ("PATCH", "/api/policy")
TRIGGER = ("POST", "/api/emergency/trigger")
TIGHTER = {"changes": {"modes.NORMAL.max_leverage": "3"}, "reason": "calmer"}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a house that lives through many requests."""
    return House(tmp_path_factory.mktemp("house"))


TOKENS: dict[frozenset[Scope], str] = {}


def token_for(house: House, scopes: frozenset[Scope]) -> str:
    if scopes not in TOKENS:
        TOKENS[scopes] = house.key(*sorted(scopes))
    return TOKENS[scopes]


def state_of(house: House) -> object:
    return house.store.get_policy(), house.store.proposals(), house.stop.emergency, house.latch.state()


@pytest.mark.requirement("S7 HttpApi")
def test_every_route_has_the_scope_that_its_deed_needs(house: House) -> None:
    wanted = {
        ("PATCH", "/api/policy"): Scope.POLICY,
        ("POST", "/api/policy/revert"): Scope.POLICY,
        ("POST", "/api/policy/diff"): Scope.READ,
        ("POST", "/api/policy/proposals"): Scope.POLICY,
        ("POST", "/api/policy/proposals/{proposal}/approve"): Scope.POLICY,
        ("POST", "/api/policy/proposals/{proposal}/dismiss"): Scope.POLICY,
        ("POST", "/api/alerts/acknowledge"): Scope.TRADE,
        ("POST", "/api/trade/pause"): Scope.TRADE,
        ("POST", "/api/trade/resume"): Scope.TRADE,
        ("POST", "/api/trade/close"): Scope.TRADE,
        ("POST", "/api/emergency/trigger"): Scope.KILL,
        ("POST", "/api/emergency/reset"): Scope.ADMIN,
        ("POST", "/api/logout"): Scope.READ,
        ("GET", "/health"): None,
        ("GET", "/health/ready"): None,
        ("GET", "/login"): None,
    }
    found = {
        (method.upper(), path): door_of(method.upper(), path).scope
        for path, methods in api(house.ports).openapi()["paths"].items()
        for method in methods
    }
    assert found == {name: wanted.get(name, Scope.READ) for name in found}
    assert wanted.keys() <= found.keys()


@given(path=st.text(max_size=60), method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"]))
@settings(max_examples=100, deadline=None)
def test_what_no_door_names_is_shut(path: str, method: str) -> None:
    door = door_of(method, "/" + path)
    known = READS if method == "GET" else WRITES
    assert door.scope is not None or any(("/" + path).startswith(name) for name in known if known[name].scope is None)


@pytest.mark.parametrize("token", [None, "qt_nobody_nothing", "x", "qt__", "ü" * 40, "a b", "q" * 300])
def test_a_stranger_is_turned_away_before_his_body_is_read(house: House, token: str | None) -> None:
    before = state_of(house)
    told = {} if token is None else {"authorization": f"Bearer {token}".encode("latin-1", "replace").decode("latin-1")}
    # The client sends nothing more and stays: only a body that nobody reads is answered in time.
    found = asyncio.run(called(house.app, *PATCH, told, [b"{", None]))
    assert (found.status, found.code) == (401, "not_known")
    assert state_of(house) == before
    assert [(one.who, one.what, one.status) for one in house.refused] == [("", "PATCH /api/policy", 401)]


@pytest.mark.parametrize("scope", list(Scope), ids=str)
def test_a_key_is_good_for_what_it_says_and_nothing_else(house: House, scope: Scope) -> None:
    token = house.key(scope)
    asked = {
        Scope.READ: house.ask("GET", "/api/policy", token=token),
        Scope.TRADE: house.ask("POST", "/api/trade/pause", {"reason": "x"}, token=token),
        Scope.POLICY: house.ask(*PATCH, TIGHTER, token=token, if_match=f'"{house.store.get_policy().version}"'),
        Scope.KILL: house.ask(*TRIGGER, token=token),
        Scope.ADMIN: house.ask("POST", "/api/emergency/reset", {"cause": "feed", "reason": "x"}, token=token),
    }
    refused = {one for one, answer in asked.items() if answer.status == 403}
    assert refused == set(Scope) - {scope}
    assert {one.who for one in house.refused} == {"bob"}


def test_a_key_that_was_taken_back_or_has_run_out_opens_nothing(house: House) -> None:
    token = house.key(Scope.READ)
    assert house.ask("GET", "/api/policy", token=token).status == 200
    house.keys.revoke(*(name for name, grant in house.keys.grants().items() if grant.person == "bob"), by="ann")
    assert house.ask("GET", "/api/policy", token=token).status == 401
    brief = house.keys.issue("eve", (Scope.READ,), lasts_ms=1_000)
    assert house.ask("GET", "/api/policy", token=brief).status == 200
    house.clock.now_ms += 1_000
    assert house.ask("GET", "/api/policy", token=brief).status == 401


def test_keys_that_cannot_be_read_let_nobody_in_and_say_so(house: House) -> None:
    path = house.folder / "keys.json"
    path.write_bytes(b"{")
    found = house.ask("GET", "/api/policy")
    assert (found.status, found.code) == (503, "no_keys")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x" * (BODY_BYTES_MAX + 1), "application/json", 413),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"NaN", "application/json", 400),
        (b'{"changes":' + b"[" * 20 + b"]" * 20 + b"}", "application/json", 400),
        (b"[" * 30_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b"", "application/json", 422),
    ],
    ids=["huge", "text", "unsaid", "half", "bytes", "nan", "deep", "deeper", "row", "empty"],
)
def test_a_body_that_is_none_is_refused_whole(house: House, body: bytes, kind: str, status: int) -> None:
    before = state_of(house)
    assert house.ask(*PATCH, body, content_type=kind, if_match='"2"').status == status
    assert state_of(house) == before


def test_headers_are_bounded(house: House) -> None:
    assert house.ask("GET", "/api/policy", x_filler="x" * 9_000).status == 431


def test_a_client_that_sends_slowly_is_cut_off(house: House) -> None:
    gate = Gate(api(house.ports), house.ports, body_s=0.05)
    told = {"authorization": f"Bearer {house.token}", "content-type": "application/json"}
    assert asyncio.run(called(gate, *PATCH, told, [b"{", None])).status == 408
    assert asyncio.run(called(gate, *TRIGGER, told, [b"{", None])).status == 200


def test_an_answer_that_takes_too_long_is_given_up(house: House) -> None:
    gate = Gate(api(house.ports), house.ports, answer_s=0.05)
    house.policy.hangs = True
    found = asyncio.run(called(gate, "GET", "/api/policy", {"authorization": f"Bearer {house.token}"}, [b""]))
    assert (found.status, found.code) == (504, "too_late")


def test_a_crowd_that_only_looks_is_refused_before_it_stands_in_the_way_of_the_stop(house: House) -> None:
    house.policy.hangs = True

    async def story() -> None:
        crowd = [asyncio.create_task(house.asked("GET", "/api/policy")) for _ in range(3 * Lane.READ.value)]
        done, waiting = set[asyncio.Task[Answer]](), set(crowd)
        while len(waiting) > Lane.READ.value:
            now, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            done |= now
        assert {task.result().code for task in done} == {"busy"}
        assert (await house.asked(*TRIGGER)).data["acted"] == "emergency_stop"
        for task in waiting:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    asyncio.run(story())


def test_guessing_is_slowed_and_told_in_few_words_and_shuts_nobody_else_out(house: House) -> None:
    codes = [house.ask("GET", "/api/policy", token="qt_x_y").status for _ in range(PER_SECOND_MAX + 5)]
    assert codes == [401] * PER_SECOND_MAX + [429] * 5
    assert len(house.refused) == 1
    assert house.ask("GET", "/api/policy").status == 200
    house.clock.now_ms += 1_000
    assert house.ask("GET", "/api/policy", token="qt_x_y").status == 401
    assert house.refused[-1].times == PER_SECOND_MAX + 5


def test_a_page_gone_wild_waits_and_nobody_else_does(house: House) -> None:
    codes = [house.ask("GET", "/api/policy").status for _ in range(BURST + 5)]
    assert codes == [200] * BURST + [429] * 5
    assert house.ask("GET", "/api/policy", token=house.key(Scope.READ)).status == 200
    assert house.ask("POST", "/api/trade/pause", {"reason": "x"}).status == 200
    assert house.ask(*TRIGGER).status == 200
    assert house.refused == []
    house.clock.now_ms += 1_000
    assert house.ask("GET", "/api/policy").status == 200


RESET = ("POST", "/api/emergency/reset")
OLD, NOW = {"if_match": '"1"'}, {"if_match": '"2"'}


@pytest.mark.parametrize(
    ("deed", "body", "told", "status", "rule"),
    [
        (PATCH, TIGHTER, OLD, 412, "a write is made from the version in force"),
        (PATCH, TIGHTER, {}, 428, "a write names the version"),
        (PATCH, {"changes": {"no.such.field": 1}, "reason": "x"}, NOW, 422, "no.such"),
        (PATCH, {**TIGHTER, "extra": 1}, NOW, 422, "a field is known, this one is not"),
        (PATCH, b"{", NOW, 400, "a body is JSON"),
        (PATCH, b"x" * (BODY_BYTES_MAX + 1), NOW, 413, "a body has at most"),
        (RESET, {"cause": "manual"}, {}, 422, "reason"),
        (RESET, {"cause": "manual", "reason": "all is well"}, {}, 422, "until all is flat"),
    ],
    ids=["old version", "no version", "no such field", "misspelt", "half", "huge", "no reason", "not flat"],
)
def test_a_deed_that_a_rule_forbids_is_told_with_its_person_and_changes_nothing(
    house: House, deed: tuple[str, str], body: object, told: dict[str, str], status: int, rule: str
) -> None:
    house.ask(*TRIGGER)
    before = state_of(house)
    assert house.ask(*deed, body, **told).status == status
    assert state_of(house) == before
    (refused,) = house.refused
    assert (refused.who, refused.what, refused.status) == ("ann", " ".join(deed), status)
    assert rule in refused.rule


def test_a_machine_that_repeats_a_forbidden_deed_fills_no_record(house: House) -> None:
    for _ in range(50):
        house.ask(*PATCH, TIGHTER, **OLD)
    assert len(house.refused) == 1
    house.ask(*PATCH, TIGHTER)
    assert [one.status for one in house.refused] == [412, 428]  # another rule is another line
    house.clock.now_ms += 1_000
    house.ask(*PATCH, TIGHTER, **OLD)
    assert house.refused[-1].times == 50


def test_what_was_carried_out_or_not_answered_is_no_refusal(house: House) -> None:
    assert house.ask(*PATCH, TIGHTER, if_match=f'"{house.store.get_policy().version}"').status == 200
    house.policy.fault = Retryable("PolicyStore: lives, does not")
    assert house.ask(*PATCH, TIGHTER, if_match='"3"').status == 503
    assert house.ask("GET", "/nowhere").status == 404
    assert house.refused == []


def test_a_browser_comes_in_once_by_its_address_and_a_foreign_page_asks_for_nothing(house: House) -> None:
    code = house.keys.issue("ann", tuple(Scope), kind=Kind.LOGIN, lasts_ms=60_000)
    assert house.ask("GET", "/api/policy", token=code).status == 401
    found = house.ask("GET", f"/login?code={code}", token=None)
    assert (found.status, found.headers["location"]) == (303, "/")
    cookie = found.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))
    assert house.ask("GET", f"/login?code={code}", token=None).status == 401
    told = {"cookie": cookie.partition(";")[0], "host": "fund:8700", "content-type": "application/json"}

    def page(method: str, path: str, **headers: str) -> int:
        return asyncio.run(called(house.app, method, path, {**told, **headers}, [b'{"reason": "x"}'])).status

    assert page("GET", "/api/policy") == 200
    assert page("POST", "/api/trade/pause") == 403
    assert page("POST", "/api/trade/pause", origin="http://evil.example") == 403
    assert page("GET", "/api/policy", origin="http://evil.example") == 403
    assert page("POST", "/api/trade/pause", origin="http://[") == 403
    assert house.store.get_policy().new_trades_paused is False
    assert page("POST", "/api/trade/pause", origin="http://fund:8700") == 200
    assert page("POST", "/api/logout", origin="http://fund:8700") == 200
    assert page("GET", "/api/policy") == 401


def test_a_stream_of_events_is_not_opened_for_strangers(house: House) -> None:
    sent: list[Message] = []

    async def story() -> None:
        async def receive() -> Message:
            return {"type": "websocket.connect"}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": "/stream", "headers": [], "client": ("192.0.2.1", 1)}
        await house.app(scope, receive, send)

    asyncio.run(story())
    assert [message["type"] for message in sent] == ["websocket.close"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from(["changes", "reason", "version", "cause", "proposal", "before", "extra"])
bodies = st.binary(max_size=200) | values | st.dictionaries(fields, values | st.just({"active_mode": "DEFENSIVE"}))
paths = st.sampled_from(sorted({*READS, *WRITES})) | st.sampled_from(
    [
        "/api/policy/history?count=x",
        "/api/policy/history?count=5&before=-1",
        "/api/policy/revert",
        "/api/policy/proposals",
        "/api/policy/proposals/none/approve",
        "/api/policy/proposals/none/dismiss",
        "/api/emergency/reset",
        "/api/emergency/status",
        "/api/decisions?count=0",
        "/api/decisions/none",
        "/api/portfolio/equity",
        "/risk",
        "/api/patches/status",
        "/login?code=qt_a_b",
        "/nowhere",
    ]
)
headers = st.dictionaries(
    st.sampled_from(["if-match", "if-none-match", "content-type", "cookie", "origin", "host", "accept"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30) | st.just("application/json"),
)


@pytest.mark.requirement("S7 HttpApi")
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    path=paths,
    body=bodies,
    told=headers,
    scopes=st.sets(st.sampled_from(Scope), min_size=1) | st.none(),
)
@settings(max_examples=150, deadline=None)
def test_nothing_that_is_sent_breaks_the_console_or_changes_what_its_sender_may_not(
    old: House,
    method: str,
    path: str,
    body: object,
    told: dict[str, str],
    scopes: set[Scope] | None,
) -> None:
    old.clock.now_ms += 1_000
    before, door = state_of(old), door_of(method, path.partition("?")[0])
    token = token_for(old, frozenset(scopes)) if scopes else None
    also = {name.replace("-", "_"): text for name, text in told.items()}
    found = asyncio.run(old.asked(method, path, body, token, **also))
    assert found.status < 500
    may_write = scopes is not None and door.scope in scopes and method not in ("GET", "HEAD", "OPTIONS")
    if not may_write or found.status >= 400:
        assert state_of(old) == before
    if door.scope is not None and (scopes is None or door.scope not in scopes):
        assert found.status in (401, 403)


def test_a_part_that_is_silent_is_no_mistake_of_the_console(house: House) -> None:
    house.seen.fault = Retryable("Monitor.status: answers within 5000 ms, did not")
    for path in (
        "/api/status",
        "/risk",
        "/api/portfolio/pnl",
        "/api/decisions",
        "/health/system",
        "/api/patches/status",
    ):
        found = house.ask("GET", path)
        assert (found.status, found.code) == (503, "no_answer")


def test_when_a_key_was_used_is_remembered_beside_the_request(house: House) -> None:
    token = house.key(Scope.READ)

    async def story() -> None:
        await house.asked("GET", "/api/me", token=token)
        while (grant := house.keys.known(token)) is not None and grant.used_ms is None:
            await asyncio.sleep(0.01)  # the note is written by a thread
        assert grant is not None
        assert grant.used_ms == house.clock()

    asyncio.run(story())
