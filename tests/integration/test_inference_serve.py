"""Inference behind Ray Serve: a fund's models answer over HTTP, for whoever has a key, and outlive a replica."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from socket import socket
from typing import Any

import httpx
import pytest

from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import PARTS, POLICY_STORE, PREDICTOR, begun, namespace_of
from qt_ray.adapters.api_keys import KeyRing
from qt_ray.governance.access import Scope
from qt_ray.market.synthetic import synthetic

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(240),
    # Serve speaks an older pydantic and leaves what it has ended to the collector.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]

ROOT = Path(__file__).parents[2]
MINUTE_MS = 60_000
REQUESTS = 60


def free_port() -> int:
    with socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


@pytest.fixture
def fund(ray_head: str, tmp_path: Path) -> Iterator[tuple[Origin, str]]:
    """Yield a fund with a policy, a predictor and two replicas, and where they answer."""
    import ray

    from qt_ray.serve.inference_deployment import deploy
    from qt_ray.serve.serve_life import begin_serve, end_serve

    flags = {"fund.state": str(tmp_path), "market.symbols": "BTCUSDT", "serving.replicas": "2"}
    origin, port = Origin("paper", flags, ROOT), free_port()
    home, wanted = namespace_of(origin.settings), (POLICY_STORE, PREDICTOR)
    ray.init(address=ray_head, namespace=home, log_to_driver=False)
    try:
        kept = [begun(part, origin, home) for part in PARTS if part.name in wanted]
        begin_serve(http_options={"host": "127.0.0.1", "port": port, "request_timeout_s": 30.0})
        deploy(origin)
        assert len(kept) == len(wanted)
        yield origin, f"http://127.0.0.1:{port}/v1"
    finally:
        end_serve()
        for name in wanted:
            ray.kill(ray.get_actor(name))
        ray.shutdown()


def question() -> dict[str, Any]:
    bars = synthetic(("BTCUSDT",), MINUTE_MS, 3).bars(200)
    columns = ("open", "high", "low", "close", "volume")
    candles = {"ts": bars.ts.tolist(), **{name: getattr(bars, name)[:, 0].tolist() for name in columns}}
    return {"interval": "1m", "bars": {"BTCUSDT": candles}}


def replicas() -> list[int]:
    """Return the processes of the replicas of this cluster."""
    import ray
    from ray.util import list_named_actors

    known = [one for one in list_named_actors(all_namespaces=True) if one["name"].startswith("SERVE_REPLICA::")]
    handles = [ray.get_actor(one["name"], one["namespace"]) for one in known]
    pids: list[int] = ray.get([handle.__ray_call__.remote(lambda self: os.getpid()) for handle in handles])
    return pids


@pytest.mark.requirement("S7 RayServe")
def test_a_fund_answers_over_http_and_loses_no_request_with_a_replica(fund: tuple[Origin, str]) -> None:
    origin, url = fund
    key = KeyRing(origin.places.folder).issue("ann", (Scope.READ,))
    with httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=30.0) as client:
        assert client.get(f"{url}/models").json()["version"] == "trend"
        assert client.get(f"{url}/models", headers={"Authorization": "Bearer nobody"}).status_code == 401
        first = client.post(f"{url}/predict", json=question())
        assert first.status_code == 200
        assert first.headers["X-Model-Version"] == "trend"
        (one,) = first.json()["forecasts"]
        assert one["symbol"] == "BTCUSDT"
        pids = replicas()
        assert len(pids) == 2
        answers = []
        for number in range(REQUESTS):
            if number == REQUESTS // 4:
                os.kill(pids[0], signal.SIGKILL)
            answers.append(client.post(f"{url}/predict", json=question()))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.text for answer in answers}) == 1
