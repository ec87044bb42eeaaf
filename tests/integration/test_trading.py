"""An account begins to trade behind the doctor's gate, or not at all."""

from pathlib import Path

import pytest

from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.paper.venue import PaperVenue
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.account_loop import Keeping
from qt_ray.adapters.trading.places import places_of
from qt_ray.adapters.trading.start import begun
from qt_ray.core.errors import Invalid
from qt_ray.execution.gateway.rules import Rules
from tests.integration.emergencies import KEY, SECRET, SYMBOLS, play, session_of

pytestmark = pytest.mark.integration


def settings(folder: Path, kind: str) -> Settings:
    told = {"fund": {"state": str(folder)}, "exchange": {"kind": kind}, "market": {"symbols": SYMBOLS}}
    return Settings.model_validate(told)


@pytest.mark.parametrize("kind", ["testnet", "live"])
def test_what_may_not_start_leaves_no_trace(tmp_path: Path, kind: str) -> None:
    against = {
        "keys, the key can withdraw": ("key", {"revoked": "false", "may_withdraw": "true"}),
        "clock, ours is -": ("skew", {"ms": "90000"}),
    }

    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        told = settings(tmp_path, kind)
        for why, (deed, how) in against.items():
            venue.control.do(deed, how)
            ours = await session_of(venue, KEY, SECRET)
            with pytest.raises(Invalid, match=why):
                await begun(ours, told, Rules(), Keeping())
            await ours.close()
        assert not places_of(told).folder.exists()

    play(story)


def test_what_nothing_forbids_is_about_to_work_where_its_settings_say(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        told = settings(tmp_path, "live")
        account = await begun(session, told, Rules(), Keeping())
        assert not account.is_ready
        assert places_of(told).journal.exists()
        with pytest.raises(Invalid, match="one process writes a journal"):
            await begun(session, told, Rules(), Keeping())

    play(story)
