"""Starting Ray: how long it may take, and who is told."""

import os

import pytest
import ray

from actors import start as starting
from actors.settings import RaySettings
from actors.start import start
from pipeline.errors import EngineError

WAIT = "RAY_raylet_start_wait_time_s"


@pytest.fixture
def seen(monkeypatch) -> list[str | None]:
    """What Ray finds in the environment for the time it may take, at each call of `init`; it is not really started."""
    seen: list[str | None] = []
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray, "init", lambda *_, **__: seen.append(os.environ.get(WAIT)))
    monkeypatch.delenv(WAIT, raising=False)
    return seen


def test_ray_on_this_machine_gets_two_minutes_and_nobody_after_it(seen):
    start(RaySettings())
    assert seen == ["120"]
    assert WAIT not in os.environ


def test_what_the_user_has_set_stays(seen, monkeypatch):
    monkeypatch.setenv(WAIT, "600")
    start(RaySettings())
    assert seen == ["600"] and os.environ[WAIT] == "600"


def test_a_cluster_that_is_joined_has_its_own_settings(seen):
    start(RaySettings(address="10.0.0.1:6379"))
    assert seen == [None]


def test_this_process_reads_the_settings_again(seen, monkeypatch):
    monkeypatch.setattr(starting, "_PATIENCE", {"RAY_py_gcs_connect_timeout_s": "77"})
    start(RaySettings())
    assert starting.Config.py_gcs_connect_timeout_s() == 77
    monkeypatch.setenv("RAY_py_gcs_connect_timeout_s", "30")
    starting.Config.initialize("")


def test_nothing_is_left_in_the_environment_where_ray_does_not_start(seen, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("The current node timed out during startup.\nMore.")

    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(EngineError, match=r"^Ray did not start: The current node timed out during startup\.$"):
        start(RaySettings())
    assert WAIT not in os.environ
