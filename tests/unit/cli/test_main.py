import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import typer

from qt_ray.cli.main import COMMANDS, Command, load_command, main
from qt_ray.core.errors import Invalid, InvalidConfig, Invariant, QtError, Retryable

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    hook = sys.excepthook
    monkeypatch.chdir(ROOT)
    for name in ("QT_PROFILE", "QT_SECRETS_DIR", "XDG_CONFIG_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    yield
    sys.excepthook = hook


def wire(monkeypatch: pytest.MonkeyPatch, failure: BaseException | None) -> None:
    def fail() -> None:
        if failure is not None:
            raise failure

    module = ModuleType("told_to_fail")
    module.fail = fail  # type: ignore[attr-defined] # a module made here has no declared names
    monkeypatch.setitem(sys.modules, "told_to_fail", module)
    monkeypatch.setitem(COMMANDS, "fail", Command("told_to_fail:fail", "Fail as told."))


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (None, 0),
        (QtError("x"), 1),
        (InvalidConfig("x"), 3),
        (Invalid("x"), 6),
        (Retryable("x"), 7),
        (Invariant("x"), 1),
        (typer.Exit(5), 5),
        (typer.BadParameter("x"), 2),
        (typer.Abort(), 130),
        (KeyboardInterrupt(), 130),
        (PermissionError(13, "Permission denied", "/x"), 8),
    ],
)
def test_every_end_has_its_exit_code(monkeypatch: pytest.MonkeyPatch, failure: BaseException | None, code: int) -> None:
    wire(monkeypatch, failure)
    assert main(["fail"]) == code


def test_an_error_of_ours_is_one_line_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wire(monkeypatch, Invalid("a price is positive,\nwas -1"))
    main(["fail"])
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "error: a price is positive, was -1\n"


def test_an_error_we_did_not_expect_is_one_line_until_someone_asks_for_more() -> None:
    code = (
        "import sys; from types import ModuleType; from qt_ray.cli import main as m;"
        "x = ModuleType('x'); x.f = lambda: 1 / 0; sys.modules['x'] = x;"
        "m.COMMANDS['f'] = m.Command('x:f', ''); sys.exit(m.main(['f']))"
    )
    for debug, lines in (("0", 1), ("1", 9)):
        ended = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env={"QT_DEBUG": debug}, check=False
        )
        assert ended.returncode == 1
        assert "ZeroDivisionError" in ended.stderr
        assert (ended.stderr.count("\n") == 1) is (lines == 1)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["confg"], "Did you mean 'config'?"),
        (["config", "shw"], "Did you mean 'show'?"),
        (["config", "show", "--sourcs"], "--sources"),
        (["config", "show", "--set", "x"], "KEY=VALUE"),
        (["config", "keys", "nothing"], "one of fund, market"),
    ],
)
def test_a_misspelt_command_is_a_usage_error_with_a_hint(
    capsys: pytest.CaptureFixture[str], words: list[str], hint: str
) -> None:
    assert main(words) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert hint in shown.err


def test_no_command_is_a_usage_error_that_shows_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert all(name in shown.err for name in COMMANDS)


def test_help_lists_every_command_and_imports_none_of_them() -> None:
    code = (
        "import sys; from qt_ray.cli.main import main; main(['--help']);"
        "heavy = {'numpy', 'numba', 'pandas', 'pyarrow', 'pydantic', 'rich', 'yaml', 'ray', 'torch'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"
    for name, command in COMMANDS.items():
        assert name in ended.stdout
        assert command.help.split()[0] in ended.stdout


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("qt-ray ")


def test_a_group_with_one_command_stays_a_group() -> None:
    assert set(load_command("config").commands) >= {"show", "keys"}


def test_config_show_is_data_on_stdout_with_a_schema(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["config", "show", "--json", "--sources", "--set", "fund.initial_balance=250.50"]
    assert main(words) == 0
    shown = capsys.readouterr()
    data = json.loads(shown.out)
    assert shown.err == ""
    assert data["schema"] == "qt.config/1"
    assert data["settings"]["fund"]["initial_balance"] == "250.50"
    assert data["sources"]["fund.initial_balance"] == "flags"
    assert len(data["digest"]) == 64


def test_config_show_says_who_set_each_value(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QT_RUN__SEED", "11")
    assert main(["config", "show", "--sources"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["run.seed"].split() == ["run.seed", "11", "#", "QT_RUN__SEED"]
    assert lines["fund.quote"].endswith("# configs/base.yaml")


def test_a_secret_in_the_environment_is_shown_as_stars(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QT_CREDENTIALS__API_KEY", "canary")
    monkeypatch.setenv("QT_CREDENTIALS__API_SECRET", "canary")
    assert main(["config", "show"]) == 0
    assert main(["config", "show", "--json"]) == 0
    shown = capsys.readouterr()
    assert "canary" not in shown.out + shown.err
    assert "**********" in shown.out


def test_a_bad_setting_ends_with_the_config_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", "--set", "fund.initial_balance=-5"]) == 3
    assert capsys.readouterr().err == "error: flags: fund.initial_balance: a positive amount, was '-5'\n"


def test_config_keys_explains_a_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "keys", "run"]) == 0
    shown = capsys.readouterr().out
    assert "run.seed = 7" in shown
    assert "market." not in shown
    assert main(["config", "keys", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "qt.config.keys/1"
