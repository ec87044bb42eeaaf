"""FAULTS rows 60 to 62 at the shell: a number is plain digits within its bounds, or one line and nothing done."""

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.cli.main import main
from qt_ray.cli.numbers import plain, whole

pytestmark = pytest.mark.unit

ODD = ("1_0", "１０", "1e1", "1e400", "nan", "inf", "-0", "+1", " 1", "1 ", "0x1", "", "٣", "1.", ".5", "1,0")


@given(st.integers(0, 50))
def test_plain_digits_within_bounds_are_the_number_that_they_spell(value: int) -> None:
    assert whole(0, 50)["parser"](str(value)) == value
    assert plain(0, 51)["parser"](f"{value}.25") == value + 0.25


@given(st.integers())
def test_what_is_out_of_bounds_is_refused_and_says_them(value: int) -> None:
    if not 1 <= value <= 10:
        with pytest.raises(typer.BadParameter, match="a whole number 1 to 10 in plain digits, was"):
            whole(1, 10)["parser"](str(value))


@pytest.mark.parametrize("text", ODD)
def test_what_python_would_take_for_a_number_is_none(text: str) -> None:
    for option in (whole(0), plain(0)):
        with pytest.raises(typer.BadParameter):
            option["parser"](text)


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["drill", "--runs", "1_0"], "a whole number 1 to 10000"),
        (["drill", "--errors", "nan"], "a number 0 to 0.9"),
        (["paper-venue", "--port", "１８０"], "a whole number 0 to 65535"),
        (["flatten", "--timeout", "1e400"], "a number from 1"),
        (["policy", "history", "--count", "0"], "a whole number 1 to 100"),
    ],
)
def test_a_command_refuses_it_before_anything_is_done(
    words: list[str], rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert rule in capsys.readouterr().err
