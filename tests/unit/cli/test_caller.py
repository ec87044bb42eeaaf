"""Every command of the console takes the same four options, and says what to type next about the very same account."""

import json
from shlex import split

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.cli.caller import CONSOLED, OPTIONS, Caller, by_caller
from qt_ray.cli.calling import EXITS
from qt_ray.cli.main import load_command

pytestmark = pytest.mark.unit

COMMANDS = [(group, name) for group in sorted(CONSOLED) for name in load_command(group).commands]


@pytest.mark.parametrize(("group", "name"), COMMANDS)
def test_every_command_of_the_console_ends_with_the_same_four_options(group: str, name: str) -> None:
    options = [parameter.name for parameter in load_command(group).commands[name].params]
    assert options[-4:] == [option.name for option in OPTIONS]
    assert load_command(group).commands[name].help


@pytest.mark.parametrize("group", sorted(CONSOLED))
def test_the_help_of_a_group_says_what_its_exit_codes_mean(group: str) -> None:
    assert all(f"{code} {meaning}" in load_command(group).epilog for code, meaning in EXITS.items())


def test_a_command_hears_its_own_words_and_who_calls() -> None:
    heard: list[object] = []

    @by_caller
    def work(caller: Caller, path: str, count: int = 3) -> None:
        """Do it."""
        heard.extend((caller, path, count))

    work(path="a", count=4, profile="live", assignments=None, console=None, json=True)
    assert heard == [Caller("live", None, None, True), "a", 4]
    assert work.__doc__ == "Do it."


words = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=12)


@given(words, st.lists(words, max_size=3), st.none() | words)
def test_a_command_to_type_is_about_the_same_account_whatever_its_name(
    profile: str, assignments: list[str], console: str | None
) -> None:
    caller = Caller(profile, assignments, console, False)
    told = split(caller.qt("ess status"))
    assert told[:3] == ["qt", "ess", "status"]
    assert (told.count("--profile"), ["--profile", profile] == told[3:5]) in ((0, False), (1, True))
    for assignment in assignments:
        assert assignment in told
    assert ("--console" in told) >= (console is not None)
    assert "--console" not in split(Caller(profile, None, "http://x", False).qt("flatten"))


def test_the_papers_account_is_spoken_of_without_options() -> None:
    assert Caller("paper", None, None, False).qt("flatten") == "qt flatten"


def test_an_answer_is_one_object_or_lines(capsys: pytest.CaptureFixture[str]) -> None:
    Caller("paper", None, None, True).answer("qt.test/1", {"a": 1}, ["never"])
    assert json.loads(capsys.readouterr().out) == {"schema": "qt.test/1", "a": 1}
    Caller("paper", None, None, False).answer("qt.test/1", {"a": 1}, ["one", "two"])
    assert capsys.readouterr().out == "one\ntwo\n"
