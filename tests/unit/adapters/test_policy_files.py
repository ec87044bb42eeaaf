from pathlib import Path

import pytest

from qt_ray.adapters.policy_files import load_policy
from qt_ray.core.errors import InvalidConfig
from qt_ray.core.limits import Mode
from qt_ray.core.policy import Policy

pytestmark = pytest.mark.unit

SHIPPED = Path(__file__).parents[3] / "configs" / "policy" / "default.yaml"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "seed.yaml"
    path.write_text(text)
    return path


def test_the_shipped_seed_states_exactly_the_defaults() -> None:
    assert load_policy(SHIPPED) == Policy()


def test_a_seed_states_only_what_differs(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, "limits:\n  day_loss_max_bps: 200\ndeny_symbols: [DOGEUSDT]\n"))
    assert policy.limits.day_loss_max_bps == 200
    assert policy.deny_symbols == ("DOGEUSDT",)
    assert policy.limits.drawdown_hard_bps == Policy().limits.drawdown_hard_bps


def test_a_chosen_mode_replaces_the_files(tmp_path: Path) -> None:
    path = written(tmp_path, "active_mode: AGGRESSIVE\n")
    assert load_policy(path).active_mode is Mode.AGGRESSIVE_SMALL_ACCOUNT
    assert load_policy(path, Mode.DEFENSIVE).active_mode is Mode.DEFENSIVE


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("limits:\n  day_loss_max_bps: 0\n", "day_loss_max_bps: from 1 to 5000, was 0"),
        ("limits:\n  day_loss: 3\n", "day_loss"),
        ("limits:\n  drawdown_soft_bps: 1200\n", "drawdown_soft_bps: at most drawdown_hard_bps"),
        ("modes:\n  NORMAL:\n    max_risk_pct: 0.01\n", "max_risk_pct: a decimal in quotes, was 0.01"),
        ("version: 7\n", "version"),
        ("emergency_mode: true\n", "emergency_mode"),
        ("active_mode: YOLO\n", "active_mode: one of"),
    ],
)
def test_an_impossible_limit_is_one_line_that_names_the_file(tmp_path: Path, text: str, rule: str) -> None:
    with pytest.raises(InvalidConfig, match=r"seed\.yaml: policy\.|seed\.yaml: active_mode") as caught:
        load_policy(written(tmp_path, text))
    assert rule in str(caught.value)
    assert caught.value.exit_code == 3
