"""What a node tells of itself: memory of the machine or the container, processes by kind, GPUs where there are any."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import psutil
import pytest
from prometheus_client import Metric

from actors.gpu_metrics import GpuCollector
from actors.node_metrics import KINDS, NodeCollector, memory_by_kind
from tests.actors.gpus import GIB, nvml, without_driver

MIB = 2**20


def values(families: Iterable[Metric]) -> dict[tuple[str, ...], float]:
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_processes_are_told_apart_by_what_they_call_themselves() -> None:
    titles = {
        "ray::host-1f2e:HostActor.assign": "host",
        "ray::StreamActor": "host",
        "ray::model-ae88-35fc:ModelWorkerActor.__init__": "model_worker",
        "ray::SupervisorActor": "supervisor",
        "ray::IDLE": "ray",
        "/site-packages/ray/core/src/ray/raylet/raylet": "ray",
        "redis-server *:0": "other",
    }
    before, found = _beside(list(titles))
    assert set(found) == set(KINDS)
    assert [before[kind] for kind in KINDS if kind != "other"] == [0, 0, 0, 0]
    assert all(0 < found[kind] < 20 * MIB for kind in ("host", "model_worker", "supervisor", "ray"))


def _beside(titles: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    """What a process of its own, which other tests have given no children, finds before and after it starts some."""
    asked = f"""
import json, subprocess
from actors.node_metrics import memory_by_kind
before = memory_by_kind()
children = [subprocess.Popen([title, "60"], executable="/bin/sleep") for title in {titles!r}]
try:
    print(json.dumps([before, memory_by_kind()]))
finally:
    for child in children:
        child.kill()
        child.wait()
"""
    said = subprocess.run([sys.executable, "-"], input=asked.encode(), check=True, capture_output=True).stdout
    before, found = json.loads(said)
    return before, found


def test_libraries_and_shared_memory_are_not_counted_once_for_each_process() -> None:
    process = psutil.Process()
    assert memory_by_kind()["other"] < process.memory_info().rss


def test_memory_is_the_containers_where_that_may_take_less_than_the_machine_has(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{64 * MIB}\n")
    (tmp_path / "memory.current").write_text(f"{48 * MIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon {30 * MIB}\ninactive_file {8 * MIB}\n")
    found = values(NodeCollector("decode", None, tmp_path).collect())
    assert found["longtake_node_memory_size_bytes",] == 64 * MIB
    assert found["longtake_node_memory_available_bytes",] == 24 * MIB


@pytest.mark.parametrize("limit", ["max", "999999999999999999"])
def test_memory_is_the_machines_where_the_container_may_have_all(limit: str, tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    found = values(NodeCollector("decode", None, tmp_path).collect())
    assert found["longtake_node_memory_size_bytes",] == psutil.virtual_memory().total


def test_every_gpu_is_told_apart_and_one_that_says_nothing_has_no_series(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml(2, silent=(0,)))
    assert values(GpuCollector().collect()) == {
        ("longtake_gpu_memory_used_bytes", "0"): GIB,
        ("longtake_gpu_memory_used_bytes", "1"): 2 * GIB,
        ("longtake_gpu_memory_total_bytes", "0"): 80 * GIB,
        ("longtake_gpu_memory_total_bytes", "1"): 80 * GIB,
        ("longtake_gpu_utilisation_ratio", "1"): 0.5,
    }


@pytest.mark.parametrize("library", [None, without_driver()], ids=["no library", "no driver"])
def test_a_machine_without_gpus_has_nothing_to_tell_of_them(
    library: ModuleType | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", library)
    assert values(GpuCollector().collect()) == {}


def test_nvidias_real_library_names_what_is_asked() -> None:
    import pynvml

    names = ("nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetMemoryInfo")
    assert all(callable(getattr(pynvml, name)) for name in (*names, "nvmlDeviceGetUtilizationRates"))
    assert issubclass(pynvml.NVMLError, Exception)
