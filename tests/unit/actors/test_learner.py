"""A learner says when a model is due, once a day, with its reasons, and says what it does not know."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from qt_ray.actors.learner import Learner
from qt_ray.adapters.config import load
from qt_ray.adapters.models.champion import champion_of
from qt_ray.adapters.told_once import KEPT_MAX, ToldOnce
from qt_ray.ai.retraining import DAY_MS, Champion
from qt_ray.core.errors import Invalid, Retryable
from tests.unit.actors.voices import HeardVoice

pytestmark = pytest.mark.unit

CHAMPION = Champion("ensemble", "v1", 0, 3_600_000, 0.24)


class World:
    def __init__(self, folder: Path, champion: Champion | None = CHAMPION) -> None:
        self.folder, self.champion, self.now_ms = folder, champion, 0
        self.voice, self.card, self.is_broken = HeardVoice(), {"brier": 0.24, "count": 500}, False

    def learner(self) -> Learner:
        told = ToldOnce(self.folder / "learner.json")
        return Learner(self.model, self.asked, told, self.voice.tell, clock=lambda: self.now_ms)

    def model(self) -> Champion | None:
        if self.is_broken:
            raise Invalid("registry: a version is whole, was not")
        return self.champion

    async def asked(self) -> Mapping[str, Any]:
        if not self.card:
            raise Retryable("Supervisor.card: somebody is there, was not")
        return self.card


def looks(learner: Learner, times: int = 1) -> dict[str, Any]:
    async def story() -> dict[str, Any]:
        for _ in range(times):
            await learner.look()
        return await learner.status()

    return asyncio.run(story())


def test_a_model_that_is_due_is_named_once_a_day_whoever_is_begun_anew(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert looks(world.learner(), 3)["finding"]["reasons"] == []
    assert world.voice.events == []
    world.now_ms = 8 * DAY_MS
    looks(world.learner(), 3)
    looks(world.learner(), 3)
    (told,) = world.voice.of("learning.retraining_due")
    assert world.voice.of("model.drift_detected") == []
    assert (told.payload.model_name, told.payload.reasons) == ("ensemble", ("its data end 8 days ago, limit 7",))
    world.now_ms = 9 * DAY_MS
    looks(world.learner())
    assert len(world.voice.events) == 2


def test_decay_is_read_off_the_supervisors_card(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.card = {"brier": 0.3, "count": 500}
    assert looks(world.learner())["finding"]["decay_bps"] == 2_500
    (drift,) = world.voice.of("model.drift_detected")
    assert (drift.payload.model_name, drift.payload.value, drift.payload.limit) == ("ensemble", 0.25, 0.05)
    world.card = {}
    assert looks(world.learner())["finding"]["decay_bps"] is None


def test_a_fund_without_a_model_has_none_to_train_and_a_broken_registry_is_said(tmp_path: Path) -> None:
    world = World(tmp_path, champion=None)
    assert looks(world.learner()) == {"schema": "qt.learner/1", "has_model": False, "fault": "", "finding": None}
    world.is_broken = True
    assert looks(world.learner())["fault"] == "registry: a version is whole, was not"


def test_what_was_said_is_remembered_and_bounded(tmp_path: Path) -> None:
    told = ToldOnce(tmp_path / "deep" / "said.json", kept_max=2)
    assert [told.is_new(key) for key in ("a", "a", "b", "c", "a")] == [True, False, True, True, True]
    again = ToldOnce(tmp_path / "deep" / "said.json", kept_max=2)
    assert [again.is_new(key) for key in ("c", "a")] == [False, False]
    (tmp_path / "deep" / "said.json").write_text("{")
    assert ToldOnce(tmp_path / "deep" / "said.json").is_new("a")
    assert KEPT_MAX > 2


def test_the_registry_says_which_model_trades_and_rules_have_none() -> None:
    ensemble = load("paper", {"predictor.kind": "ensemble"}, {}).settings
    served = champion_of(ensemble)
    assert served is not None
    assert served.champion.name == "ensemble"
    assert served.champion.brier is not None
    assert served.horizon_bars > 0
    assert champion_of(load("paper", {"predictor.kind": "trend"}, {}).settings) is None
