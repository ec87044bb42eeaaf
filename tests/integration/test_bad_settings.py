"""Bad settings: who set which key against which rule, in one line, before any work is done."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.integration.shell import SMALL, qt, refused

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("word", "code", "told"),
    [
        ("fund.nam=x", 3, ("flags", "fund.nam", "did you mean fund.name?")),
        ("nothing.at.all=1", 3, ("flags", "a known key")),
        ("sizer.quantity=1", 3, ("flags", "sizer.quantity", "fixed_fraction")),
        ("fund.initial_balance=-5", 3, ("flags", "fund.initial_balance", "a positive amount", "'-5'")),
        ("fund.initial_balance=nan", 3, ("flags", "fund.initial_balance")),
        ("sizer.fraction_bps=1e400", 3, ("flags", "sizer.fraction_bps", "a whole number")),
        ("venue.participation_max_bps=20000", 3, ("flags", "venue.participation_max_bps")),
        ("market.start=2025-02-30", 3, ("flags", "market.start")),
        ("market.symbols=BTCUSDT,BTCUSDT", 3, ("flags", "market.symbols", "once")),
        ("market.interval=7m", 3, ("flags", "market.interval", "one of")),
        ("predictor.kind=oracle", 3, ("flags", "predictor.kind", "one of")),
        ("credentials.api_key=x", 3, ("flags", "credentials.api_key", "secret")),
        ("policy.mode=WILD", 3, ("flags", "policy.mode", "one of")),
        ("policy.seed=policy/none.yaml", 3, ("policy/none.yaml", "readable file")),
        ("data.synthetic_strength=1.5", 6, ("strength is from 0 to 1",)),
        ("market.interval=1d", 6, ("interval_ms divides eight hours",)),
        ("novalue", 2, ("KEY=VALUE",)),
    ],
)
def test_a_bad_setting_names_who_set_which_key_and_the_rule(
    tmp_path: Path, word: str, code: int, told: tuple[str, ...]
) -> None:
    refused(qt("demo", *SMALL, "--set", word, "--out", tmp_path / "run"), code, *told)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("demo", "--bars", "5"), "--bars"),
        (("replay",), "RUN"),
        (("replay", "x", "--at", "5"), "--at and --symbol come together"),
        (("replay", "x", "--at", "soon", "--symbol", "S"), "--at"),
        (("sweep",), "KEY=A,B,C"),
        (("backtest", "--workers", "0"), "--workers"),
    ],
)
def test_a_command_line_that_is_not_understood_is_a_usage_error(words: tuple[str, ...], told: str) -> None:
    refused(qt(*words), 2, told)


@pytest.mark.parametrize(
    ("axes", "told"),
    [
        (("sizer.fraction_bps",), "an axis is KEY=a,b,c"),
        (("sizer.fraction_bps=",), "an axis is KEY=a,b,c"),
        (("=1,2",), "an axis is KEY=a,b,c"),
        (("run.seed=1,2", "run.seed=3"), "run.seed is given twice"),
        (("run.sead=1,2",), "did you mean run.seed?"),
        (tuple(f"k{n}={','.join('0123456789')}" for n in range(40)), "at most 10000 points"),
    ],
)
def test_an_impossible_sweep_is_refused_before_it_begins(axes: tuple[str, ...], told: str) -> None:
    refused(qt("sweep", *axes), 3, told)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a present folder with settings of its own."""
    folder = tmp_path / "configs"
    (folder / "policy").mkdir(parents=True)
    for name in ("base.yaml", "backtest.yaml", "policy/default.yaml"):
        shutil.copy(ROOT / "configs" / name, folder / name)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("limits", "drawdown_soft_bps"), 1_500, "drawdown_soft_bps: at most drawdown_hard_bps 1000, was 1500"),
        (("limits", "net_exposure_max_bps"), 40_000, "net_exposure_max_bps: at most gross_exposure_max_bps"),
        (("limits", "leverage_default"), 50, "leverage_default: at most leverage_max 10, was 50"),
        (("limits", "leverage_max"), 0, "leverage_max"),
        (("limits", "order_value_max"), "many", "order_value_max"),
        (("limits", "order_value_maxx"), "5", "order_value_maxx"),
        (("ess", "daily_drawdown_bps"), -5, "daily_drawdown_bps"),
        (("modes", "NORMAL", "max_leverage"), "900", "max_leverage"),
        (("modes", "NORMAL", "min_leverage"), "6", "leverage"),
        (("active_mode",), "RECKLESS", "active_mode"),
    ],
)
def test_impossible_limits_name_the_policys_file_and_the_rule(
    house: Path, path: tuple[str, ...], value: object, told: str
) -> None:
    policy = yaml.safe_load((house / "policy" / "default.yaml").read_text())
    table = policy
    for name in path[:-1]:
        table = table[name]
    table[path[-1]] = value
    (house / "policy" / "default.yaml").write_text(yaml.safe_dump(policy))
    refused(qt("demo", *SMALL), 3, "policy/default.yaml", told)
    assert not Path("runs").exists()


@pytest.mark.parametrize("text", ["fund: [1, 2", "fund:\n  nam: x\n", "- a\n", "\x00", "venue: 5\n"])
def test_a_settings_file_that_breaks_a_rule_is_named(house: Path, text: str) -> None:
    (house / "backtest.yaml").write_text(text)
    refused(qt("demo", *SMALL), 3, "configs/backtest.yaml")
    assert not Path("runs").exists()
