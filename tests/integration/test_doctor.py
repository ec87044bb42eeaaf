"""The gate of a start, against a venue whose key may do too much or whose account was stopped."""

from pathlib import Path

import pytest

from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.paper.venue import PaperVenue
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.doctor import gate
from qt_ray.adapters.trading.premises import Health
from qt_ray.core.errors import Invalid
from qt_ray.jobs.emergency import order_of, shut
from tests.integration.emergencies import play

pytestmark = pytest.mark.integration


def settings(folder: Path, kind: str = "live") -> Settings:
    return Settings.model_validate({"fund": {"state": str(folder)}, "exchange": {"kind": kind}})


def test_a_start_with_real_money_passes_when_nothing_is_against_it(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        found = await gate(session, settings(tmp_path))
        assert {finding.health for finding in found} == {Health.OK}

    play(story)


def test_real_money_does_not_start_with_a_key_that_can_withdraw_and_play_money_does(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        venue.control.do("key", {"revoked": "false", "may_withdraw": "true"})
        with pytest.raises(Invalid, match=r"^start: nothing may forbid it, does: keys, the key can withdraw"):
            await gate(session, settings(tmp_path))
        warned = await gate(session, settings(tmp_path, "paper"))
        assert [finding.check for finding in warned if finding.health is Health.WARNING] == ["keys"]

    play(story)


@pytest.mark.requirement("S7 SystemHealth")
@pytest.mark.parametrize("kind", ["paper", "testnet", "live"])
def test_nothing_starts_while_the_latch_is_closed(tmp_path: Path, kind: str) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        shut(order_of(settings(tmp_path, kind), "drawdown", "ann"))
        with pytest.raises(Invalid, match="latch, closed by ann"):
            await gate(session, settings(tmp_path, kind))

    play(story)
