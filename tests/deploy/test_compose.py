"""What the compose file, the image and the Prometheus configuration must be, read as text; docs/deploy.md runs them."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from longtake.cli import app
from tests.conftest import REPOSITORY, skip_or_fail

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (REPOSITORY / "deploy" / "Dockerfile").read_text()
PROMETHEUS = REPOSITORY / "deploy" / "prometheus" / "prometheus.yml"
EACH_SERVICE = pytest.mark.parametrize("service", SERVICES.values(), ids=list(SERVICES))


def option(command: list[str], name: str) -> str:
    """The value of `--name=value` or `--name value`."""
    for word, following in zip(command, [*command[1:], ""], strict=True):
        if word.startswith(f"{name}="):
            return word.removeprefix(f"{name}=")
        if word == name:
            return following
    pytest.fail(f"{command} has no {name}")


def test_the_services_are_longtake_its_store_and_its_metrics() -> None:
    assert sorted(SERVICES) == ["longtake", "prometheus", "redis"]


@EACH_SERVICE
def test_images_name_one_version(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"[\w./-]+:v?\d+(\.\d+)+", service["image"])


@EACH_SERVICE
def test_ports_are_open_to_this_machine_only(service: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@EACH_SERVICE
def test_no_service_waits_for_another_ones_health(service: dict[str, Any]) -> None:
    assert "depends_on" not in service and "healthcheck" not in service


@EACH_SERVICE
def test_nothing_holds_a_secret_or_more_rights_than_it_needs(service: dict[str, Any]) -> None:
    assert not re.search(r"password|secret|token|://[^/\s]*@", str(service), re.IGNORECASE)
    assert not {"privileged", "network_mode", "pid", "cap_add"} & set(service)
    assert "docker.sock" not in str(service)


def test_longtake_asks_for_what_the_other_services_offer() -> None:
    command = SERVICES["longtake"]["command"]
    assert option(command, "--store") == "redis://redis:6379"
    assert float(option(command, "--store-wait")) >= 30
    (job,) = yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"longtake:{option(command, '--metrics-port')}"]}]
    assert option(command, "--metrics-host") == "0.0.0.0"


def test_longtakes_command_is_one_that_longtake_understands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The options are read before the source is looked for, so only the missing source is left to complain about."""
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path))
    command = [
        str(tmp_path / "none") if "LONGTAKE_SOURCE" in word else word for word in SERVICES["longtake"]["command"]
    ]
    error = CliRunner().invoke(app, command).exception
    assert str(error) == f"there is no file or directory {str(tmp_path / 'none')!r}"


def test_longtake_has_shared_memory_for_ray_and_only_reads_the_videos() -> None:
    longtake = SERVICES["longtake"]
    assert longtake["shm_size"] == "1gb"
    assert longtake["volumes"] == ["${VIDEOS:-./videos}:/videos:ro"]
    assert longtake["cap_drop"] == ["ALL"]


def test_the_work_is_done_once_and_the_servers_stay() -> None:
    policies = {name: service["restart"] for name, service in SERVICES.items()}
    assert policies == {"longtake": "on-failure:3", "prometheus": "unless-stopped", "redis": "unless-stopped"}


def test_redis_forgets_nothing() -> None:
    redis = SERVICES["redis"]
    assert option(redis["command"], "--appendonly") == "yes"
    assert option(redis["command"], "--appendfsync") == "everysec"
    assert option(redis["command"], "--maxmemory-policy") == "noeviction"
    assert redis["volumes"] == [f"redis:{option(redis['command'], '--dir')}"]
    assert "redis" in COMPOSE["volumes"]


def test_the_image_runs_as_nobody_special_and_keeps_no_caches() -> None:
    final = DOCKERFILE.split("\nFROM ")[-1]
    assert re.findall(r"^USER (\w+)", final, re.MULTILINE) == ["longtake"]
    assert DOCKERFILE.count("apt-get install") == DOCKERFILE.count("rm -rf /var/lib/apt/lists/*")
    assert "--no-cache-dir" in DOCKERFILE and "UV_NO_CACHE=1" in DOCKERFILE


def test_a_change_of_the_code_installs_no_dependency_again() -> None:
    stages = re.split(r"^FROM .* AS (\w+)$", DOCKERFILE, flags=re.MULTILINE)
    contents = dict(zip(stages[1::2], stages[2::2], strict=True))
    assert "requirements.lock" in contents["dependencies"]
    assert not re.search(r"^COPY (pipeline|actors|longtake|\.)", contents["dependencies"], re.MULTILINE)
    assert contents["code"].index("--from=dependencies") < contents["code"].index("--from=code")


def test_everything_the_image_is_built_from_reaches_the_builder() -> None:
    allowed = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copies = [
        line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY ") and "--from" not in line
    ]
    assert {source for copy in copies for source in copy} == allowed
    assert all((REPOSITORY / source).exists() for source in allowed)


def test_every_dependency_of_the_image_is_in_the_lock_with_a_hash() -> None:
    """The image takes the lock as constraints: what it does not name would come in any version."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[<>=!~\[; ]", dependency)[0] for dependency in project["dependencies"]} | {"setuptools"}
    lock = (REPOSITORY / "requirements.lock").read_text()
    locked = set(re.findall(r"^([\w.-]+)==\S+[^\n]* \\\n    --hash=sha256:", lock, re.MULTILINE))
    assert wanted <= locked


def test_prometheus_accepts_its_configuration() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        skip_or_fail("promtool is not installed (Debian, Ubuntu: apt install prometheus)")
    checked = subprocess.run([str(promtool), "check", "config", PROMETHEUS], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
