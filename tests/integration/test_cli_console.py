"""`qt policy|ess|trade|auth` as a person uses them: over a socket while a console is up, on files while none is."""

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import uvicorn

from qt_ray.actors.emergency_door import EmergencyDoor
from qt_ray.actors.policy_store_actor import BOOK, COPY
from qt_ray.adapters.api_keys import KeyRing
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.policy_copy import PolicyCopy
from qt_ray.adapters.processes import mark_of
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.adapters.session_file import Session, write_session
from qt_ray.adapters.side_door import SideDoor
from qt_ray.adapters.sqlite_rulebook import SqliteRulebook
from qt_ray.adapters.trading.places import Places
from qt_ray.core.errors import Retryable
from qt_ray.core.policy import Policy
from qt_ray.engine.tidings import Holding
from qt_ray.governance.access import Scope
from qt_ray.risk.ess import EssState
from tests.integration.shell import Ended, qt, refused
from tests.unit.serve.consoles import COOLDOWN_MS, House

pytestmark = pytest.mark.integration

Loop = asyncio.AbstractEventLoop

TIGHTER, LOOSER = "modes.NORMAL.max_leverage=3", "modes.NORMAL.max_leverage=6"
WHY = ("--reason", "calmer")


class Account:
    """An account of its own on this machine, and a shell that speaks of it."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.places = Places(self.state / "paper" / "main")

    def qt(self, *words: object) -> Ended:
        return qt(*words, "--set", f"fund.state={self.state}")

    def runs_at(self, console: str | None) -> None:
        mark = mark_of(os.getpid())
        assert mark is not None
        session = Session(os.getpid(), mark, 0, "paper", "main", "", "qt-paper-main", "", console=console)
        write_session(self.places.session, session)


class Running(Account):
    """An account whose console answers on a socket, and whose operator is ann."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.house = House(self.places.folder)
        self._server = uvicorn.Server(
            uvicorn.Config(self.house.app, port=0, log_level="critical", lifespan="off", ws="none")
        )
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> "Running":
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
        self.runs_at(f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}")
        self.as_person(self.house.token)
        return self

    def as_person(self, token: str) -> None:
        (self.places.folder / "operator.key").write_text(token)

    @contextmanager
    def own_door(self, hangs: bool = False) -> Iterator[None]:
        """Let the emergency stop open a door of its own as long as the block, or hang behind it."""
        stop, over, known = EmergencyDoor(self.house.stop, self.house.latch), asyncio.Event(), Queue[Loop]()

        async def silent(asked: Mapping[str, Any], person: str) -> None:
            await over.wait()

        async def stand() -> None:
            door = asyncio.create_task(SideDoor(self.places.door, silent if hangs else stop.answer).run())
            known.put(asyncio.get_running_loop())
            await over.wait()
            door.cancel()

        thread = threading.Thread(target=asyncio.run, args=(stand(),))
        thread.start()
        try:
            while not self.places.door.exists():
                thread.join(0.01)
            yield
        finally:
            known.get().call_soon_threadsafe(over.set)
            thread.join()

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with Running(tmp_path) as found:
        yield found


@pytest.fixture
def resting(tmp_path: Path) -> Account:
    """Return an account that nothing runs for."""
    return Account(tmp_path)


def test_the_policy_is_read_by_people_and_programs(running: Running) -> None:
    assert "active_mode = NORMAL" in running.qt("policy", "get").out.splitlines()
    found = running.qt("policy", "get", "modes.NORMAL.max_leverage", "--json").data
    assert (found["schema"], found["policy"]) == ("qt.policy/1", {"modes.NORMAL.max_leverage": "5"})
    refused(running.qt("policy", "get", "modes.NORMLA"), 6, "a path names a value")


def test_a_person_tightens_at_once_and_two_loosen(running: Running) -> None:
    assert "is in force" in running.qt("policy", "set", TIGHTER, *WHY).out
    refused(running.qt("policy", "set", LOOSER, *WHY, "--yes", "other"), 6, "typing main")
    ended = running.qt("policy", "set", LOOSER, *WHY, "--yes", "main", "--json")
    name = ended.data["proposal"]["id"]
    assert running.house.store.get_value("modes.NORMAL.max_leverage") == 3
    assert name in running.qt("policy", "proposals").out
    refused(running.qt("policy", "approve", name, "--yes", "main"), 5, "somebody else than ann")
    running.as_person(running.house.key(Scope.READ, Scope.POLICY))
    assert running.qt("policy", "approve", name, "--yes", "main").code == 0
    assert running.house.store.get_value("modes.NORMAL.max_leverage") == 6
    assert "bob agreed" in running.qt("policy", "history", "-n", 1).out


def test_a_change_is_looked_at_before_and_taken_back_after(running: Running, tmp_path: Path) -> None:
    file = tmp_path / "calm.yaml"
    file.write_text('modes:\n  NORMAL:\n    max_leverage: "3"\ndeny_symbols: [DOGEUSDT]\n')
    first = running.house.store.get_policy().version
    ended = running.qt("policy", "diff", "--file", file)
    assert ended.out.splitlines()[0].split() == ["modes.NORMAL.max_leverage", "5", "->", "3", "tighter"]
    assert "one person is enough" in ended.err
    assert running.house.store.get_policy().version == first
    assert running.qt("policy", "apply", file, *WHY).code == 0
    assert running.house.store.get_value("deny_symbols") == ("DOGEUSDT",)
    assert "looser" in running.qt("policy", "diff", "--version", first).out
    assert "somebody else agrees" in running.qt("policy", "revert", first, *WHY, "--yes", "main").err
    name = running.house.store.proposals()[0].id
    assert running.qt("policy", "dismiss", name, "--reason", "no").code == 0
    refused(running.qt("policy", "dismiss", name, "--reason", "no"), 5, "an open proposal")


def test_a_word_becomes_the_kind_of_value_that_stands_there(running: Running) -> None:
    words = ("deny_symbols=DOGEUSDT,PEPEUSDT", "toggles.enable_rl=false", "modes.NORMAL.max_positions=3")
    assert running.qt("policy", "set", *words, *WHY).code == 0
    assert running.house.store.get_value("deny_symbols") == ("DOGEUSDT", "PEPEUSDT")
    refused(running.qt("policy", "set", "toggles.enable_rl=maybe", *WHY), 6, "true or false")
    refused(running.qt("policy", "set", "modes.NORMAL.max_positions=many", *WHY), 6, "a whole number")
    refused(running.qt("policy", "set", "nothing.here=1", *WHY), 5, "nothing.here")


def test_a_key_that_is_wrong_or_not_good_for_it_ends_with_eight(running: Running) -> None:
    running.as_person("qt_no_body")
    refused(running.qt("policy", "get"), 8, "a key that is known")
    running.as_person(running.house.key(Scope.READ))
    refused(running.qt("trade", "pause"), 8, "has the scope trade")
    assert len(running.house.refused) == 2


def test_a_trip_never_asks_and_a_reset_does(running: Running) -> None:
    assert "STOPPING" in running.qt("ess", "trip", "--reason", "odd prices").out
    assert running.house.stop.emergency.state is EssState.FLATTENING
    running.house.stop.settle()
    shown = running.qt("ess", "status").out
    assert shown.startswith("main at paper: ENTRIES ARE SHUT OUT\n")
    assert "manual" in shown
    assert "odd prices" in shown
    found = running.qt("ess", "status", "--json").data
    assert (found["schema"], found["account"], found["entries_shut"]) == ("qt.ess/1", "main at paper", True)
    assert found["left_open"] == {"BTCUSDT": "0.1"}
    assert found["next"][0].startswith('qt ess reset manual --reason "..." --set ')
    refused(running.qt("ess", "reset", "manual", *WHY, "--yes", "main"), 5, "cooldown")
    running.house.clock.now_ms += COOLDOWN_MS
    refused(running.qt("ess", "reset", "nonsense", *WHY), 5, "cause: Input should be 'daily_drawdown'")
    refused(running.qt("ess", "reset", "nonsense", *WHY), 5, ", was 'nonsense'")
    refused(running.qt("ess", "reset", "feed", *WHY), 5, "a reset names a cause of the emergency, manual, was feed")
    asked = running.qt("ess", "reset", "manual", *WHY, "--yes", "no")
    refused(asked, 6, "typing main")
    assert "main at paper: ENTRIES ARE SHUT OUT" in asked.err
    assert "the emergency is over, the stop is ARMED" in running.qt("ess", "reset", "manual", *WHY, "--yes", "main").out
    assert "entries are let in" in running.qt("ess", "status").out
    past = running.qt("ess", "history")
    assert [line.split("  ")[1] for line in past.out.splitlines()] == [
        "cleared by ann: calmer (manual)",
        "tripped by ann: odd prices (manual)",
    ]


def test_who_looks_at_an_emergency_waits_for_no_part_that_is_away(running: Running) -> None:
    running.house.seen.fault = running.house.policy.fault = Retryable("Monitor: lives, does not")
    shown = running.qt("ess", "status")
    assert shown.code == 0
    assert "not known here; the exchange says it: qt positions" in shown.out
    assert "policy       not known: Monitor: lives, does not" in shown.out


def test_a_trip_that_only_closed_the_latch_says_so_and_ends_with_seven(running: Running) -> None:
    running.house.stop.hangs = True
    ended = running.qt("ess", "trip", "--json")
    assert (ended.code, ended.data["acted"], ended.data["latch"]["closed"]) == (7, "latch", True)
    assert "qt flatten" in ended.err


def test_new_positions_are_paused_at_a_word_and_resumed_with_care(running: Running) -> None:
    assert running.qt("trade", "pause", "--json").data["allow_new_trades"] is False
    refused(running.qt("trade", "resume", *WHY, "--yes", "no"), 6, "typing main")
    assert running.qt("trade", "resume", *WHY, "--yes", "main").code == 0
    assert running.house.store.can_open_new_trades()


def test_what_is_held_is_closed_without_a_question(running: Running) -> None:
    running.house.gateway.holdings = {"BTCUSDT": Holding(Decimal("0.5"), Decimal(50_000))}
    assert running.qt("trade", "close", "btcusdt").out == "BTCUSDT: 0.5 of 0.5 closed\n"
    running.house.gateway.share = Decimal("0.5")
    ended = running.qt("trade", "close", "--json")
    assert (ended.code, ended.data["all_closed"]) == (7, False)
    refused(running.qt("trade", "close", "ETHUSDT"), 5, "there is none")


def test_a_part_that_is_silent_ends_with_seven(running: Running) -> None:
    running.house.policy.fault = Retryable("PolicyStore.get_policy: answers within 5000 ms, did not")
    refused(running.qt("policy", "get"), 7, "PolicyStore.get_policy")


def test_a_console_that_is_gone_ends_with_four_and_keeps_nobody_from_stopping(running: Running) -> None:
    running.runs_at("http://127.0.0.1:1")
    refused(running.qt("policy", "get"), 4, "a console answers")
    assert running.qt("ess", "trip").code == 7
    assert Latch(running.places.latch).state().closed
    shown = running.qt("ess", "status")
    assert shown.code == 4
    assert shown.out.startswith("main at paper: ENTRIES ARE SHUT OUT\n")
    assert "latch        CLOSED under epoch 1 by" in shown.out
    running.runs_at(None)
    refused(running.qt("policy", "get"), 4, "started without one")
    assert running.qt("ess", "status", "--json").data["next"][0].startswith("qt flatten")
    refused(running.qt("policy", "get", "--console", "http://127.0.0.1:1"), 8, "QT_API_KEY")


def test_a_stop_needs_no_console_where_the_emergency_stop_opens_its_own_door(running: Running) -> None:
    running.runs_at("http://127.0.0.1:1")
    with running.own_door():
        ended = running.qt("ess", "trip", "--reason", "odd prices")
        assert (ended.code, ended.err) == (0, "")
        assert "main at paper: STOPPING" in ended.out
        shown = running.qt("ess", "status")
        assert shown.code == 4
        assert "emergency    TRIPPED" in shown.out
        assert "why          odd prices" in shown.out
        assert "policy       not known: a console answers at http://127.0.0.1:1" in shown.out
        running.house.stop.settle()
        assert "once the policy is known, by a person who has looked" in running.qt("ess", "status").out


def test_a_stop_whose_own_door_is_silent_is_begun_by_the_console(running: Running) -> None:
    with running.own_door(hangs=True):
        assert "STOPPING" in running.qt("ess", "trip", "--reason", "odd prices").out


def test_a_trip_of_a_fund_elsewhere_shuts_nothing_here(resting: Account) -> None:
    refused(resting.qt("ess", "trip", "--console", "http://127.0.0.1:1"), 8, "QT_API_KEY")
    assert not Latch(resting.places.latch).state().closed


def test_without_a_fund_a_trip_closes_the_latch_and_names_the_way_to_flatten(resting: Account) -> None:
    ended = resting.qt("ess", "trip", "--reason", "fire")
    assert ended.code == 7
    assert "NOTHING IS CLOSED YET" in ended.out
    assert "qt flatten" in ended.out
    latch = Latch(resting.places.latch).state()
    assert (latch.closed, latch.reason) == (True, "fire")
    shown = resting.qt("ess", "status").out
    assert "main at paper: ENTRIES ARE SHUT OUT" in shown
    assert "1970" not in shown
    found = resting.qt("ess", "trip", "--json").data
    assert {"acted", "is_flattening", "emergency", "latch", "policy_told", "detail"} <= found.keys()
    assert found["latch"].keys() == {"closed", "epoch", "reason", "by", "at"}


def test_a_trip_closes_the_latch_even_when_the_keys_are_broken(resting: Account) -> None:
    resting.places.folder.mkdir(parents=True)
    (resting.places.folder / "keys.json").write_bytes(b"{")
    assert resting.qt("ess", "trip").code == 7
    assert Latch(resting.places.latch).state().closed


def test_without_a_fund_and_without_a_book_there_is_nothing_to_read(resting: Account) -> None:
    refused(resting.qt("policy", "get"), 4, "a fund runs for this account")
    refused(resting.qt("auth", "login"), 4, "none does")


def test_without_a_fund_a_person_tightens_the_book_and_loosens_nothing(resting: Account) -> None:
    resting.places.policy.mkdir(parents=True)

    def book() -> RulebookKeeper:
        return RulebookKeeper(
            SqliteRulebook(resting.places.policy / BOOK), PolicyCopy(resting.places.policy / COPY), Policy
        )

    book()
    assert resting.qt("policy", "set", TIGHTER, *WHY).code == 0
    assert book().policy.get_value("modes.NORMAL.max_leverage") == 3
    assert resting.qt("policy", "set", LOOSER, *WHY, "--yes", "main").code == 0
    assert book().policy.get_value("modes.NORMAL.max_leverage") == 3
    assert len(book().book.proposals) == 1
    assert resting.qt("trade", "pause").code == 0
    assert book().policy.new_trades_paused


def test_a_key_is_made_listed_and_taken_back(resting: Account) -> None:
    made = resting.qt("auth", "create", "--person", "bob", "--scope", "read", "--scope", "kill", "--days", 1)
    grant = KeyRing(resting.places.folder).known(made.out.strip())
    assert grant is not None
    assert (grant.person, grant.scopes) == ("bob", (Scope.READ, Scope.KILL))
    assert made.out.strip() not in resting.qt("auth", "list").out
    assert resting.qt("auth", "list", "--json").data["grants"][0]["is_good"] is True
    assert resting.qt("auth", "revoke", grant.id).code == 0
    assert KeyRing(resting.places.folder).known(made.out.strip()) is None
    refused(resting.qt("auth", "create", "--person", "bob", "--scope", "fly"), 6, "a scope is one of")
    robot = resting.qt("auth", "create", "--person", "robot", "--scope", "policy", "--machine", "--json").data
    found = KeyRing(resting.places.folder).known(robot["key"])
    assert found is not None
    assert found.is_person is False


def test_an_address_to_log_in_leads_to_the_running_console(running: Running) -> None:
    url = running.qt("auth", "login", "--person", "ann").out.strip()
    assert url.startswith("http://127.0.0.1:")
    assert KeyRing(running.places.folder, running.house.clock).redeem(url.partition("code=")[2]) is not None
