"""Inference: forecasts by one version, within their time, for whoever may ask; every bad question is one clear line."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.actors.live_models import LiveModels, Served
from qt_ray.actors.model_board import ModelBoard
from qt_ray.adapters.models.model_set import ModelSet, load
from qt_ray.adapters.models.recipe import Recipe
from qt_ray.adapters.settings_serving import Serving
from qt_ray.ai.model_sync import Live
from qt_ray.ai.sizing import SizerPlan
from qt_ray.core.errors import Invalid
from qt_ray.core.policy import Policy
from qt_ray.engine.backtest import SCHEMA, forecast_blocks
from qt_ray.governance.access import Grant, Kind, Refused, Scope
from qt_ray.market.bars import Bars
from qt_ray.market.features.engine import FeatureEngine
from qt_ray.market.synthetic import synthetic
from qt_ray.serve.doorkeeper import Doorkeeper
from qt_ray.serve.inference import Inference, SizingRules
from qt_ray.serve.inference_app import inference_app
from qt_ray.serve.wrong_keys import PER_SECOND_MAX
from tests.unit.adapters.models.test_stage import models
from tests.unit.ai.ensemble.living import FEATURES
from tests.unit.engine.funds import contract

pytestmark = pytest.mark.unit

HOUR_MS = 3_600_000
NAMES = ("AAAUSDT", "BBBUSDT")
BARS = synthetic(NAMES, HOUR_MS, 11).bars(120)
KEY = {"Authorization": "Bearer reader"}
LIVE = Live("v1", 7)
GET = object()
Ask = Callable[..., Awaitable[httpx.Response]]


class Ring:
    """Two keys; a third breaks the file they are in."""

    def known(self, token: str) -> Grant | None:
        if token == "broken":
            raise Invalid("keys.json: a file that only its user may read, mode was 644")
        scopes = {"reader": Scope.READ, "killer": Scope.KILL}
        return Grant(token, Kind.KEY, "ann", (scopes[token],), "", 0) if token in scopes else None


def service(served: ModelSet | None = None, **limits: int) -> Inference:
    board = LiveModels[ModelSet]("test", ModelBoard(), load)  # type: ignore[arg-type]
    if served is not None:
        board.served = Served(LIVE, served)
    rules = SizingRules(SizerPlan(fraction_bps=1_000), Policy(), (contract(),))
    return Inference(board, rules, Serving(request_ms_max=60_000).model_copy(update=limits))


def tell(inference: Inference, story: Callable[[Ask], Awaitable[None]], refusals: list[Refused] | None = None) -> None:
    """Tell a story over HTTP without a socket."""
    heard: list[Refused] = [] if refusals is None else refusals

    async def told() -> None:
        transport = httpx.ASGITransport(inference_app(inference, Doorkeeper(Ring(), heard.append, lambda: 0)))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:

            async def ask(path: str, body: Any = GET, **headers: str) -> httpx.Response:
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                if body is GET:
                    return await client.get(path, headers=KEY | named)
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                kind = {"Content-Type": "application/json"}
                return await client.post(path, content=content, headers=KEY | kind | named)

            await story(ask)

    asyncio.run(told())


def asked(path: str, body: Any, inference: Inference | None = None, **headers: str) -> httpx.Response:
    """Return the answer to one question."""
    found: list[httpx.Response] = []

    async def story(ask: Ask) -> None:
        found.append(await ask(path, body, **headers))

    tell(inference or service(models()), story)
    return found[0]


def question(bars: Bars = BARS) -> dict[str, Any]:
    columns = ("open", "high", "low", "close", "volume")
    return {
        "interval": "1h",
        "bars": {
            symbol: {"ts": bars.ts.tolist(), **{name: getattr(bars, name)[:, i].tolist() for name in columns}}
            for i, symbol in enumerate(bars.symbols)
        },
    }


@pytest.mark.requirement("S7 RayServe")
def test_a_forecast_over_http_is_a_backtests_and_names_its_version() -> None:
    answer = asked("/predict", question())
    (block,) = forecast_blocks(BARS, models().predictor(NAMES, HOUR_MS), 4_096)
    said, known = answer.json(), block.forecasts
    assert (answer.status_code, said["schema"], said["asked"]) == (200, "qt.forecasts/1", "full")
    assert said["model"] == {"name": "ensemble", "version": "v1", "epoch": 7}
    assert (answer.headers["X-Model-Version"], answer.headers["X-Model-Epoch"]) == ("v1", "7")
    for i, one in enumerate(said["forecasts"]):
        score = known.score[-1, i]
        assert one["symbol"] == NAMES[i]
        assert one["known_ms"] == int(BARS.ts[-1]) + HOUR_MS
        assert one["score"] == (None if np.isnan(score) else score)
        assert (one["confidence"], one["agreement"], one["members"]) == (
            known.confidence[-1, i],
            known.agreement[-1, i],
            4,
        )
        assert [voice["kind"] for voice in one["voices"]] == ["xgboost", "lightgbm", "patchtst", "nhits"]


def test_symbols_with_different_bars_are_each_judged_as_if_alone() -> None:
    body, alone = question(), question()
    body["bars"]["BBBUSDT"] = {name: column[10:] for name, column in body["bars"]["BBBUSDT"].items()}
    del alone["bars"]["BBBUSDT"]
    both, one = asked("/predict", body).json(), asked("/predict", alone).json()
    assert [found["symbol"] for found in both["forecasts"]] == list(NAMES)
    assert both["forecasts"][0] == one["forecasts"][0]


def test_features_alone_are_enough_for_trees_and_networks_say_why_they_are_silent() -> None:
    rows = FeatureEngine(SCHEMA.subset(FEATURES), NAMES, HOUR_MS).block(BARS)[-1]
    told = {"ts": int(BARS.ts[-1]), "schema": SCHEMA.subset(FEATURES).hash}
    answer = asked("/predict", {"features": {**told, "rows": dict(zip(NAMES, rows.tolist(), strict=True))}})
    for one in answer.json()["forecasts"]:
        assert [voice["silence"] for voice in one["voices"]] == ["spoke", "spoke", "history", "history"]
        assert one["agreement"] <= 2
    other = {"features": {**told, "schema": "0" * 64, "rows": {"AAAUSDT": [0.0] * 4}}}
    refused = asked("/predict", other)
    assert refused.status_code == 422
    assert "features.schema: " in refused.json()["error"]["rule"]
    short = asked("/predict", {"features": {**told, "rows": {"AAAUSDT": [0.0] * 3}}}).json()["error"]["rule"]
    assert short == "features.rows.AAAUSDT: 4 numbers, as /v1/models names them, were 3"


def test_a_rule_without_models_answers_without_votes() -> None:
    rule = load(Recipe("trend", {"gap_atr_min": 0.5, "adx_min": 20.0}))
    (one, _) = asked("/predict", question(), service(rule)).json()["forecasts"]
    assert (one["voices"], one["up"], one["members"]) == ([], None, 1)


def test_what_serves_says_what_it_wants_to_be_told() -> None:
    found = asked("/models", GET).json()
    assert (found["version"], found["epoch"], found["interval_ms"]) == ("v1", 7, HOUR_MS)
    assert (found["features"], found["lookback_bars"]) == (list(FEATURES), 20)
    assert [member["kind"] for member in found["members"]] == ["xgboost", "lightgbm", "patchtst", "nhits"]


SIZE = {"symbol": "BTCUSDT", "score": 0.4, "equity": "10000", "mark": "100.0"}


def test_an_opinion_becomes_a_size_and_high_volatility_leaves_a_third_of_it() -> None:
    opinions = [SIZE, {**SIZE, "regime": "HIGH"}, {**SIZE, "regime": "EXTREME", "position": "10"}, {**SIZE, "score": 0}]
    sizes = asked("/size", {"opinions": opinions}).json()["sizes"]
    assert [(one["wished"], one["allowed"], one["is_fallback"]) for one in sizes] == [
        ("10", "10", False),
        ("10", "3", True),
        ("10", "10", False),
        ("0", "0", False),
    ]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer nobody"}, 401),
        ({"Authorization": "Basic reader"}, 401),
        ({"Authorization": "Bearer killer"}, 403),
        ({"Authorization": "Bearer broken"}, 503),
        ({"X_Deadline_Ms": "0"}, 422),
        ({"X_Deadline_Ms": "soon"}, 422),
        ({"X_Deadline_Ms": "60001"}, 422),
        ({"X_Deadline_Ms": "9" * 5_000}, 422),
        ({"Content_Type": "text/plain"}, 415),
    ],
    ids=lambda value: next(iter(value), "")[:1] + str(len(str(value))) if isinstance(value, dict) else str(value),
)
def test_who_may_not_ask_or_asks_amiss_hears_it_in_one_line(headers: dict[str, str], status: int) -> None:
    answer = asked("/predict", question(), **headers)
    assert answer.status_code == status
    assert "\n" not in answer.json()["error"]["rule"]


def test_whoever_is_turned_away_is_told_of_and_who_guesses_often_waits() -> None:
    refusals: list[Refused] = []

    async def story(ask: Ask) -> None:
        assert (await ask("/models", Authorization="Bearer killer")).status_code == 403
        guesses = [(await ask("/models", Authorization=f"Bearer {n}")).status_code for n in range(PER_SECOND_MAX + 2)]
        assert (guesses[0], guesses[-1]) == (401, 429)

    tell(service(models()), story, refusals)
    assert [(one.who, one.what, one.status) for one in refusals] == [
        ("ann", "GET /models", 403),
        ("", "GET /models", 401),
    ]


def broken(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    body = question()
    change(body)
    return body


def test_every_way_to_ask_wrongly_names_the_field_and_the_rule() -> None:
    first = "bars.AAAUSDT"

    def column(name: str, value: Any) -> dict[str, Any]:
        return broken(lambda body: body["bars"]["AAAUSDT"].update({name: value}))

    cases: list[tuple[Any, str]] = [
        ({}, "a question has bars or features"),
        (broken(lambda body: body.update(intervall="1h")), "intervall: Extra inputs are not permitted"),
        (broken(lambda body: body.update(interval="7m")), "interval is one of"),
        (broken(lambda body: body["bars"].update({"a b": {}})), "bars.a b"),
        (column("close", [1.0]), "close has 120 numbers, as ts has, had 1"),
        (column("close", [0.0] * 120), f"{first}.close.0: Input should be greater than 0"),
        (column("volume", [-1.0] * 120), f"{first}.volume.0"),
        (column("ts", [0] * 120), "ts ascends, did not"),
        (column("ts", list(range(120))), "bars open on multiples of 3600000 ms"),
        (column("open", ["1"] * 119 + ["x"]), f"{first}.open.119"),
    ]
    for body, rule in cases:
        answer = asked("/predict", body)
        assert answer.status_code == 422
        assert rule in answer.json()["error"]["rule"]


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_not_finite_never_reaches_a_model(word: str) -> None:
    text = json.dumps(question()).replace(repr(BARS.close[5, 0].item()), word)
    answer = asked("/predict", text.encode())
    assert answer.status_code == 422
    assert "Input should be" in answer.json()["error"]["rule"]


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'"bars"', b"null"])
def test_what_is_no_question_is_refused(body: bytes) -> None:
    answer = asked("/predict", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


@settings(deadline=None, max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside, max_size=3),
        max_leaves=12,
    )
)
def test_no_body_is_a_mistake_of_ours(body: Any) -> None:
    def story_of(bars: dict[str, Any]) -> list[Any]:
        return [body, {"interval": "1h", "bars": body}, {"features": body}, {"interval": body, "bars": bars}]

    async def story(ask: Ask) -> None:
        for content in story_of(question()["bars"]):
            for path in ("/predict", "/size"):
                assert (await ask(path, content)).status_code in (200, 422)

    tell(service(models()), story)


def test_a_long_body_is_not_read_to_its_end_and_a_long_question_not_answered() -> None:
    assert asked("/predict", question(), service(models(), body_bytes_max=100)).status_code == 413
    many = asked("/predict", question(), service(models(), symbols_max=1))
    assert (many.status_code, many.json()["error"]["rule"]) == (422, "symbols: at most 1, were 2")
    deep = asked("/predict", question(), service(models(), bars_max=119))
    assert deep.json()["error"]["rule"] == "bars.AAAUSDT: at most 119 bars, were 120"


def test_before_a_version_serves_the_answer_is_to_come_again() -> None:
    answer = asked("/predict", question(), service())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "none does yet" in answer.json()["error"]["rule"]


@pytest.mark.requirement("S7 RayServe")
def test_what_is_crowded_is_told_at_once_and_what_is_late_is_told_so() -> None:
    crowded = asked("/predict", question(), service(models(), waiting_max=0))
    assert (crowded.status_code, crowded.headers["Retry-After"]) == (503, "1")
    inference = service(models())
    inference._ladder.took(inference._ladder.rung(1.0), 1e9)
    hurried = asked("/predict", question(), inference, X_Deadline_Ms="5000").json()
    assert hurried["asked"] == "in_haste"
    assert [voice["silence"] for voice in hurried["forecasts"][0]["voices"]][2:] == ["late", "late"]
    slow = service(models())
    for _ in range(2):
        slow._ladder.took(slow._ladder.rung(1.0), 1e9)
    late = asked("/predict", question(), slow, X_Deadline_Ms="5000")
    assert (late.status_code, late.json()["error"]["code"]) == (504, "too_late")


@pytest.mark.requirement("S7 RayServe")
def test_swaps_lose_no_request_and_no_answer_is_of_two_versions() -> None:
    inference = service(models())
    versions: list[str] = []

    async def story(ask: Ask) -> None:
        async def many() -> None:
            for _ in range(10):
                answer = await ask("/predict", question())
                assert answer.status_code == 200
                assert answer.json()["model"]["version"] == answer.headers["X-Model-Version"]
                versions.append(answer.json()["model"]["version"])

        async def swaps() -> None:
            for epoch in range(8, 30):
                recipe = Recipe("ensemble", {"version": f"v{epoch}"})
                inference.models.served = Served(Live(f"v{epoch}", epoch), replace(models(), recipe=recipe))
                await asyncio.sleep(0)

        await asyncio.gather(many(), many(), swaps())

    tell(inference, story)
    assert len(versions) == 20
    assert len(set(versions)) > 1


def test_the_description_names_every_route_and_what_a_body_is() -> None:
    described = asked("/openapi.json", GET).json()
    assert set(described["paths"]) == {"/predict", "/explain", "/size", "/models"}
    body = described["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"interval", "bars", "features"} <= set(body["properties"])
