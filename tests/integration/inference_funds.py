"""A fund's models behind Serve on a Ray of their own: a policy store, a predictor, replicas, and two real versions."""

import asyncio
import gc
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import PARTS, POLICY_STORE, PREDICTOR, begun, namespace_of
from qt_ray.adapters.api_keys import operator_token
from qt_ray.adapters.models.assembly import SPEC_FILE, read_spec
from qt_ray.adapters.models.manifest import Artefact
from qt_ray.adapters.models.registry import Registry
from qt_ray.adapters.ray_variables import export
from qt_ray.ai.model_status import ModelSignal
from qt_ray.core.policy import LiveModel
from qt_ray.governance.rulebook_entries import Author
from qt_ray.governance.wishes import Approve, Propose
from tests.integration.consoles import free_port

ROOT = Path(__file__).parents[2]
ANN, BOB = Author("ann", is_person=True), Author("bob", is_person=True)


@dataclass(frozen=True, slots=True)
class Serving:
    """Models that answer: where, for whom, by which versions, and the part that swaps them."""

    url: str
    token: str
    versions: tuple[str, str]
    store: Any
    predictor: Any

    async def promote(self, version: str) -> None:
        """Let the policy name another version, by one person and a second one, and wait until all serve it."""
        policy = await self.store.get_policy.remote()
        named = {"live_models": [{"name": "ensemble", "version": version}]}
        await self.store.wish.remote(Propose(named, policy.version, "a better one"), ANN)
        for proposal in await self.store.proposals.remote():
            await self.store.wish.remote(Approve(proposal.id), BOB)
        policy = await self.store.get_policy.remote()
        if policy.live_models != (LiveModel("ensemble", version),):
            raise RuntimeError(f"a policy names {version[:12]}, names {policy.live_models}")
        while True:
            facts = (await self.predictor.condition.remote()).facts
            if facts["version"] == version and not facts["mixed"]:
                return
            await asyncio.sleep(0.05)


def two_versions(root: Path) -> tuple[str, str]:
    """Copy the shipped models and promote another version of them, which wants a little more of an edge."""
    shutil.copytree(ROOT / "models", root)
    registry = Registry(root)
    first = registry.resolve("champion")
    spec = read_spec(registry, first)
    data = replace(spec, cost_bps=spec.cost_bps + 1).data()
    manifest = replace(registry.manifest(first), artefacts={SPEC_FILE: Artefact.of(data)})
    second = registry.put(manifest, {SPEC_FILE: data}, "ann", "another edge", 1)
    for signal in (ModelSignal.SHADOW, ModelSignal.PROMOTE):
        registry.advance(second, signal, "ann", "watched", 1)
    return first, second


@contextmanager
def serving(folder: Path, replicas: int) -> Iterator[Serving]:
    """Yield models that answer for as long as the block lasts, by the first of their versions."""
    versions = two_versions(folder / "models")
    flags = {
        "fund.state": str(folder / "state"),
        "market.symbols": "BTCUSDT",
        "market.interval": "1h",
        "predictor.kind": "ensemble",
        "predictor.version": versions[0],
        "predictor.models": str(folder / "models"),
        "serving.replicas": str(replicas),
    }
    origin, port = Origin("paper", flags, ROOT), free_port()
    export(trades=True)
    import ray

    with warnings.catch_warnings():
        # Ray Serve declares fields in a way that pydantic has grown out of.
        warnings.simplefilter("ignore", DeprecationWarning)

        from qt_ray.serve.inference_deployment import deploy
        from qt_ray.serve.serve_life import begin_serve, end_serve

    home = namespace_of(origin.settings)
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, namespace=home,
             object_store_memory=128 << 20)  # fmt: skip
    try:
        store, predictor = (begun(part, origin, home) for part in PARTS if part.name in (POLICY_STORE, PREDICTOR))
        begin_serve(http_options={"host": "127.0.0.1", "port": port, "request_timeout_s": 30.0})
        deploy(origin)
        token = operator_token(origin.places.folder, "ann")
        yield Serving(f"http://127.0.0.1:{port}/v1", token, versions, store, predictor)
    finally:
        end_serve()
        ray.shutdown()
        gc.collect()


def replicas_of() -> list[int]:
    """Return the processes of the replicas of this cluster."""
    import ray
    from ray.util import list_named_actors

    known = [one for one in list_named_actors(all_namespaces=True) if one["name"].startswith("SERVE_REPLICA::")]
    handles = [ray.get_actor(one["name"], one["namespace"]) for one in known]
    pids: list[int] = ray.get([handle.__ray_call__.remote(lambda self: os.getpid()) for handle in handles])
    return pids
