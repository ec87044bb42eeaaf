"""`qt demo, backtest, replay, report, sweep`, seen from a shell."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qt_ray.engine.rows import Action
from qt_ray.risk.reasons import Reason
from tests.integration.shell import SMALL, columns, files_of, parquet, qt, refused

pytestmark = pytest.mark.integration

DIGESTS = {"bars", "setup", "features", "cycles", "decisions", "fills", "state"}
ARRAYS = ("cycles.npy", "decisions.npy", "fills.npy")
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("runs") / "demo"
    ended = qt("demo", *SMALL, "--out", folder, "--json")
    assert ended.code == 0, ended
    return folder, ended.data


@pytest.fixture
def run(recorded: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    """Return a copy of a run, to be spoilt."""
    return Path(shutil.copytree(recorded[0], tmp_path / "run"))


def edited(run: Path, edit: Edit) -> Path:
    manifest = json.loads((run / "run.json").read_text())
    edit(manifest)
    (run / "run.json").write_text(json.dumps(manifest))
    return run


def test_a_demo_leaves_a_whole_run_and_says_what_came_of_it(recorded: tuple[Path, dict[str, Any]]) -> None:
    folder, said = recorded
    assert said["schema"] == "qt.backtest/1"
    assert set(said["digests"]) == DIGESTS
    assert {path.name for path in folder.iterdir()} == {*ARRAYS, "run.json", "report.html"}
    manifest = json.loads((folder / "run.json").read_text())
    assert manifest["digests"] == said["digests"]
    assert "credentials" not in manifest["settings"]
    assert said["trips"]["count"] > 10
    fills = np.load(folder / "fills.npy")
    assert {"symbol", "price", "quantity", "fee"} <= set(fills.dtype.names)


def test_what_the_demo_says_to_people_is_lines_on_stdout_and_remarks_on_stderr(tmp_path: Path) -> None:
    ended = qt("demo", *SMALL, "--out", tmp_path / "run")
    names = [line.split()[0] for line in ended.out.splitlines()]
    assert names[:3] == ["period", "symbols", "equity"]
    assert {"result", "decisions", "fills", "stops"} <= set(names)
    assert f"replay  qt replay {tmp_path / 'run'}" in ended.err
    assert ended.errors == []


def test_another_process_writes_the_same_run(recorded: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    words = [sys.executable, "-m", "qt_ray.cli.main", "demo", *SMALL, "--out", str(tmp_path / "run"), "--json"]
    ended = subprocess.run(words, capture_output=True, text=True, check=True, timeout=100)
    assert json.loads(ended.stdout)["digests"] == recorded[1]["digests"]
    mine, other = files_of(recorded[0]), files_of(tmp_path / "run")
    assert {name: mine[name] for name in ARRAYS} == {name: other[name] for name in ARRAYS}


def test_a_run_replays_to_the_same_digests(run: Path) -> None:
    before = files_of(run)
    ended = qt("replay", run)
    assert ended.code == 0
    assert {line.split()[0] for line in ended.out.splitlines()} == DIGESTS
    assert all(line.split()[2] == "same" for line in ended.out.splitlines())
    told = qt("replay", run, "--json").data
    assert (told["schema"], told["same"], told["differences"]) == ("qt.replay/1", True, [])
    assert files_of(run) == before


@pytest.mark.parametrize("kind", ["entered", "shrunk", "held"])
def test_a_decision_is_explained_by_every_rule_that_was_asked(run: Path, kind: str) -> None:
    rows = np.load(run / "decisions.npy")
    chosen = {
        "entered": rows["action"] == Action.ENTER,
        "shrunk": rows["granted"] != rows["wish"],
        "held": rows["action"] == Action.HOLD,
    }
    cycle, column = (int(at[-1]) for at in np.nonzero(chosen[kind]))
    symbol = json.loads((run / "run.json").read_text())["symbols"][column]
    told = qt("replay", run, "--at", cycle, "--symbol", symbol, "--json").data
    assert (told["schema"], told["cycle"], told["symbol"]) == ("qt.decision/1", cycle, symbol)
    assert told["same_as_recorded"] is True
    assert {rule["rule"] for rule in told["rules"]} == {reason.label for reason in Reason if reason}
    assert all(rule["low"] <= 0 <= rule["high"] for rule in told["rules"])
    assert told["decision"]["granted"] == int(rows[cycle, column]["granted"])
    shown = qt("replay", run, "--at", cycle, "--symbol", symbol)
    assert shown.code == 0
    assert "same as recorded" in shown.out
    assert (kind == "shrunk") <= any(line.startswith(" x ") for line in shown.out.splitlines())


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("place", ["header", "middle", "end"])
def test_one_flipped_byte_is_found_before_anything_is_believed(run: Path, name: str, place: str) -> None:
    path = run / name
    content = bytearray(path.read_bytes())
    content[{"header": 40, "middle": len(content) // 2, "end": -1}[place]] ^= 0x10
    path.write_bytes(content)
    before = files_of(run)
    for words in (("replay", run), ("report", run)):
        refused(qt(*words), 6, str(path), "rows")
    assert files_of(run) == before


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_no_byte_of_a_header_can_be_changed_into_another_run(run: Path) -> None:
    path, rows = run / "fills.npy", np.load(run / "fills.npy").tobytes()
    whole = path.read_bytes()
    for at in range(0, len(whole) - len(rows), 3):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x05]) + whole[at + 1 :])
        ended = qt("report", run, "--json")
        assert ended.code in (0, 6), ended
        assert (ended.code == 6) == (len(ended.errors) == 1), ended
    path.write_bytes(whole)
    assert qt("report", run).code == 0


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("kept", [0, 7, 60, 5_000])
def test_a_truncated_array_is_one_line_that_names_it(run: Path, name: str, kept: int) -> None:
    (run / name).write_bytes((run / name).read_bytes()[:kept])
    refused(qt("replay", run), 6, str(run / name), "a run's rows are a whole array")
    refused(qt("report", run), 6, str(run / name), "a run's rows are a whole array")


def test_a_lost_array_is_missed_and_an_explanation_needs_its_decisions(run: Path) -> None:
    (run / "decisions.npy").unlink()
    symbol = json.loads((run / "run.json").read_text())["symbols"][0]
    for words in (("replay", run), ("report", run), ("replay", run, "--at", 5, "--symbol", symbol)):
        refused(qt(*words), 6, str(run / "decisions.npy"), "whole array")


@pytest.mark.parametrize(
    ("edit", "rule"),
    [
        (lambda m: m.update(schema="qt.run/9"), "a manifest has schema qt.run/1, had 'qt.run/9'"),
        (lambda m: m.pop("digests"), "a manifest has digests, had None"),
        (lambda m: m["digests"].pop("bars"), "digests has bars, had None"),
        (lambda m: m.update(settings=[]), "a manifest has settings, had []"),
        (lambda m: m.update(initial="lots"), "a manifest has initial, had 'lots'"),
        (lambda m: m["parameters"].update(initial="99999"), "parameters match the digest setup, did not"),
        (lambda m: m["parameters"]["policy"]["limits"].update(order_value_max="1e9"), "parameters match the digest"),
        (lambda m: m["parameters"].update(extra=2**70), "parameters"),
        (lambda m: m["digests"].update(setup="0" * 64), "parameters match the digest setup"),
        (lambda m: m["digests"].update(fills="0" * 64), "rows match the digest in run.json"),
        (lambda m: m["digests"].update(bars="0" * 64), "they have changed since"),
        (lambda m: m["settings"]["data"].update(synthetic_bars=599), "they have changed since"),
        (lambda m: m["settings"]["sizer"].update(fraction=1), "settings of another version, sizer"),
        (lambda m: m["settings"].update(market="BTC"), "settings of another version, market"),
        (lambda m: m["symbols"].pop(), "this version's layout"),
    ],
)
def test_an_edited_manifest_is_one_line_that_names_the_rule(run: Path, edit: Edit, rule: str) -> None:
    refused(qt("replay", edited(run, edit)), 6, str(run), rule)
    refused(qt("report", run), 6, str(run), rule)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '{"schema": 1}', "\ufeff{}"])
def test_a_manifest_that_is_no_manifest_is_refused(run: Path, text: str) -> None:
    (run / "run.json").write_text(text)
    refused(qt("replay", run), 6, str(run / "run.json"), "a manifest")


def test_settings_that_make_another_run_are_named_by_digest_and_first_row(run: Path) -> None:
    edited(run, lambda m: m["settings"]["sizer"].update(fraction_bps=500))
    ended = qt("replay", run)
    assert ended.code == 6
    words = {line.split()[0]: line for line in ended.out.splitlines()}
    assert words["bars"].endswith("same")
    assert "DIFFERS" in words["setup"]
    assert "DIFFERS" in words["decisions"]
    assert "first at row" in words["decisions"]
    told = qt("replay", run, "--json")
    assert told.code == 6
    assert {one["name"] for one in told.data["differences"]} == {"setup", "cycles", "decisions", "fills", "state"}
    rows = np.load(run / "decisions.npy")
    cycle = int(np.nonzero((rows["action"] == Action.ENTER).any(axis=1))[0][-1])
    symbol = json.loads((run / "run.json").read_text())["symbols"][0]
    asked = qt("replay", run, "--at", cycle, "--symbol", symbol)
    assert asked.code == 6
    assert "DIFFERS" in asked.out


def test_a_report_writes_the_page_again_and_says_the_same_numbers(run: Path) -> None:
    first = (run / "report.html").read_text()
    (run / "report.html").unlink()
    ended = qt("report", run, "--json")
    assert (ended.code, ended.data["schema"]) == (0, "qt.report/1")
    assert (run / "report.html").read_text().count("<svg") == first.count("<svg")
    summary = json.loads((run / "run.json").read_text())["summary"]
    assert {key: ended.data[key] for key in summary} == summary
    before = files_of(run)
    elsewhere = run.parent / "pages" / "page.html"
    assert qt("report", run, "--out", elsewhere).code == 0
    assert elsewhere.read_text() == before["report.html"].decode()
    assert files_of(run) == before


class Sources(HTMLParser):
    """Collects what a page would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [v for k, v in attrs if k in ("src", "href") and v and not v.startswith(("#", "data:"))]


def test_the_page_loads_nothing_from_anywhere(run: Path) -> None:
    page = Sources()
    page.feed((run / "report.html").read_text())
    assert page.found == []


def test_a_sweep_has_every_combination_in_order_and_each_point_is_its_own_backtest(tmp_path: Path) -> None:
    market = ("--set", "data.source=synthetic", "--set", "data.synthetic_bars=300")
    axes = ("sizer.fraction_bps=300,700", "exits.kind=by_regime,none", "predictor.gap_atr_min=0.2,1")
    ended = qt("sweep", *axes, *market, "--json")
    assert (ended.code, ended.data["schema"]) == (0, "qt.sweep/1")
    points = ended.data["points"]
    tried = [tuple(point["settings"].values()) for point in points]
    assert tried == [(a, b, c) for a in ("300", "700") for b in ("by_regime", "none") for c in ("0.2", "1")]
    for point in (points[0], points[3], points[-1]):
        told = [word for key, value in point["settings"].items() for word in ("--set", f"{key}={value}")]
        alone = qt("backtest", *market, *told, "--out", tmp_path / "alone", "--json").data
        assert alone["digests"] == point["digests"]
        assert alone["final"] == point["final"]


def test_a_sweep_says_one_line_for_each_point_and_how_many_were_tried() -> None:
    market = ("--set", "data.source=synthetic", "--set", "data.synthetic_bars=100")
    ended = qt("sweep", "sizer.fraction_bps=300,500,700", *market)
    assert [line.split()[-1] for line in ended.out.splitlines()] == [f"sizer.fraction_bps={n}" for n in (300, 500, 700)]
    assert "3 trials" in ended.err


def test_imported_bars_are_backtested_replayed_and_watched_for_change(tmp_path: Path) -> None:
    root, run = tmp_path / "data", tmp_path / "run"
    assert qt("data", "import", parquet(tmp_path, columns()), "--root", root).code == 0
    own = ("--set", f"data.root={root}", "--set", "market.symbols=BTCUSDT")
    ended = qt("backtest", *own, "--out", run, "--json")
    assert ended.code == 0, ended
    assert (ended.data["symbols"], ended.data["period"]["bars"]) == (["BTCUSDT"], 400)
    assert qt("replay", run).code == 0
    assert qt("data", "import", parquet(tmp_path, columns(100, 400)), "--root", root).code == 0
    refused(qt("replay", run), 6, str(run), "the bars are those of the run, they have changed since")
    refused(qt("report", run), 6, str(run), "they have changed since")


@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
def test_the_tick_is_one_on_which_every_price_lies(tmp_path: Path, name: str) -> None:
    cells = columns()
    cells[name] = cells[name].copy()
    cells[name][200] += {"high": 0.07, "low": -0.07}.get(name, 0.03)
    root, run = tmp_path / "data", tmp_path / "run"
    assert qt("data", "import", parquet(tmp_path, cells), "--root", root).code == 0
    assert qt("backtest", "--set", f"data.root={root}", "--set", "market.symbols=BTCUSDT", "--out", run).code == 0
    (listed,) = json.loads((run / "run.json").read_text())["parameters"]["instruments"]
    assert listed["tick"] == "0.01"


def test_a_new_run_of_the_same_name_takes_the_place_of_the_old_one(run: Path) -> None:
    assert qt("demo", *SMALL, "--set", "run.seed=8", "--out", run).code == 0
    assert qt("replay", run).code == 0
    assert {path.name for path in run.iterdir()} == {*ARRAYS, "run.json", "report.html"}


def test_an_interrupted_command_says_so_ends_with_130_and_leaves_nothing(tmp_path: Path) -> None:
    """STACK exit codes: 130 for Ctrl-C."""
    command = [sys.executable, "-m", "qt_ray.cli.main", "demo", "--set", "data.synthetic_bars=3000000"]
    # Whoever runs the tests in the background may have told all below to ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "run")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    signal.signal(signal.SIGINT, before)
    assert process.stderr is not None
    assert process.stderr.readline() == "reading bars\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.endswith("interrupted\n")
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()
