"""Inference deployment: ingress and models in one process behind Ray Serve, as many of them as the settings say.

A replica follows the board of the predictor like every other user of the models, so a swap needs no deployment, loses
no request, and waits until the last replica has the next version ready. Splitting ingress from models would cost more
than a forecast does.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ray import serve
from starlette.types import ASGIApp

from qt_ray.actors.line import Line
from qt_ray.actors.lines.models import ModelBoardLine
from qt_ray.actors.live_models import LiveModels
from qt_ray.actors.living import Living
from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import PREDICTOR, namespace_of
from qt_ray.actors.voice import voice
from qt_ray.adapters.api_keys import KeyRing
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.fund_setup import recipe_of, sizer_of
from qt_ray.adapters.instruments import load_instruments
from qt_ray.adapters.models.model_set import ModelSet, load_promoted
from qt_ray.adapters.models.outlook import thoughts
from qt_ray.adapters.policy_files import load_policy
from qt_ray.ai.model_sync import Live
from qt_ray.core.events import event
from qt_ray.core.notices import ModelSwapped, SecurityDenied
from qt_ray.governance.access import Refused
from qt_ray.market.synthetic import synthetic
from qt_ray.serve.doorkeeper import Doorkeeper
from qt_ray.serve.inference import Inference, SizingRules
from qt_ray.serve.inference_app import inference_app

NAME: Final = "inference"
PREFIX: Final = "/v1"
WARM_SEED: Final = 1
WARM_SYMBOLS: Final = ("WARMUSDT",)
PATIENCE_S: Final = 30.0
LOOK_S: Final = 0.05


class InferenceReplica:
    """One process that answers forecasts over HTTP."""

    def __init__(self, origin: Origin) -> None:
        """Begin without models, and follow the predictor's board; keys are read from their file at each request."""
        settings, context = origin.settings, serve.get_replica_context()
        self._recipe, self._interval_ms = recipe_of(settings.predictor), settings.market.interval_ms
        self._user = f"{NAME}-{context.replica_id.unique_id}"
        # A replica that takes another's place takes what that one could not tell, too.
        self._voice = voice(origin, f"{NAME}-{context.rank.rank}")
        board = ModelBoardLine(Line(PREDICTOR, namespace_of(settings)))
        models = LiveModels[ModelSet](self._user, board, self._load, self._swapped)
        self._inference = Inference(models, rules_of(origin), settings.serving)
        self._doorkeeper = Doorkeeper(KeyRing(origin.places.folder), self._told, now_ms)
        self._living = Living(self._user)
        for work in (self._voice.run(), models.run()):
            self._living.keep(work)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Return the application that Serve sends requests to."""
        return inference_app(self._inference, self._doorkeeper)

    async def reconfigure(self, patience: Mapping[str, float]) -> None:
        """Take no request before models serve; where none come in time, answer that there are none."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience["seconds"]):
                while self._inference.models.served is None:
                    await asyncio.sleep(LOOK_S)

    def _load(self, version: str) -> ModelSet:
        """Return a version that may serve, after it has been asked about a market that never was."""
        models = load_promoted(self._recipe, version)
        interval_ms = models.interval_ms or self._interval_ms
        market = synthetic(WARM_SYMBOLS, interval_ms, WARM_SEED)
        thoughts(market.bars(models.warmup + 1), models, WARM_SYMBOLS)
        return models

    def _swapped(self, before: Live | None, after: Live) -> None:
        old = before.version if before else None
        told = ModelSwapped(self._user, self._recipe.kind, after.version, after.epoch, old)
        self._voice.tell(event("model.swapped", told, NAME, now_ms()))

    def _told(self, refused: Refused) -> None:
        rule = f"{refused.rule} (from {refused.address}, {refused.times} times)"
        told = SecurityDenied(refused.who, refused.what, NAME, rule)
        self._voice.tell(event("security.denied", told, NAME, now_ms()))


def rules_of(origin: Origin) -> SizingRules:
    """Return what sizes follow from in the fund of an origin, as it begins."""
    loaded = origin.loaded()
    settings, path = loaded.settings, loaded.settings.data.instruments
    policy = load_policy(loaded.policy_path, settings.policy.mode)
    known = load_instruments(None if path is None else Path(path))
    return SizingRules(sizer_of(settings.sizer), policy, tuple(known.values()))


def deploy(origin: Origin) -> str:
    """Begin the inference of an account in the cluster that this process is in, and return its application's name.

    Where Serve listens is settled by whoever begins it first; alone it is this machine's own address.
    """
    serving, name = origin.settings.serving, application_of(origin)
    shell: Any = serve.deployment(
        serve.ingress()(InferenceReplica),
        name=NAME,
        num_replicas=serving.replicas,
        max_ongoing_requests=serving.waiting_max,
        max_queued_requests=serving.waiting_max * serving.replicas,
        ray_actor_options={"num_cpus": 0},
        user_config={"seconds": PATIENCE_S},
        health_check_period_s=5,
        graceful_shutdown_timeout_s=5,
    )
    serve.run(shell.bind(origin), name=name, route_prefix=PREFIX)
    return name


def application_of(origin: Origin) -> str:
    """Return the name of an account's inference in Serve."""
    return f"{namespace_of(origin.settings)}-{NAME}"
