from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters.plain_yaml import FILE_BYTES_MAX, parse_yaml, read_yaml
from qt_ray.core.errors import InvalidConfig

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("on", "on"),
        ("no", "no"),
        ("1_000", "1_000"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("12:30", "12:30"),
        ("2025-01-31", "2025-01-31"),
        (".inf", ".inf"),
        ("true", True),
        ("null", None),
        ("", None),
        ("-7", -7),
        ("0.5", 0.5),
        ("'0.5'", "0.5"),
        ("[1m, BTCUSDT]", ["1m", "BTCUSDT"]),
    ],
)
def test_a_word_means_what_it_looks_like(text: str, meant: object) -> None:
    assert parse_yaml(f"key: {text}".encode(), "x.yaml") == {"key": meant}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a: 1\na: 2", "line 2: a key occurs once, was again 'a'"),
        ("a:\n  b: 1\n  c: 2\n  b: 3", "line 4: a key occurs once"),
        ("a: &x [1]\nb: *x", "line 2: a value is written out where it stands"),
        ("1: a", "line 1: a key is a word, was '1'"),
        ("a: b: c", "line 1: mapping values are not allowed here"),
        ("- a", "a table of keys and values, was a list"),
        ("a: !!python/object:os.system x", "line 1: could not determine a constructor"),
        ("a: [1, 2", "line 1: "),
        ("\x00", "readable YAML"),
        ("a: " + "[" * 20_000, "readable YAML"),
    ],
)
def test_what_could_be_misread_is_refused_with_its_line(text: str, rule: str) -> None:
    with pytest.raises(InvalidConfig, match=r"^x\.yaml: ") as caught:
        parse_yaml(text.encode(), "x.yaml")
    assert rule in str(caught.value)
    assert "\n" not in str(caught.value)


def complaint(content: bytes) -> str:
    try:
        return "" if isinstance(parse_yaml(content, "x.yaml"), dict) else "not a table"
    except InvalidConfig as error:
        return str(error)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_table_or_one_line(content: bytes) -> None:
    line = complaint(content)
    assert not line or line.startswith("x.yaml: ")
    assert "\n" not in line


def test_an_empty_file_is_an_empty_table() -> None:
    assert parse_yaml(b"# nothing\n", "x.yaml") == {}


def test_a_missing_file_a_folder_and_a_huge_file_are_one_line(tmp_path: Path) -> None:
    huge = tmp_path / "huge.yaml"
    huge.write_bytes(b"#" * (FILE_BYTES_MAX + 1))
    for path, rule in ((tmp_path / "none", "readable file"), (tmp_path, "readable file"), (huge, "at most")):
        with pytest.raises(InvalidConfig, match=rule):
            read_yaml(path, "x.yaml")
