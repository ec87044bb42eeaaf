"""Docs: what a page says of the code, the code has."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from qt_ray.adapters.settings_keys import KEYS, NAMES, TABLES
from qt_ray.cli.main import COMMANDS, load_command
from qt_ray.core.events import REGISTRY
from qt_ray.risk.reasons import Reason

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)
CODE = re.compile(r"^(?P<fence>```|~~~).*?^(?P=fence)|(?:^ {4,}\S.*$\n?)+|`[^`\n]+`", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python.*?^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|[\s`(])qt ([a-z]+(?:-[a-z]+)*(?: [a-z]+)?)", re.MULTILINE)
CALLED = re.compile(r"(?:^|[\s`(])qt ([a-z][^`\n#|]*)", re.MULTILINE)
OPTION = re.compile(r"(?<!\S)--?[a-z][\w-]*")
SECTIONS = {key.name.partition(".")[0] for key in KEYS}
KEY = re.compile(rf"(?<![\w./-])((?:{'|'.join(sorted(SECTIONS))})(?:\.[a-z_]+)+)(?![\w/(])")
OTHERS = re.compile(r"\.(md|py|json|yaml|npy|html|parquet)\b")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as hosts of Markdown make them."""
    titles = HEADING.findall(FENCED.sub("", page.read_text("utf-8")))
    plain = (re.sub(r"[^\w\- ]", "", re.sub(r"[`*_]|\]\([^)]*\)|\[", "", title)).strip().lower() for title in titles)
    return {title.replace(" ", "-") for title in plain}


def broken_links(page: Path, text: str) -> Iterator[str]:
    for found in LINK.finditer(CODE.sub("", text)):
        target = found[1] or found[2]
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = unquote(target).partition("#")
        file = (page.parent / place).resolve() if place else page
        if not file.exists():
            yield f"{target}: no such file"
        elif not file.is_relative_to(ROOT):
            yield f"{target}: leaves the repository"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file):
            yield f"{target}: no such heading"


def unknown_keys(text: str) -> Iterator[str]:
    """Yield what looks like a setting and is none; a page names files, modules and events too, and shows Python."""
    for code in CODE.finditer(PYTHON.sub("", text)):
        for found in KEY.finditer(code[0]):
            key = found[1]
            known = key in NAMES or any(key.startswith(f"{table}.") for table in TABLES)
            part = any(name.startswith(f"{key}.") for name in NAMES)
            if not known and not part and key not in REGISTRY and not OTHERS.search(key):
                yield key


def unknown_commands(text: str) -> Iterator[str]:
    for code in CODE.finditer(text):
        for found in COMMAND.finditer(code[0]):
            name, _, under = found[1].partition(" ")
            if name not in COMMANDS:
                yield f"qt {name}"
            elif under and under not in getattr(load_command(name), "commands", {under: None}):
                yield f"qt {name} {under}"


def unknown_options(text: str) -> Iterator[str]:
    """Yield each option of a command that the command does not have."""
    for code in CODE.finditer(text):
        for found in CALLED.finditer(code[0]):
            name, *words = found[1].split()
            command = load_command(name) if name in COMMANDS else None
            under = getattr(command, "commands", {}).get(words[0] if words else "", command)
            known = {word for parameter in getattr(under, "params", ()) for word in parameter.opts} | {"--help", "-h"}
            for option in OPTION.findall(found[1]) if under is not None else ():
                if option not in known:
                    yield f"qt {name} {option}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page, page.read_text("utf-8"))) == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    assert list(unknown_keys(page.read_text("utf-8"))) == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_that_is_named_exists(page: Path) -> None:
    assert list(unknown_commands(page.read_text("utf-8"))) == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_option_that_is_named_exists(page: Path) -> None:
    assert list(unknown_options(page.read_text("utf-8"))) == []


def test_every_command_is_written_about() -> None:
    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    assert [name for name in COMMANDS if f"qt {name}" not in text] == []


def test_every_reason_is_explained_where_risk_is() -> None:
    text = (ROOT / "docs" / "risk.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| `(\w+)`", text, re.MULTILINE))
    assert {int(number): label for number, label in rows.items()} == {r.value: r.label for r in Reason if r}


def test_the_record_of_decisions_has_no_gap_in_its_numbers() -> None:
    numbers = [int(page.name[:4]) for page in sorted((ROOT / "docs" / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_checks_find_their_culprits_and_leave_the_innocent_alone() -> None:
    page = ROOT / "README.md"
    assert list(broken_links(page, "[a](nowhere.md) [b](#never) [c](../../x) [d](https://e.org) [e](LICENSE)")) != []
    assert list(broken_links(page, "[d](https://e.org) [e](LICENSE) `[x](nowhere)`")) == []
    assert list(unknown_keys("`run.sead` and `sizer.fraction_bps`")) == ["run.sead"]
    assert list(unknown_keys("`run.json`, `data/x`, `sizer.quantities.BTCUSDT`, `policy.seed`, `exits.normal`")) == []
    assert list(unknown_keys("```python\nmarket.instruments\n```\n")) == []
    assert list(unknown_commands("`qt fly`, `qt data burn`, `qt data import`, qt sings")) == ["qt fly", "qt data burn"]
    assert list(unknown_commands("```\nqt backtest --set x\nqt replay runs/fund\n```")) == []
    assert list(unknown_commands("`qt paper-venue --json`, `qt paper-moon`")) == ["qt paper-moon"]
    assert list(unknown_options("`qt ess trip --reason x --fast`, `qt status -p live`, qt up --never")) == [
        "qt ess --fast"
    ]
    assert list(unknown_options("```\nqt logs Desk --follow  # --slow\n```")) == []
