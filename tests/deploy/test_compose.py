"""What the compose file is, read as text; `make e2e` builds and runs it."""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from longtake.cli import app
from tests.conftest import REPOSITORY
from tests.e2e.engine import STAND_INS

TEXT = (REPOSITORY / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
SCRAPED = yaml.safe_load((REPOSITORY / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
ONCE = {"streams": "on-failure", "videos": "no"}
"""Services whose work ends."""

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=list(SERVICES))


def test_the_services_are_a_cluster_its_store_and_what_watches_it() -> None:
    plain = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert plain == {"redis", "ray-head", "ray-worker", "model-worker", "longtake", "prometheus", "grafana"}
    assert {name: service["profiles"] for name, service in SERVICES.items() if name not in plain} == {
        "camera": ["demo"],
        "streams": ["demo"],
        "model-worker-gpu": ["gpu"],
        "videos": ["videos"],
    }


@each_service
def test_a_service_has_no_more_rights_than_it_needs(service: dict[str, Any]) -> None:
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "ipc", "cap_add", "devices"} & set(service)
    assert "docker.sock" not in str(service)


@each_service
def test_a_service_is_bounded_and_on_the_one_network(service: dict[str, Any]) -> None:
    assert service["deploy"]["resources"]["limits"]["memory"] and service["pids_limit"]
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert list(service["networks"]) == list(COMPOSE["networks"]) == ["longtake"]


@each_service
def test_images_name_one_version(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"[\w./-]+:v?\d+(\.\d+)+", service["image"])
    assert ("build" in service) == service["image"].startswith("longtake-")
    if "build" in service:
        assert service["image"] == f"longtake-{service['build']['target']}:{VERSION}"


@each_service
def test_ports_are_open_to_this_machine_only(service: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_redis_and_ray_have_no_port_at_all() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"longtake", "prometheus", "grafana"}


@each_service
def test_no_service_waits_for_another_ones_health(service: dict[str, Any]) -> None:
    assert "depends_on" not in service


def test_servers_come_back_and_work_that_is_done_does_not() -> None:
    policies = {name: service["restart"] for name, service in SERVICES.items()}
    assert policies == dict.fromkeys(SERVICES, "unless-stopped") | ONCE


@each_service
def test_secrets_come_as_files_and_are_never_said(service: dict[str, Any]) -> None:
    assert not re.search(r"://[^/\s]*@", str(service))
    for name, value in service.get("environment", {}).items():
        if re.search("PASSWORD|TOKEN|SECRET", name):
            named = re.fullmatch(r"/run/secrets/(\w+)|\$\$__file\{/run/secrets/(\w+)\}", value)
            assert named is not None and (named[1] or named[2]) in service["secrets"]


def test_whoever_has_no_secrets_is_told_how_to_make_them() -> None:
    assert set(COMPOSE["secrets"]) == {"redis_password", "ray_token", "grafana_password"}
    for name, secret in COMPOSE["secrets"].items():
        assert secret["file"] == "${SECRETS:?run deploy/make-secrets once}/" + name


def test_every_node_shows_the_token_and_knows_the_store() -> None:
    nodes = [name for name, service in SERVICES.items() if service["image"].startswith("longtake-")]
    for name in set(nodes) - {"camera"}:
        environment = SERVICES[name]["environment"]
        assert environment["RAY_AUTH_MODE"] == "token" and environment["LONGTAKE_STORE"] == "redis://redis:6379"


@pytest.mark.parametrize("name", ["ray-head", "ray-worker", "model-worker", "longtake", "videos"])
def test_commands_are_ones_that_longtake_understands(name: str) -> None:
    """Options are parsed, and nothing is run."""
    root = typer.main.get_command(app)
    command, *words = SERVICES[name]["command"]
    with root.make_context("longtake", [command]) as context:
        found = root.get_command(context, command)
        assert found is not None
        found.make_context(command, words, parent=context)


def test_prometheus_finds_every_node_by_the_name_of_its_service() -> None:
    (found,) = SCRAPED[0]["dns_sd_configs"]
    assert (found["type"], found["port"]) == ("A", 9400)
    nodes = {name for name, service in SERVICES.items() if "--metrics-port=9400" in service.get("command", [])}
    aliases = {alias for one in SERVICES.values() if isinstance(one["networks"], dict) for alias in _aliases(one)}
    assert set(found["names"]) == nodes - {"model-worker-gpu"} and aliases <= nodes
    assert _aliases(SERVICES["model-worker-gpu"]) == ["model-worker"]
    assert all("--metrics-host=0.0.0.0" in SERVICES[name]["command"] for name in nodes)


def _aliases(service: dict[str, Any]) -> list[str]:
    return [alias for network in service["networks"].values() for alias in network["aliases"]]


def test_a_gpu_is_asked_for_by_the_gpu_profile_alone() -> None:
    gpu = SERVICES["model-worker-gpu"]
    assert gpu["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    assert gpu["entrypoint"] == ["with-gpu", "longtake"] and gpu["command"] == SERVICES["model-worker"]["command"]
    assert "nvidia" not in str({name: one for name, one in SERVICES.items() if name != "model-worker-gpu"})


def test_every_variable_is_in_the_docs() -> None:
    page = (REPOSITORY / "docs" / "deploy.md").read_text()
    used = set(re.findall(r"\$\{(\w+)", TEXT))
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))
    assert used - {"NAME"} == documented


def test_what_a_service_reads_from_the_repository_is_there() -> None:
    sources = {
        one.split(":")[0] for service in SERVICES.values() for one in service.get("volumes", []) if one.startswith("./")
    }
    assert sources and all((REPOSITORY / one).exists() for one in sources)


def test_images_that_are_pulled_have_a_stand_in_or_are_left_out_by_name() -> None:
    pulled = {name for name, service in SERVICES.items() if "build" not in service}
    assert {name for name in pulled if SERVICES[name]["image"] not in STAND_INS} == {"grafana"}


def test_secrets_are_made_once_for_oneself_alone(tmp_path: Path) -> None:
    script = tmp_path / "deploy" / "make-secrets"
    script.parent.mkdir()
    script.write_bytes((REPOSITORY / "deploy" / "make-secrets").read_bytes())
    script.chmod(0o755)
    subprocess.run([script], check=True)
    folder = tmp_path / "deploy" / "secrets"
    before = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(before) == set(COMPOSE["secrets"]) | {".gitignore"}
    assert all(re.fullmatch("[0-9a-f]{48}", before[name]) for name in COMPOSE["secrets"])
    assert folder.stat().st_mode & 0o777 == 0o700
    subprocess.run([script], check=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    assert (tmp_path / ".env").read_text() == "SECRETS=./deploy/secrets\n"


def test_what_holds_secrets_never_reaches_the_repository() -> None:
    for path in (".env", "deploy/secrets/redis_password"):
        if (REPOSITORY / path).exists():
            asked = subprocess.run(["git", "check-ignore", "-q", path], cwd=REPOSITORY, env=os.environ)
            assert asked.returncode == 0, f"{path} is not ignored"
    assert "/.env" in (REPOSITORY / ".gitignore").read_text().splitlines()
