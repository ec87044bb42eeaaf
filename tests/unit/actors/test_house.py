"""An account has one fund; a paper one that brings its exchange has one life after the other."""

from pathlib import Path

import pytest

from qt_ray.actors.house import Refused, Wanted, is_embedded, life_of, opened, told_to_parts
from qt_ray.actors.origin import Origin
from qt_ray.adapters.config import load
from qt_ray.adapters.files import locked
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.places import Places, places_of

pytestmark = pytest.mark.unit


def test_only_paper_without_an_address_brings_its_exchange_with_it() -> None:
    where = {"rest_url": "http://x", "ws_url": "ws://x"}
    assert is_embedded(Settings())
    for kind in ({"kind": "testnet"}, {"kind": "live"}, where):
        assert not is_embedded(Settings.model_validate({"exchange": kind}))


def test_lives_sort_by_their_names() -> None:
    moments = [0, 999, 1_000, 1_700_000_000_123]
    names = [life_of(at_ms) for at_ms in moments]
    assert names == sorted(names)
    assert names[-1] == "20231114T221320.123Z"


def test_a_life_keeps_its_journals_and_the_account_everything_else(tmp_path: Path) -> None:
    one, none = Places(tmp_path, life="20260101T000000.000Z"), Places(tmp_path)
    assert one.journal == tmp_path / "lives" / "20260101T000000.000Z" / "journal"
    assert none.journal == tmp_path / "journal"
    for name in ("latch", "audit", "anchors", "audit_key", "policy", "buffer", "redis", "session", "logs"):
        assert getattr(one, name) == getattr(none, name)
    assert one.journal.parent == one.desk.parent == one.lived


def test_an_account_that_has_a_fund_is_refused_another(tmp_path: Path) -> None:
    flags = {"fund.state": str(tmp_path)}
    folder = places_of(load("paper", flags).settings).folder
    folder.mkdir(parents=True)
    handle = locked(folder, "a fund")
    with pytest.raises(Refused, match="one fund at a time; `qt down` ends it"), opened(Wanted("paper", flags)):
        raise AssertionError
    assert handle > 0


def test_parts_on_the_ray_of_somebody_else_hear_what_our_variables_say_and_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = {
        "QT_FUND__ACCOUNT": "alpha",
        "QT_MARKET__SYMBOLS": '["BTCUSDT", "SOLUSDT"]',
        "QT_MARKET__INTERVAL": "5m",
        "QT_CREDENTIALS__API_KEY": "canary",
        "QT_CREDENTIALS__API_SECRET": "canary",
    }
    flags = {"fund.state": "here", "market.interval": "1h"}
    loaded = load("paper", flags, ours)
    told = told_to_parts(loaded, flags)
    assert "canary" not in str(told)
    for name in ours:
        monkeypatch.delenv(name, raising=False)
    theirs = Origin("paper", told).settings
    assert (theirs.fund.account, theirs.market.symbols, theirs.market.interval) == (
        "alpha",
        ("BTCUSDT", "SOLUSDT"),
        "1h",
    )
    assert Path(theirs.fund.state) == Path("here").absolute()
