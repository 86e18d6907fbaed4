"""An exporter's answers, and processes that count."""

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from actors.metrics_folder import METRICS_VARIABLE

Samples = dict[tuple[str, str], float]

_COUNTING = """
import sys
from actors.metrics import PrometheusHooks
hooks = PrometheusHooks()
for corrupt in (False, True, False):
    hooks.decoded("cam1", corrupt)
hooks.kept("cam1", float(sys.argv[1]))
hooks.batch("encode", 4, 0.01)
print("counted", flush=True)
for line in sys.stdin:
    getattr(hooks, line.strip())("cam1")
    print("done", flush=True)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def scrape(port: int) -> Samples:
    """Every sample of a scrape by name and by the values of its labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, ",".join(sample.labels.values())): sample.value for sample in samples}


@contextmanager
def counting(folder: Path, until_s: float) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has counted three frames and one batch, and lives on; a hook's name on its input calls it."""
    environment = os.environ | {METRICS_VARIABLE: str(folder)}
    command = [sys.executable, "-c", _COUNTING, str(until_s)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"counted\n"
        try:
            yield process
        finally:
            process.kill()


def tell(process: "subprocess.Popen[bytes]", hook: str) -> None:
    """Let a counting process call a hook of its stream."""
    assert process.stdin and process.stdout
    process.stdin.write(f"{hook}\n".encode())
    process.stdin.flush()
    assert process.stdout.readline() == b"done\n"
