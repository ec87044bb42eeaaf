import pytest

from benchmarks.fault_campaign import Stumble, told
from tests.simulation.network import CALM, Rates

pytestmark = pytest.mark.unit


class Crooked(Rates):
    """Rates that nobody can read."""

    def __getattribute__(self, name: str) -> float:
        raise LookupError(f"a rate has a number, {name} had none")


def test_a_history_that_stumbles_names_its_seed_and_takes_no_other_with_it() -> None:
    found = told(7, Crooked())
    assert isinstance(found, Stumble)
    assert found.seed == 7
    assert found.verdict.startswith("LookupError: a rate has a number")
    assert not isinstance(told(7, CALM), Stumble)
