"""One server of cameras and one Prometheus for all tests that ask them."""

import sys
from collections.abc import Iterator

import pytest

from actors.exporter import exporting
from tests.actors.gpus import nvml
from tests.actors.scraped import free_port
from tests.deploy.monitored import Monitored, monitored


@pytest.fixture(scope="session")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    """A served fleet under a real Prometheus, and beside it the exporter of a node that seems to have two GPUs.

    The camera has been away once, and the short recording has ended.
    """
    home, port = tmp_path_factory.mktemp("monitored"), free_port()
    (home / "numbers").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pynvml", nvml(2))
        with exporting(home / "numbers", port, "127.0.0.1", "model"), monitored(home, port) as found:
            found.unplug()
            found.prometheus.wait("longtake_stream_up", lambda told: told.get(("door",)) == 0)
            found.plug_in()
            found.prometheus.wait("longtake_gap_seconds_total", lambda told: any("door" in labels for labels in told))
            found.prometheus.wait("longtake_lag_seconds", lambda told: ("door",) in told)
            found.prometheus.wait("longtake_segments_total", lambda told: any("clip" in labels for labels in told))
            yield found
