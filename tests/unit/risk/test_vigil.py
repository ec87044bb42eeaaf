"""SPEC chapter 3, the emergency stop's triggers: each trips at its number, and what nobody knows is not fine."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.limits import EssLimits
from qt_ray.core.policy import Policy
from qt_ray.risk.ess import Cause
from qt_ray.risk.in_force import CONFIRMATIONS, FLASH_WINDOW_MS, limits_in_force
from qt_ray.risk.triggers import RETRIP_BPS
from qt_ray.risk.vigil import Equity, Vigil

pytestmark = pytest.mark.unit

LIMITS = EssLimits()
GUARD = limits_in_force(Policy()).row[0]
DAY_MS = 86_400_000
START_MS = DAY_MS
BEAT_MS = LIMITS.heartbeat_age_max_ms


def worth(equity: object, unrealised: object = 0, transfers: object = 0) -> Equity:
    value, open_ = Decimal(str(equity)), Decimal(str(unrealised))
    return Equity(value, value - open_, open_, Decimal(str(transfers)))


class Post:
    """A vigil that hears beats and feed all the time, as a living fund gives them."""

    def __init__(self) -> None:
        self.vigil = Vigil(LIMITS, GUARD, ("desk", "guard"), worth(10_000), START_MS)
        self.vigil.equity(worth(10_000), START_MS, confirmed=True)

    def at(self, at_ms: int, told: Equity | None = None, *, confirmed: bool = True) -> tuple[Cause, ...]:
        for name in ("desk", "guard"):
            self.vigil.beat(name, at_ms)
        self.vigil.fed(at_ms)
        if told is not None:
            self.vigil.equity(told, at_ms, confirmed=confirmed)
        return self.vigil.look(at_ms)[1]


def slowly(post: Post, target: Decimal, at_ms: int = START_MS, transfers: int = 0) -> tuple[tuple[Cause, ...], int]:
    """Let equity fall so slowly that no flash crash is seen; return what trips at the target."""
    equity, causes = Decimal(10_000), tuple[Cause, ...]()
    while equity > target:
        equity = max(equity - 100, target)
        at_ms += FLASH_WINDOW_MS + 1
        causes = post.at(at_ms, worth(equity, 0, transfers))
    return causes, at_ms


def test_nothing_trips_in_a_fund_that_lives() -> None:
    post = Post()
    assert post.at(START_MS + 1_000, worth(9_900)) == ()
    assert post.vigil.look(START_MS + 1_000)[0].allows_entries


@pytest.mark.parametrize(("equity", "causes"), [("9501", ()), ("9500", (Cause.DAILY_DRAWDOWN,))])
def test_a_day_that_loses_five_percent_trips(equity: str, causes: tuple[Cause, ...]) -> None:
    assert slowly(Post(), Decimal(equity))[0] == causes


def test_ten_percent_below_the_peak_trips_whatever_the_day() -> None:
    post, at_ms = Post(), START_MS
    for day in range(1, 4):
        at_ms = START_MS + day * DAY_MS
        causes = post.at(at_ms, worth(10_000 - day * 334))
    assert causes == (Cause.EQUITY_DRAWDOWN,)


def test_an_open_loss_of_ten_percent_of_the_wallet_trips() -> None:
    post = Post()
    assert Cause.OPEN_LOSS not in post.at(START_MS + 1, worth(9_001, -999))
    assert Cause.OPEN_LOSS in post.at(START_MS + 2, worth(9_000, -1_000))


def test_three_percent_within_the_window_trip() -> None:
    assert Post().at(START_MS + 1_000, worth(9_700)) == (Cause.FLASH_CRASH,)
    assert Post().at(START_MS + 1_000, worth(9_701)) == ()
    post = Post()
    post.at(START_MS + 1_000, worth(9_850))
    assert post.at(START_MS + FLASH_WINDOW_MS + 1_001, worth(9_690)) == ()


def test_one_bad_tick_trips_nothing_and_several_do() -> None:
    post = Post()
    for number in range(1, CONFIRMATIONS):
        assert post.at(START_MS + number, worth(5_000), confirmed=False) == ()
    assert Cause.EQUITY_DRAWDOWN in post.at(START_MS + CONFIRMATIONS, worth(5_000), confirmed=False)


@given(amount=st.integers(min_value=-9_000, max_value=90_000))
def test_a_transfer_is_neither_profit_nor_loss(amount: int) -> None:
    post = Post()
    assert post.at(START_MS + 1_000, worth(10_000 + amount, 0, amount)) == ()


def test_errors_and_stops_count_within_their_window() -> None:
    for tell, cause, most in (
        (Vigil.execution_error, Cause.EXECUTION_ERRORS, LIMITS.execution_errors_max),
        (Vigil.stop_hit, Cause.STOP_LOSS_FLOOD, LIMITS.stop_hits_max),
    ):
        post = Post()
        for number in range(most - 1):
            tell(post.vigil, START_MS + number)
        assert post.at(START_MS + most, worth(10_000)) == ()
        tell(post.vigil, START_MS + most)
        assert post.at(START_MS + most, worth(10_000)) == (cause,)
        assert post.at(START_MS + LIMITS.stop_hits_window_ms + most, worth(10_000)) == ()


def test_a_lost_heartbeat_a_dead_feed_and_bad_health_trip() -> None:
    post = Post()
    post.vigil.equity(worth(10_000), START_MS + BEAT_MS, confirmed=True)
    post.vigil.beat("desk", START_MS + BEAT_MS)
    post.vigil.beat("a stranger", START_MS + BEAT_MS)
    post.vigil.fed(START_MS + BEAT_MS)
    assert post.vigil.look(START_MS + BEAT_MS)[1] == (Cause.HEARTBEAT_LOST,)
    post = Post()
    late_ms = START_MS + LIMITS.feed_age_max_ms
    for name in ("desk", "guard"):
        post.vigil.beat(name, late_ms)
    post.vigil.equity(worth(10_000), late_ms, confirmed=True)
    assert post.vigil.look(late_ms)[1] == (Cause.FEED,)
    post = Post()
    post.vigil.health(True)
    assert post.at(START_MS + 1) == (Cause.SYSTEM_HEALTH,)


def test_what_is_not_known_keeps_entries_out_and_trips_when_it_lasts() -> None:
    post = Post()
    post.vigil.health(None)
    assert post.at(START_MS + 1, worth(10_000)) == ()
    assert not post.vigil.look(START_MS + 1)[0].allows_entries
    assert post.at(START_MS + BEAT_MS + 1, worth(10_000)) == (Cause.BLIND,)
    post = Post()
    assert post.at(START_MS + BEAT_MS) == ()  # equity was not heard of for as long as a heartbeat may be
    assert not post.vigil.look(START_MS + BEAT_MS)[0].allows_entries
    assert post.at(START_MS + 2 * BEAT_MS) == (Cause.BLIND,)


def test_a_cause_that_a_person_accepted_trips_again_only_when_it_grows_worse_or_comes_back() -> None:
    post = Post()
    causes, at_ms = slowly(post, Decimal(9_500))
    post.vigil.accept(causes, at_ms)
    assert post.at(at_ms + 1, worth(9_500)) == ()
    assert post.at(at_ms + 2, worth(9_500 - int(RETRIP_BPS) + 1)) == ()
    assert post.at(at_ms + 3, worth(9_500 - int(RETRIP_BPS) - 1)) == (Cause.DAILY_DRAWDOWN,)
    post = Post()
    causes, at_ms = slowly(post, Decimal(9_500))
    post.vigil.accept(causes, at_ms)
    post.at(at_ms + 1, worth(9_600))
    assert post.at(at_ms + 2, worth(9_500)) == (Cause.DAILY_DRAWDOWN,)


def test_counted_causes_begin_anew_once_accepted() -> None:
    post = Post()
    for _ in range(LIMITS.stop_hits_max):
        post.vigil.stop_hit(START_MS)
        post.vigil.execution_error(START_MS)
    assert set(post.at(START_MS + 1, worth(10_000))) == {Cause.STOP_LOSS_FLOOD, Cause.EXECUTION_ERRORS}
    post.vigil.accept((Cause.STOP_LOSS_FLOOD, Cause.EXECUTION_ERRORS), START_MS + 1)
    assert post.at(START_MS + 2, worth(10_000)) == ()


def test_peaks_outlive_a_restart() -> None:
    old = Post()
    old.at(START_MS + 1, worth(11_000))
    new = Post()
    new.vigil.restore(old.vigil.state_bytes())
    assert new.vigil.equity(worth(10_500), START_MS + 2, confirmed=True).drawdown_pct == Decimal("-4.55")


def test_who_begins_without_knowing_the_account_begins_with_what_is_confirmed_first() -> None:
    vigil = Vigil(LIMITS, GUARD, (), None, START_MS)
    assert vigil.state_bytes() == b""
    vigil.equity(worth(8_000), START_MS, confirmed=False)
    assert vigil.readings(START_MS).equity_drawdown_bps is None
    reading = vigil.equity(worth(10_000, 0, 500), START_MS + 1, confirmed=True)
    assert (reading.peak, reading.day_pct) == (Decimal(10_000), Decimal("0.00"))
    assert vigil.equity(worth(9_900, 0, 500), START_MS + 2, confirmed=True).day_pct == Decimal("-1.00")


def test_what_was_moved_while_nobody_watched_moves_the_peaks_that_were_kept() -> None:
    old = Post()
    new = Vigil(LIMITS, GUARD, (), None, START_MS)
    new.restore(old.vigil.state_bytes())
    reading = new.equity(worth(5_000, 0, -5_000), START_MS + 1, confirmed=True)
    assert reading.drawdown_pct == Decimal("0.00")


def test_other_limits_change_nothing_that_was_seen() -> None:
    post = Post()
    post.at(START_MS + 1, worth(9_800))
    before = post.vigil.state_bytes()
    post.vigil.governed(EssLimits(daily_drawdown_bps=150), GUARD)
    assert post.vigil.state_bytes() == before
    assert post.at(START_MS + 2, worth(9_800)) == (Cause.DAILY_DRAWDOWN,)
