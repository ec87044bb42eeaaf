"""The table of parts is complete in itself: every line can become a process, and nobody who sends is retried."""

from pathlib import Path
from typing import Any

import pytest

from qt_ray.actors import topology
from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import (
    DESK,
    EMERGENCY_STOP,
    GATEWAY,
    MONITOR,
    PARTS,
    POLICY_STORE,
    Part,
    groups,
    namespace_of,
    options_of,
    shell_of,
)
from qt_ray.adapters.settings import Settings
from tests.unit.root_log import root_log

__all__ = ["root_log"]

pytestmark = pytest.mark.unit

NAMES = [part.name for part in PARTS]
OTHERS = set(NAMES) - {POLICY_STORE, EMERGENCY_STOP, GATEWAY}


class Inside:
    """A part for this test."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin

    async def condition(self) -> str:
        return "well"


def test_what_stops_the_fund_has_a_processor_before_what_runs_it() -> None:
    niceness = {part.name: part.niceness for part in PARTS}
    stops = max(niceness[POLICY_STORE], niceness[EMERGENCY_STOP])
    assert stops < niceness[GATEWAY] < min(nice for name, nice in niceness.items() if name in OTHERS)


def test_every_name_is_in_the_table_once() -> None:
    assert len(NAMES) == len(set(NAMES))
    assert set(NAMES) <= {value for name, value in vars(topology).items() if name.isupper() and isinstance(value, str)}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_part_can_be_told_asked_and_laid_to_rest(part: Part) -> None:
    shell = shell_of(part)
    assert shell.__name__ == part.name
    assert shell.__doc__
    assert all(callable(getattr(shell, method)) for method in ("condition", "rest"))


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_part_is_born_again_for_ever_and_has_bounded_room(part: Part) -> None:
    options = options_of(part, "fund")
    assert (options["max_restarts"], options["max_pending_calls"]) == (-1, topology.PENDING_MAX)
    assert (options["name"], options["namespace"]) == (part.name, "fund")
    assert options.get("lifetime") == ("detached" if part.is_detached else None)


def test_nobody_who_may_send_an_order_is_retried_by_ray() -> None:
    assert all(part.retries == 0 for part in PARTS if part.name in (DESK, GATEWAY, EMERGENCY_STOP))


def test_whoever_sends_begins_under_watch_and_whoever_decides_begins_last() -> None:
    order = [POLICY_STORE, MONITOR, GATEWAY, EMERGENCY_STOP, DESK]
    assert [name for name in NAMES if name in order] == [name for name in order if name in NAMES]
    assert NAMES[:2] == [POLICY_STORE, MONITOR]
    assert {part.name for part in PARTS if part.is_gated} == {MONITOR, DESK} & set(NAMES)


def test_parts_begin_together_up_to_the_next_gate() -> None:
    parts = [Part(str(at), "x:y", is_gated=at in (1, 4)) for at in range(6)]
    assert [[part.name for part in group] for group in groups(parts)] == [["0"], ["1", "2", "3"], ["4", "5"]]
    assert list(groups(())) == []


def test_a_shell_is_the_part_itself_under_its_name_with_a_log_of_its_own(tmp_path: Path) -> None:
    origin = Origin("paper", {"fund.state": str(tmp_path)})
    made: Any = shell_of(Part("Feed", f"{__name__}:Inside"))(origin)
    assert (repr(made), type(made).__name__, made.origin) == ("Feed", "Feed", origin)
    assert isinstance(made, Inside)


def test_two_accounts_never_share_a_namespace() -> None:
    told = Settings.model_validate({"fund": {"account": "other"}, "exchange": {"kind": "testnet"}})
    assert namespace_of(Settings()) == "qt-paper-main"
    assert namespace_of(told) == "qt-testnet-other"
