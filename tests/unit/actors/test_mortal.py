"""A part that finds itself wrong dies of it; every other error is an answer."""

import asyncio
from typing import Any

import pytest

from qt_ray.actors.mortal import EXIT_WRONG, mortal
from qt_ray.core.errors import Invalid, Invariant, QtError, Retryable

pytestmark = pytest.mark.unit


class Inside:
    async def waits(self, error: QtError | None) -> str:
        return self.says(error)

    def says(self, error: QtError | None) -> str:
        if error is not None:
            raise error
        return "well"

    @staticmethod
    def counted(number: int) -> int:
        return number + 1

    def _own(self) -> None:
        raise Invariant("nobody asks this")


def shell() -> tuple[Any, list[int]]:
    ends = list[int]()
    return type("Part", (Inside,), mortal(Inside, ends.append))(), ends


def asked(part: Any, method: str, error: QtError | None) -> Any:
    return asyncio.run(part.waits(error)) if method == "waits" else part.says(error)


@pytest.mark.parametrize("method", ["waits", "says"])
def test_whoever_is_wrong_about_itself_ends(method: str) -> None:
    part, ends = shell()
    with pytest.raises(Invariant, match="two keepers"):
        asked(part, method, Invariant("two keepers"))
    assert ends
    assert set(ends) == {EXIT_WRONG}


@pytest.mark.parametrize("method", ["waits", "says"])
@pytest.mark.parametrize("error", [Invalid("a rule"), Retryable("not there")])
def test_every_other_error_is_an_answer(method: str, error: QtError) -> None:
    part, ends = shell()
    with pytest.raises(type(error)):
        asked(part, method, error)
    assert asked(part, method, None) == "well"
    assert not ends


def test_only_what_can_be_asked_of_a_part_is_deadly() -> None:
    part, ends = shell()
    assert part.counted(1) == 2
    with pytest.raises(Invariant):
        part._own()
    assert set(mortal(Inside, ends.append)) == {"waits", "says"}
    assert not ends
