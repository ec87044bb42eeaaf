import pytest

from qt_ray.adapters.binance.ban import NS, Ban
from qt_ray.execution.venue.calls import Done, Refused, Throttled, Unsure

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("said", [Throttled(-1003, 5_000), Throttled(-403, 5_000, True), Throttled(-1015, 5_000, True)])
def test_a_shut_door_stays_shut_as_long_as_was_said(said: Throttled) -> None:
    ban = Ban()
    ban.hear(said, 10)
    assert ban.at(10) == said
    assert ban.at(10 + 4_999 * NS + 1) == Throttled(said.code, 1, said.banned)
    assert ban.at(10 + 5_000 * NS) is None


@pytest.mark.parametrize("said", [Throttled(-1015, 9), Throttled(-1008, 9), Refused(-1003, "m"), Unsure("m"), Done(1)])
def test_what_concerns_one_call_shuts_no_door(said: Throttled) -> None:
    ban = Ban()
    ban.hear(said, 10)
    assert ban.at(10) is None


def test_a_shorter_word_does_not_open_the_door() -> None:
    ban = Ban()
    ban.hear(Throttled(-1003, 60_000, True), 0)
    ban.hear(Throttled(-1003, 1_000), 0)
    assert ban.at(2_000 * NS) == Throttled(-1003, 58_000, True)
