"""The logs of several parts are one story by time, and following it misses nothing, a file turned over included."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters.log_files import LogFiles

pytestmark = pytest.mark.unit


def line(second: int, what: str) -> str:
    return json.dumps({"time": f"2026-01-01T00:00:{second:02d}.000+00:00", "event": what})


def write(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.writelines(f"{one}\n" for one in lines)


def events(lines: list[str]) -> list[str]:
    return [json.loads(one)["event"] for one in lines]


def test_parts_are_told_by_time_and_one_of_them_alone(tmp_path: Path) -> None:
    write(tmp_path / "Desk.jsonl", line(1, "a"), line(3, "c"))
    write(tmp_path / "Feed.jsonl", line(2, "b"))
    write(tmp_path / "Desk.jsonl.1", line(0, "older"))
    assert events(LogFiles(tmp_path).newest(9)) == ["older", "a", "b", "c"]
    assert events(LogFiles(tmp_path).newest(2)) == ["b", "c"]
    assert events(LogFiles(tmp_path, "Feed").newest(9)) == ["b"]
    assert LogFiles(tmp_path).names() == {"Desk", "Feed"}


def test_no_folder_and_no_line_are_an_empty_story(tmp_path: Path) -> None:
    assert LogFiles(tmp_path / "none").newest(9) == []
    (tmp_path / "Desk.jsonl").touch()
    assert (LogFiles(tmp_path).newest(9), LogFiles(tmp_path).newest(0)) == ([], [])


def test_following_tells_what_is_new_once_and_no_half_lines(tmp_path: Path) -> None:
    path = tmp_path / "Desk.jsonl"
    write(path, line(1, "a"))
    files = LogFiles(tmp_path)
    assert events(files.newest(9)) == ["a"]
    whole = line(2, "b")
    with path.open("a") as file:
        file.write(whole[:20])
    assert files.more() == []
    with path.open("a") as file:
        file.write(whole[20:] + "\n")
    assert events(files.more()) == ["b"]
    assert files.more() == []


def test_a_file_that_was_turned_over_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "Desk.jsonl"
    write(path, line(1, "a"), line(2, "b"))
    files = LogFiles(tmp_path)
    files.newest(9)
    path.rename(tmp_path / "Desk.jsonl.1")
    write(path, line(3, "c"))
    write(tmp_path / "Feed.jsonl", line(4, "d"))
    assert events(files.more()) == ["c", "d"]


@given(st.lists(st.lists(st.integers(0, 59), max_size=5), max_size=6))
def test_what_is_followed_is_what_was_written(pieces: list[list[int]]) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as name:
        folder, told = Path(name), list[str]()
        files = LogFiles(folder)
        for seconds in pieces:
            write(folder / "Desk.jsonl", *(line(second, str(second)) for second in seconds))
            told += files.more()
        assert sorted(events(told)) == sorted(str(second) for seconds in pieces for second in seconds)
