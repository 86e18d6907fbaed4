"""The Kubernetes manifests say of each process what compose says of it: image, command, secrets, bounds."""

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
DOCUMENTS = list(yaml.safe_load_all((ROOT / "deploy/kuberay/longtake.yaml").read_text()))
CLUSTER = next(one["spec"] for one in DOCUMENTS if one["kind"] == "RayCluster")
GROUPS = {group["groupName"]: group for group in CLUSTER["workerGroupSpecs"]}


def pod(group: Any) -> Any:
    return group["template"]["spec"]


PODS = {
    "ray-head": pod(CLUSTER["headGroupSpec"]),
    "ray-worker": pod(GROUPS["decode"]),
    "model-worker": pod(GROUPS["model"]),
    "longtake": next(one["spec"]["template"]["spec"] for one in DOCUMENTS if one["kind"] == "Deployment"),
}


@pytest.mark.parametrize("service", PODS)
def test_a_pod_runs_what_the_service_of_compose_runs(service):
    (container,) = PODS[service]["containers"]
    assert container["image"] == COMPOSE[service]["image"]
    said = [word.replace("longtake-head-svc:", "ray-head:") for word in container["args"]]
    assert said == COMPOSE[service]["command"]
    assert {one["name"]: one["value"] for one in container["env"]} == COMPOSE[service]["environment"]


@pytest.mark.parametrize("service", PODS)
def test_a_pod_has_no_more_rights_than_the_service(service):
    (container,) = PODS[service]["containers"]
    assert PODS[service]["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"] and COMPOSE[service]["read_only"]
    assert container["securityContext"]["capabilities"]["drop"] == COMPOSE[service]["cap_drop"] == ["ALL"]
    assert container["resources"]["limits"]["memory"]


def test_no_secret_is_written_down_and_redis_is_told_its_password_in_no_argument():
    (redis,) = next(one for one in DOCUMENTS if one["kind"] == "StatefulSet")["spec"]["template"]["spec"]["containers"]
    assert "--requirepass" not in redis["args"][0] and "| redis-server -" in redis["args"][0]
    assert "kind: Secret\n" not in (ROOT / "deploy/kuberay/longtake.yaml").read_text()
