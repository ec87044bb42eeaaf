"""Deployment: what lies in the repository is what is rendered, Ray itself would take it, and its commands exist."""

import json
import re
import shlex
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import validate

from qt_ray.adapters.deployment import Deployment
from qt_ray.adapters.ray_variables import DECIDING
from qt_ray.adapters.settings_keys import NAMES
from qt_ray.cli.main import COMMANDS, load_command
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
FILES = Deployment().rendered()
YAMLS = [path for path in FILES if path.suffix == ".yaml"]
RAY_UP = [Path("ray_cluster.yaml"), Path("deploy/aws.yaml"), Path("deploy/gcp.yaml")]
CALLED = re.compile(r"(?:(?<![\w./-])|/bin/)(?<!chown )qt (?P<name>[a-z-]+)(?P<words>(?: +(?:--)?[\w.:$/-]+)*)")
TRAIN = re.compile(r"qt_ray\.cli\.main train(?P<words>.*) \"\$@\"", re.DOTALL)
IN_LIST = re.compile(r"\[(?:CMD, )?(?:\"?qt\"?, )?\"?(?P<name>up|status)\"?, (?P<words>[^\]]*)\]")


def documents(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(FILES[path]))


def commands(config: dict[str, Any]) -> str:
    return "\n".join(line for key, lines in config.items() if key.endswith("_commands") for line in lines)


def code_of(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


@pytest.mark.parametrize("place", FILES, ids=str)
def test_what_lies_in_the_repository_is_what_is_rendered(place: Path) -> None:
    assert (ROOT / place).read_text("utf-8") == FILES[place]


@pytest.mark.parametrize("place", YAMLS, ids=str)
def test_every_yaml_is_read_and_holds_something(place: Path) -> None:
    assert all(documents(place))


@pytest.mark.parametrize("place", RAY_UP, ids=str)
def test_ray_up_would_take_it(place: Path) -> None:
    (config,) = documents(place)
    ray = find_spec("ray")
    assert ray is not None
    assert ray.origin is not None
    schema = json.loads((Path(ray.origin).parent / "autoscaler" / "ray-schema.json").read_text("utf-8"))
    validate(config, schema)
    types = config.get("available_node_types", {})
    assert config.get("head_node_type") in (types or {None})
    assert config["max_workers"] >= sum(kind["min_workers"] for kind in types.values())


@pytest.mark.parametrize("place", RAY_UP, ids=str)
def test_no_ray_of_anybody_else_is_stopped_and_every_shell_finds_the_program(place: Path) -> None:
    (config,) = documents(place)
    for key in ("head_start_ray_commands", "worker_start_ray_commands"):
        for line in config[key]:
            assert "ray stop" not in line
            assert "ray down" not in line
            assert "systemctl" in line or line.startswith("export PATH=/srv/qt-ray/.venv/bin:$PATH RAY_AUTH_MODE=token")
    assert "qt up --profile paper" in commands(config) or "systemctl restart qt-ray" in commands(config)


def test_every_command_in_every_file_exists_with_its_options() -> None:
    found = set()
    for text in map(code_of, FILES.values()):
        for match in (*CALLED.finditer(text), *IN_LIST.finditer(text)):
            options = frozenset(word.strip('", ') for word in re.split(r"[ ,]+", match["words"]) if "--" in word)
            found.add((match["name"], options))
    assert {name for name, _ in found} == {"up", "status"}
    for name, options in found:
        assert name in COMMANDS
        known = {word for parameter in load_command(name).params for word in parameter.opts}
        assert options <= known


@pytest.mark.parametrize("place", RAY_UP, ids=str)
def test_every_command_is_one_that_a_shell_understands(place: Path) -> None:
    (config,) = documents(place)
    for key in ("head_start_ray_commands", "worker_start_ray_commands"):
        for line in config[key]:
            subprocess.run(["bash", "-n", "-c", f"({line})"], check=True)


def test_a_job_for_training_asks_for_what_the_program_knows() -> None:
    found = TRAIN.search((ROOT / "deploy" / "submit-train").read_text("utf-8"))
    assert found is not None
    known = {word for parameter in load_command("train").params for word in parameter.opts}
    words = shlex.split(found["words"])
    assert {word for word in words if word.startswith("--")} <= known
    assert {"data.root", "train.work"} == {word.partition("=")[0] for word in words if "=" in word} & set(NAMES)


def test_who_joins_ray_from_another_container_sees_its_sockets() -> None:
    cluster, _ = documents(Path("deploy/kuberay.yaml"))
    ray, fund = cluster["spec"]["headGroupSpec"]["template"]["spec"]["containers"]
    assert ray["volumeMounts"] == fund["volumeMounts"]
    assert {"name": "ray", "mountPath": "/tmp/ray"} in fund["volumeMounts"]


def test_the_fund_in_the_cluster_outlives_a_head_and_runs_as_nobody_special() -> None:
    cluster, claim = documents(Path("deploy/kuberay.yaml"))
    assert (cluster["kind"], claim["kind"]) == ("RayCluster", "PersistentVolumeClaim")
    assert cluster["spec"]["gcsFaultToleranceOptions"]["redisAddress"]
    head = cluster["spec"]["headGroupSpec"]["template"]["spec"]
    assert head["securityContext"]["runAsNonRoot"]
    ray, fund = head["containers"]
    assert ray["env"] == fund["env"]
    assert fund["args"][:3] == ["up", "--profile", "paper"]
    claims = {volume.get("persistentVolumeClaim", {}).get("claimName") for volume in head["volumes"]}
    assert claim["metadata"]["name"] in claims


def test_the_container_runs_as_nobody_special_and_says_how_it_is() -> None:
    lines = FILES[Path("deploy/Dockerfile")].splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER qt"]
    assert any(line.startswith("HEALTHCHECK") and line.endswith("CMD qt status --profile paper") for line in lines)
    assert 'ENTRYPOINT ["tini", "--", "qt"]' in lines
    (compose,) = documents(Path("deploy/compose.yaml"))
    fund = compose["services"]["fund"]
    assert fund["ports"] == ["127.0.0.1:8700:8700"]
    # A published port comes in by another address than the container's own.
    assert fund["command"][3:5] == ["--host", "0.0.0.0"]
    assert fund["read_only"]
    assert "home:/home/qt" in fund["volumes"]


def test_the_unit_ends_in_order_and_is_begun_again_only_where_that_can_help() -> None:
    told = dict(line.split("=", 1) for line in FILES[Path("deploy/qt-ray.service")].splitlines() if "=" in line)
    assert told["KillSignal"] == "SIGTERM"
    assert (told["Restart"], told["RestartPreventExitStatus"]) == ("on-failure", "2 3 5 8")
    assert shlex.split(told["ExecStart"])[:4] == ["/srv/qt-ray/.venv/bin/qt", "up", "--profile", "paper"]
    assert "PrivateTmp" not in told  # `qt status` from a shell needs Ray's sockets
    assert told["ReadWritePaths"].split() == ["/srv/qt-ray/state", "/home/qt", "/tmp"]


def test_a_fund_s_own_words_are_in_every_place() -> None:
    ours = Deployment().with_words({"head_ip": "10.0.0.7", "account": "alpha", "profile": "testnet", "port": "9000"})
    (config,) = yaml.safe_load_all(ours.rendered()[Path("ray_cluster.yaml")])
    assert (config["cluster_name"], config["provider"]["head_ip"]) == ("qt-alpha", "10.0.0.7")
    assert "qt up --profile testnet --address 10.0.0.7:6379 --port 9000" in commands(config)
    assert commands(config).count("QT_FUND__ACCOUNT=alpha") == 4


@given(st.sampled_from("$;&|`'\"\n \\(){}<>*?#!~="), st.sampled_from(["user", "home", "image", "account"]))
def test_a_word_is_a_word_to_every_shell(mark: str, name: str) -> None:
    with pytest.raises(Invalid, match=f"{name}: a word of letters"):
        Deployment().with_words({name: f"a{mark}b"})


def test_a_word_that_no_template_knows_is_named() -> None:
    with pytest.raises(Invalid, match=r"a value is one of account, .*, was 'colour'"):
        Deployment().with_words({"colour": "red"})


def test_every_head_is_told_what_decisions_need() -> None:
    told = Deployment().rendered()
    begins = [place for place, text in told.items() if "RAY_AUTH_MODE" in text and place.name != "compose.yaml"]
    assert len(begins) >= 5
    for place in begins:
        for name, value in DECIDING.items():
            assert re.search(rf'{name}(=|, value: "){value}\b', told[place]), f"{place}: {name}"
