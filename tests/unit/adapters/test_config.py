from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters.config import find_root, load
from qt_ray.adapters.settings_keys import KEYS, SECRETS, nearest
from qt_ray.core.errors import InvalidConfig
from qt_ray.market.intervals import INTERVALS_MS

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "base.yaml").write_text("fund:\n  name: base\n  account: base\nrun:\n  seed: 1\n")
    (folder / "backtest.yaml").write_text("fund:\n  name: profile\n")
    return tmp_path


def complaint(flags: dict[str, object]) -> str:
    try:
        loaded = load("backtest", flags, {}, ROOT)
    except InvalidConfig as error:
        return str(error)
    return "" if loaded.settings.fund.initial_balance > 0 else "accepted"


def secret_folder(folder: Path, **secrets: str) -> Path:
    folder.mkdir()
    for name, text in secrets.items():
        (folder / name).write_text(text + "\n")
        (folder / name).chmod(0o600)
    return folder


def test_a_later_layer_wins_and_every_value_names_its_layer(house: Path) -> None:
    (house / "configs" / "local.yaml").write_text("fund:\n  quote: USDC\n")
    environ = {"QT_RUN__SEED": "5", "QT_FUND__NAME": "variable"}
    loaded = load("backtest", {"fund.name": "flag"}, environ, house)
    assert (loaded.settings.fund.name, loaded.settings.run.seed) == ("flag", 5)
    shown = {key: loaded.sources[key] for key in ("fund.name", "fund.account", "fund.quote", "run.seed", "run.out")}
    assert shown == {
        "fund.name": "flags",
        "fund.account": "configs/base.yaml",
        "fund.quote": "configs/local.yaml",
        "run.seed": "QT_RUN__SEED",
        "run.out": "defaults",
    }
    assert load("backtest", {}, {}, house).settings.fund.name == "profile"


@given(st.decimals("0.00000001", "1e12", places=8))
def test_money_arrives_exactly_as_it_was_written(amount: Decimal) -> None:
    loaded = load("backtest", {"fund.initial_balance": f"{amount:f}"}, {}, ROOT)
    assert loaded.settings.fund.initial_balance == amount


@given(st.one_of(st.text(max_size=12), st.floats(), st.booleans(), st.none(), st.lists(st.integers(), max_size=2)))
def test_any_balance_is_a_positive_amount_or_one_line(value: object) -> None:
    line = complaint({"fund.initial_balance": value})
    assert not line or line.startswith("flags: fund.initial_balance: ")
    assert "\n" not in line


@pytest.mark.parametrize("profile", ["backtest", "paper", "testnet", "live"])
def test_the_shipped_profiles_load_and_their_policy_seed_is_there(profile: str) -> None:
    loaded = load(profile, {}, {}, ROOT)
    assert loaded.policy_path.is_file()
    assert set(loaded.sources) == set(loaded.plain)
    assert not {key for key, source in loaded.sources.items() if key in SECRETS and source != "defaults"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("fund:\n  initial_balance: '-5'", "fund.initial_balance: a positive amount, was '-5'"),
        (
            "fund:\n  initial_balance: 0.5",
            "fund.initial_balance: an exact number in quotes, such as '0.5', was 0.5",
        ),
        (
            "fund:\n  initial_balence: '5'",
            "fund.initial_balence: a known key, did you mean fund.initial_balance?",
        ),
        ("funds:\n  name: x", "funds: a known key, did you mean fund?"),
        ("fund: x", "fund: a table of keys, was 'x'"),
        ("run:\n  workers: 0", "run.workers: at least 1, was 0"),
        ("run:\n  workers: true", "run.workers: a whole number, was True"),
        ("run:\n  seed: 1.5", "run.seed: a whole number, was 1.5"),
        ("market:\n  symbols: []", "market.symbols: a list of 1 to 1000 symbols, was []"),
        (
            "market:\n  symbols: [BTCUSDT, btcusdt]",
            "market.symbols: a list that names each symbol once, was ['BTCUSDT', 'btcusdt']",
        ),
        ("market:\n  symbols: [BTC/USDT]", "market.symbols: symbols such as BTCUSDT, was 'BTC/USDT'"),
        ("market:\n  start: 2025-02-30", "market.start: a day or time such as"),
        ("market:\n  start: 2025-02-03\n  end: 2025-02-03", "market: start is before end"),
        ("venue:\n  taker_bps: '4.123'", "venue.taker_bps: basis points from -100 to 1000, to a hundredth"),
        ("venue:\n  queue: front", "venue.queue: one of 'through' or 'touch', was 'front'"),
        (
            "predictor:\n  kind: magic",
            "predictor.kind: one of 'trend', 'mean_reversion', 'ema_cross', 'ensemble', was 'magic'",
        ),
        (
            "predictor:\n  kind: ema_cross\n  adx_min: '1'",
            "predictor.adx_min: a key of kind ema_cross, was one of trend",
        ),
        ("predictor:\n  kind: ema_cross\n  fast_bars: 30", "predictor: fast_bars is below slow_bars 30, was 30"),
        ("credentials:\n  api_key: abc", "credentials.api_key: a secret comes from the secrets folder"),
    ],
)
def test_a_mistake_in_a_file_is_one_line_with_place_key_rule_and_value(house: Path, text: str, line: str) -> None:
    (house / "configs" / "backtest.yaml").write_text(text + "\n")
    with pytest.raises(InvalidConfig) as caught:
        load("backtest", {}, {}, house)
    assert str(caught.value).startswith(f"configs/backtest.yaml: {line}")
    assert caught.value.exit_code == 3


def test_several_mistakes_are_one_line_and_a_count(house: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"^QT_RUN__SEED: run.seed: a whole number, was 'x' \(and 1 more\)$"):
        load("backtest", {"run.workers": "0"}, {"QT_RUN__SEED": "x"}, house)


def test_a_variable_without_its_double_underscore_is_refused_and_strangers_are_not(house: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"write QT_FUND__INITIAL_BALANCE$"):
        load("backtest", {}, {"QT_FUND_INITIAL_BALANCE": "5"}, house)
    load("backtest", {}, {"QT_QPA_PLATFORM": "xcb", "QT_DEBUG": "1", "QTDIR": "/x"}, house)


@pytest.mark.requirement("S4 EventDrivenExecutor")
def test_the_founding_names_of_the_queue_still_work(house: Path) -> None:
    loaded = load("backtest", {}, {"QT_SIGNAL_QUEUE_MAX": "9", "QT_MAX_SIGNALS_PER_CYCLE": "3"}, house)
    assert (loaded.settings.signals.queue_max, loaded.settings.signals.per_cycle_max) == (9, 3)
    with pytest.raises(InvalidConfig, match=r"signals\.queue_max is set once"):
        load("backtest", {}, {"QT_SIGNAL_QUEUE_MAX": "9", "QT_SIGNALS__QUEUE_MAX": "9"}, house)


def test_case_matters_in_a_variable_only_inside_a_table(house: Path) -> None:
    environ = {"QT_SIZER__KIND": "fixed_quantity", "QT_SIZER__QUANTITIES__BTCUSDT": "0.1"}
    loaded = load("backtest", {}, environ, house)
    assert loaded.plain["sizer.quantities.BTCUSDT"] == "0.1"
    assert loaded.sources["sizer.quantities.BTCUSDT"] == "QT_SIZER__QUANTITIES__BTCUSDT"


def test_one_level_of_an_exit_may_change_without_restating_the_others(house: Path) -> None:
    loaded = load("backtest", {"exits.kind": "by_regime", "exits.normal.stop_atr": "2"}, {}, house)
    assert loaded.plain["exits.normal.stop_atr"] == "2"
    assert loaded.plain["exits.normal.take_atr"] == "3"
    assert loaded.sources["exits.normal.take_atr"] == "defaults"


def test_secrets_are_used_but_never_shown(house: Path, tmp_path: Path) -> None:
    folder = secret_folder(tmp_path / "vault", credentials__api_key="canary-1", credentials__api_secret="canary-2")
    loaded = load("backtest", {}, {"QT_SECRETS_DIR": str(folder)}, house)
    secret = loaded.settings.credentials.api_secret
    assert secret is not None
    assert secret.get_secret_value() == "canary-2"
    assert loaded.sources["credentials.api_key"] == "secrets/credentials__api_key"
    assert "canary" not in repr(loaded) + str(dict(loaded.plain)) + loaded.settings.model_dump_json()
    assert loaded.digest == load("backtest", {}, {}, house).digest


def test_a_secret_that_others_can_read_is_refused(house: Path, tmp_path: Path) -> None:
    folder = secret_folder(tmp_path / "vault", credentials__api_key="canary")
    (folder / "credentials__api_key").chmod(0o644)
    with pytest.raises(InvalidConfig, match=r"readable by its owner alone") as caught:
        load("backtest", {}, {"QT_SECRETS_DIR": str(folder)}, house)
    assert "canary" not in str(caught.value)


def test_half_a_pair_of_keys_and_a_misnamed_secret_are_refused_without_showing_them(
    house: Path, tmp_path: Path
) -> None:
    for number, name in enumerate(("credentials__api_key", "credentials__api_kee")):
        folder = secret_folder(tmp_path / str(number), **{name: "canary"})
        with pytest.raises(InvalidConfig, match=f"^secrets/{name}: credentials") as caught:
            load("backtest", {}, {"QT_SECRETS_DIR": str(folder)}, house)
        assert "canary" not in str(caught.value)


@pytest.mark.parametrize("profile", ["none", "base", "local", "../etc/passwd", "", "instruments"])
def test_an_unknown_profile_names_the_known_ones(house: Path, profile: str) -> None:
    with pytest.raises(InvalidConfig, match="a profile is one of backtest, was"):
        load(profile, {}, {}, house)


def test_the_digest_changes_with_any_setting_and_only_then(house: Path) -> None:
    same = load("backtest", {}, {}, house).digest
    assert load("backtest", {"run.seed": 1}, {}, house).digest == same
    assert load("backtest", {"run.seed": 2}, {}, house).digest != same


def test_every_setting_explains_itself_and_is_its_own_nearest() -> None:
    assert [key.name for key in KEYS if not key.meaning and not key.name.endswith("kind")] == []
    for key in KEYS:
        assert nearest(key.name) == key.name


def test_a_market_knows_its_times_in_milliseconds() -> None:
    flags = {"market.start": "1970-01-02", "market.end": "1970-01-02T01:00:00+01:00", "market.interval": "8h"}
    with pytest.raises(InvalidConfig, match="start is before end"):
        load("backtest", flags, {}, ROOT)
    market = load("backtest", {**flags, "market.end": "1970-01-03T01:00:00+01:00"}, {}, ROOT).settings.market
    assert (market.start_ms, market.end_ms, market.interval_ms) == (86_400_000, 172_800_000, 28_800_000)
    assert all(86_400_000 % interval == 0 for interval in INTERVALS_MS.values())


def test_the_configuration_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (find_root() / "configs" / "base.yaml").is_file()
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "base.yaml").write_text("")
    assert find_root() == tmp_path
