import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    # These tests may themselves run under make, whose variables change what an inner make says.
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    world = {**mine, **environ}
    return subprocess.run(words, cwd=ROOT, env=world, capture_output=True, text=True, check=False)


def name_of(requirement: str) -> str:
    return requirement.partition("=")[0].partition(">")[0].partition("[")[0].strip().lower().replace("_", "-")


def test_every_dependency_has_one_exact_version() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(pin.count("==") == 1 and "+" not in pin for pin in pins)
    names = [name_of(pin) for pin in pins]
    assert len(names) == len(set(names))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    assert {name_of(requirement) for requirement in wanted} <= set(names)


def test_generated_pages_say_what_the_code_says() -> None:
    assert run(sys.executable, "-m", "docs.generate", "--check").returncode == 0


@pytest.mark.parametrize("target", ["run", "demo", "test", "check", "fix", "bench", "chaos", "docs"])
def test_every_target_sets_itself_up_first(target: str) -> None:
    planned = run("make", "--dry-run", "--always-make", target)
    assert planned.returncode == 0, planned.stderr
    assert planned.stdout.splitlines()[0].startswith(".ci/setup")


def test_the_main_job_is_a_fund_on_paper_money() -> None:
    planned = run("make", "--dry-run", "run").stdout.splitlines()
    assert planned[-1].endswith("qt up --profile paper")


def test_a_machine_that_has_a_redis_is_left_as_it_is(tmp_path: Path) -> None:
    server = tmp_path / "redis-server"
    server.write_text("#!/bin/sh\nexit 1\n")
    server.chmod(0o755)
    found = run(".ci/packages", sys.executable, PATH=f"{tmp_path}:/usr/bin:/bin")
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_the_torch_index_is_a_variable_that_is_empty_by_default() -> None:
    index = "https://example.org/whl/cpu"
    plain = run("make", "--dry-run", "--always-make", "run").stdout.splitlines()[0]
    chosen = run("make", "--dry-run", "--always-make", "run", f"TORCH_INDEX={index}").stdout.splitlines()[0]
    assert plain.endswith('""')
    assert chosen.endswith(f'"{index}"')


def test_a_missing_python_is_one_clear_line() -> None:
    refused = run(".ci/setup", "no-such-python")
    assert refused.returncode == 1
    assert refused.stderr == (
        "set-up: Python 3.11 or newer is needed, 'no-such-python' was not found (make PYTHON=...)\n"
    )


def test_continuous_integration_runs_what_a_developer_runs() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "exec make test" in (ROOT / ".ci" / "run").read_text()
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    commands = {hook["entry"].split()[0] for hook in hooks}
    planned = run("make", "--dry-run", "check").stdout
    assert all(command in planned for command in commands)
