"""`qt train` and what comes after it, seen from a shell: a version is all there or it is not there."""

import resource
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.config import load
from qt_ray.adapters.models.registry import Registry
from qt_ray.ai.dataset import dataset
from qt_ray.ai.splits import holdout
from qt_ray.jobs.fund import market_of
from qt_ray.jobs.training.drive import train_here
from qt_ray.jobs.training.learners import learners
from qt_ray.jobs.training.plan import plan_of
from qt_ray.jobs.training.work import FACTS, Work
from tests.integration.shell import HOUR_MS, START_MS, Ended, files_of, parquet, qt, refused

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
MARKET = {
    "data.source": "synthetic",
    "data.synthetic_bars": "2600",
    "data.synthetic_strength": "0.5",
    "market.symbols": "AAAUSDT,BBBUSDT",
    "market.interval": "1h",
}
LEARN = {
    "train.members": "xgboost,lightgbm",
    "train.horizon_bars": "1",
    "train.lookback_bars": "16",
    "train.judge": "false",
    "train.xgboost.rounds": "20",
    "train.lightgbm.rounds": "20",
}
WHY = ("--activate", "--reason", "the first", "--by", "ada")


def told(flags: dict[str, str]) -> tuple[str, ...]:
    return tuple(word for key, value in flags.items() for word in ("--set", f"{key}={value}"))


def train(place: Path, *words: object, **changes: str) -> Ended:
    """Train here, into the registry and with the work of a place; `a__b` is the setting a.b."""
    named = {key.replace("__", "."): value for key, value in changes.items()}
    flags = {**MARKET, **LEARN, "train.work": str(place / "work"), **named}
    return qt("train", "--profile", "backtest", "--here", "--root", place / "models", *told(flags), *words)


@dataclass(frozen=True)
class Place:
    """A folder with a champion in it."""

    folder: Path
    version: str

    @property
    def registry(self) -> Registry:
        return Registry(self.folder / "models")

    def uses(self, *words: object, cache: str = "cache", **changes: str) -> tuple[object, ...]:
        named = {key.replace("__", "."): value for key, value in changes.items()}
        flags = {"predictor.models": str(self.registry.root), "run.cache": str(self.folder / cache)}
        return (*words, *told({**MARKET, **flags, **named}))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("champion")
    ended = train(folder, "--json", *WHY)
    assert ended.code == 0, ended
    return Place(folder, ended.data["version"])


@pytest.fixture(scope="module")
def run(place: Place) -> Path:
    """Return the record of a backtest of the champion."""
    folder = place.folder / "run"
    edge = {"predictor__edge_min_bps": "0"}
    ended = qt(*place.uses("backtest", "--models", "champion", "--out", folder, "--json", **edge))
    assert ended.code == 0, ended
    assert ended.data["trips"]["count"] > 10
    return folder


def kept(root: Path) -> dict[str, bytes]:
    """Return all of a registry but what says when."""
    return {name: content for name, content in files_of(root).items() if name not in ("registry.json", ".lock")}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_training_ends_in_the_registry_and_leaves_nothing_beside_it(place: Place) -> None:
    data = qt("models", "list", "--root", place.registry.root, "--json").data
    assert [(row["name"], row["status"]) for row in data["entries"]] == [
        ("xgboost", "ACTIVE"),
        ("lightgbm", "ACTIVE"),
        ("ensemble", "ACTIVE"),
    ]
    shown = qt("models", "show", "champion", "--root", place.registry.root)
    assert (shown.code, place.version in shown.out) == (0, True)
    for part in ("plan.learners.xgboost.rounds = 20", "test.blend.log_loss", "by ada: the first", "every byte"):
        assert part in shown.out
    assert qt("models", "verify", "--root", place.registry.root).code == 0
    assert not list((place.folder / "work").iterdir())


def test_a_training_says_what_it_found(tmp_path: Path) -> None:
    ended = train(tmp_path, train__members="xgboost", train__judge="true")
    assert ended.code == 0, ended
    lines = dict(line.split() for line in ended.out.splitlines())
    assert lines["status"] == "CANDIDATE"
    assert float(lines["test.blend.log_loss"]) < float(lines["test.coin.log_loss"])
    assert {"test.money.costs.net", "test.money.any_edge.net", "parity.xgboost"} <= set(lines)


def test_the_same_training_is_the_same_version_to_the_last_byte(place: Place, tmp_path: Path) -> None:
    assert train(tmp_path, "--json").data["version"] == place.version
    assert kept(tmp_path / "models") == kept(place.registry.root)
    before = files_of(place.registry.root)
    assert train(place.folder, "--json").data["version"] == place.version
    assert files_of(place.registry.root) == before


def test_a_backtest_of_the_champion_replays_votes_and_all(run: Path, place: Place) -> None:
    ended = qt("replay", run, "--json")
    assert ended.code == 0, ended
    assert {"votes", "outlook", "decisions", "fills"} <= set(ended.data["digests"])
    assert (ended.data["same"], ended.data["differences"]) == (True, [])
    assert place.version in (run / "run.json").read_text()


def test_forecasts_that_were_kept_are_those_that_are_made(run: Path, place: Place, tmp_path: Path) -> None:
    assert len(list((place.folder / "cache").glob("*.forecasts"))) == 1
    words = ("backtest", "--models", place.version[:12], "--json", "--out")
    recorded, *others = (
        qt(*place.uses(*words, folder, cache=cache, predictor__edge_min_bps="0")).data["digests"]
        for folder, cache in ((tmp_path / "a", "cache"), (tmp_path / "b", "null"))
    )
    assert others == [recorded]
    assert recorded == qt("replay", run, "--json").data["digests"]
    assert len(list((place.folder / "cache").glob("*.forecasts"))) == 1


def test_a_decision_is_explained_by_what_every_member_said(run: Path, place: Place) -> None:
    members = place.registry.manifest(place.version).members
    data = qt("replay", run, "--at", 2_000, "--symbol", "AAAUSDT", "--json").data
    assert data["same_as_recorded"] is True
    assert [(vote["kind"], vote["version"], vote["silence"]) for vote in data["votes"]] == [
        ("xgboost", members["xgboost"], "spoke"),
        ("lightgbm", members["lightgbm"], "spoke"),
    ]
    row = np.load(run / "votes.npy")[2_000, 0]
    for name in ("raw", "calibrated", "weight"):
        assert [np.float32(vote[name]) for vote in data["votes"]] == list(row[name])
    ended = qt("replay", run, "--at", 2_000, "--symbol", "AAAUSDT")
    assert f"xgboost   {members['xgboost'][:12]}  raw 0." in ended.out
    early = qt("replay", run, "--at", 3, "--symbol", "BBBUSDT")
    assert early.out.count("silent: not finite") == 2


def test_a_decision_of_a_rule_has_no_votes(tmp_path: Path) -> None:
    assert qt("backtest", *told({**MARKET, "data.synthetic_bars": "300"}), "--out", tmp_path / "run").code == 0
    assert qt("replay", tmp_path / "run", "--at", 200, "--symbol", "AAAUSDT", "--json").data["votes"] == []


def test_a_prediction_has_every_vote_and_its_reasons(place: Place) -> None:
    at = "2024-03-24T08:00:00Z"
    ended = qt(*place.uses("predict", "--explain", "--symbol", "aaausdt", "--at", at, "--json"))
    assert ended.code == 0, ended
    assert (ended.data["schema"], ended.data["version"]) == ("qt.predict/1", place.version)
    (one,) = ended.data["forecasts"]
    assert (one["symbol"], one["members"]) == ("AAAUSDT", 2)
    assert 0.0 < one["up"] < 1.0
    assert one["low"] < 0.0 < one["high"]
    assert [voice["kind"] for voice in one["voices"]] == ["xgboost", "lightgbm"]
    assert all(len(voice["reasons"]) == 8 for voice in one["voices"])
    lines = qt(*place.uses("predict", "--symbol", "AAAUSDT", "--at", at)).out
    assert f"P(up) {one['up']:.4f}" in lines
    refused(qt(*place.uses("predict", "--symbol", "XYZUSDT")), 3, "was asked for XYZUSDT")
    refused(qt(*place.uses("predict", "--at", "2020-01-01")), 6, "a moment from the first close on")


def test_a_sweep_is_told_its_models_too(place: Place) -> None:
    ended = qt(*place.uses("sweep", "predictor.edge_min_bps=0,500", "--models", place.version[:8], "--json"))
    assert ended.code == 0, ended
    trips = [point["trips"]["count"] for point in ended.data["points"]]
    assert trips[0] > 10 > trips[1]


BAD = {
    "train.members: some of xgboost, lightgbm": {"train__members": "oracle"},
    "train.without: names of features, had moon": {"train__without": "moon"},
    "train.xgboost.round: unknown, nearest is rounds": {"train.xgboost.round": "3"},
    "a row has window, outcome and every feature": {"train__horizon_bars": "9000"},
    "horizon_bars is from 1 to": {"train__horizon_bars": "20000"},
    "every part has a row, test had none": {"train__test_start": "2030-01-01"},
    "open_gap was one number": {"train__without": ""},
    "return_60 never was": {"data__synthetic_bars": "50"},
    "none of 0 with the first two had": {"train__lookback_bars": "3000"},
    "train.memory_mb: 1100 rows take 55": {"train__memory_mb": "100"},
    "shares are above 0 and leave some to train on": {"train__valid_bps": "9000"},
    "every part keeps a row, train": {"train__embargo_bars": "100000"},
    "rounds is from": {"train.xgboost.rounds": "0"},
    "lightgbm: calibration: scores differ": {"train.lightgbm.leaf_rows_min": "1000"},
}


@pytest.mark.parametrize("rule", BAD)
def test_what_cannot_be_trained_is_one_line_and_changes_nothing(place: Place, rule: str) -> None:
    before = files_of(place.registry.root)
    ended = train(place.folder, **BAD[rule])
    refused(ended, ended.code, rule)
    assert ended.code in (3, 6)
    assert files_of(place.registry.root) == before


def rising(count: int) -> dict[str, np.ndarray]:
    """Return hourly bars that never close lower than they did."""
    dice = np.random.default_rng(5)
    close = 10_000.0 + np.cumsum(np.round(1.0 + dice.exponential(4.0, count), 1))
    return {
        "ts": START_MS + np.arange(count) * HOUR_MS,
        "open": close - 0.5,
        "high": close + np.round(dice.exponential(2.0, count), 1),
        "low": close - 0.5 - np.round(dice.exponential(2.0, count), 1),
        "close": close,
        "volume": np.round(dice.lognormal(6, 0.4, count), 3),
    }


def test_a_market_that_only_rises_teaches_nothing(tmp_path: Path) -> None:
    imported = qt("data", "import", parquet(tmp_path, rising(2_000)), "--root", tmp_path / "data")
    assert imported.code == 0, imported
    market = {"data__source": "catalogue", "data__root": str(tmp_path / "data"), "market__symbols": "BTCUSDT"}
    refused(train(tmp_path, **market), 6, "some rows go up and some down", "went up")
    assert not (tmp_path / "models").exists()


def test_a_champion_is_made_with_a_reason(tmp_path: Path) -> None:
    refused(train(tmp_path, "--activate"), 2, "--reason")
    refused(train(tmp_path, "--activate", "--reason", " "), 2, "--reason")
    assert list(tmp_path.iterdir()) == []


def test_a_champion_speaks_of_its_own_interval_and_has_to_be_there(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "run"
    ended = qt(*place.uses("backtest", "--models", "champion", "--out", out, market__interval="4h"))
    refused(ended, 3, "is about bars of 3600000 ms, market.interval was 14400000 ms")
    nobody = qt("backtest", "--models", "champion", "--out", out, *told({**MARKET, "predictor.models": str(tmp_path)}))
    refused(nobody, 6, "champion")
    assert not out.exists()


def test_a_flipped_bit_is_served_by_nobody_and_dethrones_nobody(run: Path, place: Place, tmp_path: Path) -> None:
    member = place.registry.manifest(place.version).members["xgboost"]
    model = place.registry.root / "objects" / place.registry.manifest(member).artefacts["model.json"].sha256
    words = ("backtest", "--models", "champion", "--out", tmp_path / "run")
    flip(model)
    try:
        refused(qt(*place.uses(*words, cache="fresh")), 6, "SHA-256")
        refused(qt("replay", run), 6, "SHA-256")
        refused(qt(*place.uses("predict")), 6, "SHA-256")
        assert qt("models", "verify", "--root", place.registry.root).code == 6
    finally:
        flip(model)
    assert place.registry.resolve("champion") == place.version
    assert not (tmp_path / "run").exists()
    assert qt("replay", run).code == 0


def shell(place: Path, **changes: str) -> list[str]:
    """Return the words of a training in another process."""
    flags = {**MARKET, **LEARN, "train.work": str(place / "work"), **changes}
    words = ("train", "--profile", "backtest", "--here", "--root", str(place / "models"), *told(flags))
    return [sys.executable, "-m", "qt_ray.cli.main", *words]


def test_a_training_that_was_killed_goes_on_to_the_version_it_would_have_been(tmp_path: Path) -> None:
    slow = {"train.lightgbm.rounds": "200", "train.lightgbm.eta": "0.01"}
    training = subprocess.Popen(shell(tmp_path, **slow), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob(f"work/*/xgboost/{FACTS}")):
        with pytest.raises(subprocess.TimeoutExpired):
            training.wait(0.02)
    training.kill()
    assert training.wait() == -9
    assert not (tmp_path / "models").exists()
    (finished,) = tmp_path.glob("work/*/xgboost/artefact")
    assert not list(tmp_path.glob(f"work/*/lightgbm/{FACTS}"))
    was = finished.read_bytes()
    whole, resumed = (train(folder, "--json", **slow) for folder in (tmp_path / "whole", tmp_path))
    assert resumed.data["version"] == whole.data["version"]
    assert kept(tmp_path / "models") == kept(tmp_path / "whole" / "models")
    assert was in kept(tmp_path / "models").values()


def test_a_full_disk_while_registering_leaves_the_registry_as_it_was(place: Place, tmp_path: Path) -> None:
    flags = {**MARKET, **LEARN, "train.work": str(tmp_path / "work"), "train.horizon_bars": "2"}
    settings = load("backtest", flags, {}, ROOT).settings
    bars, _ = market_of(settings)
    plan = plan_of(settings, bars)
    sample = dataset(bars, plan.features, plan.label, plan.lookback_bars)
    parts = holdout(sample.ts, sample.until, plan.parts)
    work = Work(tmp_path / "work" / plan.name(bars)[:16])
    train_here(
        learners(plan), sample.take(parts.train), sample.take(parts.valid), plan.seed, work, lambda kind, at: None
    )
    before = files_of(place.registry.root)
    words = [str(place.registry.root) if word == str(tmp_path / "models") else word for word in shell(tmp_path)]
    ended = subprocess.run(
        [*words, "--set", "train.horizon_bars=2"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000)),
    )
    (line,) = (line for line in ended.stderr.splitlines() if line.startswith("error:"))
    assert (ended.returncode, ended.stdout) == (6, "")
    assert "a registry is written whole, was: File too large" in line
    assert files_of(place.registry.root) == before
    again = train(tmp_path, "--json", train__horizon_bars="2")
    assert again.code == 0, again
    assert again.data["status"] == "CANDIDATE"


def test_a_version_can_be_checked_by_training_it_again(place: Place) -> None:
    before = files_of(place.registry.root)
    ended = train(place.folder, "--check", "champion", "--json")
    assert ended.code == 0, ended
    assert (ended.data["schema"], ended.data["same"]) == ("qt.train.check/1", True)
    names = {one["name"]: one for one in ended.data["comparisons"]}
    assert {"xgboost.model.json", "lightgbm.model.txt", "test.blend.log_loss", "test.xgboost.ic"} <= set(names)
    assert names["xgboost.model.json"]["was"] == names["xgboost.model.json"]["now"]
    assert files_of(place.registry.root) == before


def test_a_version_that_boasts_is_found_out(place: Place, tmp_path: Path) -> None:
    registry, honest = Registry(tmp_path / "models"), place.registry
    manifest = honest.manifest(place.version)
    for name, version in manifest.members.items():
        member = honest.manifest(version)
        registry.put(member, {f: honest.artefact(version, f) for f in member.artefacts}, name, "copied", now_ms())
    metrics = {**manifest.metrics, "test.blend.accuracy": 0.99}
    files = {file: honest.artefact(place.version, file) for file in manifest.artefacts}
    boast = registry.put(replace(manifest, metrics=metrics), files, "mallory", "believe me", now_ms())
    ended = train(tmp_path, "--check", boast)
    assert ended.code == 6
    assert [line.split()[0] for line in ended.out.splitlines() if "DIFFERS" in line] == ["test.blend.accuracy"]


@pytest.mark.parametrize(
    ("change", "code", "rule"),
    [
        ({"data__synthetic_strength": "0.4"}, 6, "data: ensemble"),
        ({"train__horizon_bars": "2"}, 6, "plan.label"),
        ({"run__seed": "8"}, 6, "data: ensemble"),
        ({"train.xgboost.rounds": "21"}, 6, "plan.learners"),
    ],
)
def test_a_check_asks_the_same_question_or_none(place: Place, change: dict[str, str], code: int, rule: str) -> None:
    refused(train(place.folder, "--check", "champion", **change), code, rule)


def test_a_check_is_of_a_whole_ensemble_and_changes_nothing(place: Place) -> None:
    refused(train(place.folder, "--check", "xgboost"), 6, "an ensemble is trained again as a whole")
    refused(train(place.folder, "--check", "champion", "--tune", 3), 2, "--check")
    refused(train(place.folder, "--check", "champion", *WHY), 2, "--check")
