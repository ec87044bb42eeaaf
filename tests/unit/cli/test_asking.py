"""Whoever asks about an account asks the exchange that its running fund has brought with it."""

import os
from pathlib import Path

import pytest

from qt_ray.adapters.binance.assembly import endpoints_of
from qt_ray.adapters.binance.endpoints import KINDS, Endpoints
from qt_ray.adapters.config import load
from qt_ray.adapters.processes import mark_of
from qt_ray.adapters.session_file import Session, write_session
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.places import places_of
from qt_ray.cli.asking import as_it_runs

pytestmark = pytest.mark.unit

VENUE = "http://127.0.0.1:40123"


def settings(state: Path, **flags: str) -> Settings:
    return load("paper", {"fund.state": str(state), **flags}).settings


def runs(found: Settings, venue: str | None, mark: str | None = None) -> None:
    """Say that this process is the fund of an account, with an exchange of its own or without."""
    mine = mark_of(os.getpid())
    assert mine is not None
    session = Session(os.getpid(), mark or mine, 0, "paper", "main", "", "qt-paper-main", "", venue=venue)
    places_of(found).folder.mkdir(parents=True, exist_ok=True)
    write_session(places_of(found).session, session)


def test_the_exchange_of_a_running_fund_is_the_one_that_is_asked(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert endpoints_of(as_it_runs(found).exchange) == KINDS["paper"]
    runs(found, VENUE)
    assert endpoints_of(as_it_runs(found).exchange) == Endpoints(VENUE, "ws://127.0.0.1:40123", VENUE)
    assert as_it_runs(found).fund == found.fund


def test_an_address_that_was_named_a_fund_without_its_own_and_one_that_is_gone_change_nothing(tmp_path: Path) -> None:
    named = settings(tmp_path, **{"exchange.rest_url": "http://127.0.0.1:1", "exchange.ws_url": "ws://127.0.0.1:1"})
    runs(named, VENUE)
    assert as_it_runs(named) is named
    found = settings(tmp_path)
    runs(found, None)
    assert as_it_runs(found) is found
    runs(found, VENUE, mark="of a process that is gone")
    assert as_it_runs(found) is found
