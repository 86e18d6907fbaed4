"""What tracing costs: `python -m bench.tracing --before COMMIT`, where COMMIT is the last one that had no tracing.

One lane answers ready clips with a model and a store that do nothing, so what remains is longtake's own work per clip:
queue, lane, batcher, segmenter, and the traces. It is told in processor time, of fresh processes that take turns:
`without` runs the code of that commit, `off` this code as it is by default, the others send spans to a collector here.
Beside it: what a clip of a film costs that is decoded and computed.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CLIPS, PARTS, FILM_S = 200, 15, 20
LIMIT = 1.05
"""What counts as free when off: of the lane's own work, which is a small part of what a clip costs."""
ARMS = {"without": None, "off": None, "one in a hundred": "0.01", "every clip": "1"}
REPORT = ROOT / "bench" / "latest-tracing.json"


def main() -> int:
    """Run, print, write."""
    parser = argparse.ArgumentParser(prog="bench.tracing", description=__doc__)
    parser.add_argument("--before", help="commit without tracing; by default `without` is left out")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.arm:
        print(measured(arguments.arm))
        return 0
    with TemporaryDirectory() as folder, collector() as url:
        before = None if arguments.before is None else unpacked(arguments.before, Path(folder))
        arms = [arm for arm in ARMS if arm != "without" or before]
        rounds = [{arm: run(arm, before or ROOT, url) for arm in arms} for _ in range(arguments.rounds)]
    found = {arm: [one[arm] for one in rounds] for arm in arms} | {"film_ms": 1000 * film_s()}
    REPORT.write_text(json.dumps(found, indent=2) + "\n")
    return show(found, "without" if before else "off")


def show(found: dict[str, Any], base: str) -> int:
    """Print the least of all rounds, which is the least disturbed; 1 where it is not free when off."""
    least = {arm: min(found[arm]) for arm in ARMS if arm in found}
    for arm, us in least.items():
        print(f"{arm:18} {us:7.1f} µs a clip, {us / least[base]:.3f} of {base}; every round: {found[arm]}")
    print(f"{'a clip of a film':18} {1000 * found['film_ms']:7.0f} µs, decoded and computed, tracing off")
    return 0 if least["off"] <= LIMIT * least[base] else 1


def run(arm: str, before: Path, url: str) -> float:
    """One arm in a fresh process; microseconds of processor time per clip."""
    tree = before if arm == "without" else ROOT
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environment["PYTHONPATH"] = str(tree)
    if (ratio := ARMS[arm]) is not None:
        environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_TRACES_SAMPLER_ARG": ratio}
        environment["OTEL_TRACES_SAMPLER"] = "parentbased_traceidratio"
    command = [sys.executable, __file__, "--arm", arm]
    done = subprocess.run(command, env=environment, cwd=tree, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def measured(arm: str) -> float:
    """Microseconds of this process's processor time per clip, in the quickest of some parts: others disturb."""
    from pipeline.hooks import Hooks

    hooks = Hooks()
    if arm != "without":
        from actors.tracing import tracing

        hooks = tracing("inline")
    return round(min(1e6 * lane_s(hooks, CLIPS) / CLIPS for _ in range(PARTS)), 1)


def lane_s(hooks: Any, count: int) -> float:
    """Processor seconds of answering so many ready clips."""
    from bench.idle import IdleWorker
    from bench.parts import _beginning
    from pipeline.clock import SystemClock
    from pipeline.lane import Lane
    from pipeline.lane_queue import LaneContext, LaneLimits, LaneQueue
    from pipeline.models.batcher import Batcher
    from pipeline.models.card import DEFAULT_MODEL, load_card, resolve
    from pipeline.segment.rules import Rules
    from pipeline.segment.segmenter import Segmenter

    card = load_card(resolve(DEFAULT_MODEL))
    batcher = Batcher(IdleWorker(len(card.labels)), hooks=hooks)
    queue = LaneQueue(LaneContext(LaneLimits(), hooks, SystemClock()))
    segmenter = Segmenter("film", card.fingerprint, Rules.from_card(card.labels, card.segmenter))
    driven = Lane(queue, _Pool(batcher), segmenter, _Nowhere(), _beginning())
    ready = clips(count)
    begun_s = time.process_time()
    with ThreadPoolExecutor(1) as reader:
        reader.submit(lambda: ([queue.put(one, "wait") for one in ready], queue.end()))
        while driven.step():
            pass
    seconds = time.process_time() - begun_s
    batcher.close()
    return seconds


def film_s() -> float:
    """Processor seconds of a clip that is decoded from a film and computed by the default model."""
    from bench import film
    from pipeline.flow import FlowSettings, Job
    from pipeline.inline import InlineEngine
    from pipeline.models.card import DEFAULT_MODEL, resolve
    from pipeline.timeline.store import TimelineStore

    path = film.make(FILM_S)
    with (
        TemporaryDirectory() as folder,
        TimelineStore.open(None, Path(folder)) as store,
        InlineEngine(resolve(DEFAULT_MODEL), store, FlowSettings()) as engine,
    ):
        begun_s = time.process_time()
        (report,) = engine.run([Job("film", str(path))], lambda _: None)
        return (time.process_time() - begun_s) / report.clips


def clips(count: int) -> list[Any]:
    from pipeline.values import Clip

    frames = np.zeros((16, 112, 112, 3), np.uint8)
    return [
        Clip("film", 0, step, 0.8 * step, 0.8 * step + 0.8, frames, 16, False, 4 * step, 0.8 * step, bytes(16))
        for step in range(count)
    ]


class _Pool:
    """`pipeline.inline.InlinePool` without torch, whose import would take longer than what is measured."""

    def __init__(self, batcher: Any) -> None:
        self._batcher = batcher

    def encode(self, clips: Any, traces: Any = ()) -> Any:
        return [self._batcher.encode(clip, *traces[at : at + 1]) for at, clip in enumerate(clips)]

    def remember(self, request: Any, **traces: Any) -> Any:
        return self._batcher.remember(request, **traces)

    def infer(self, clip: Any, gap_s: float, state: Any, traces: Any = ()) -> Any:
        from pipeline.models.requests import RememberRequest

        features = self._batcher.encode(clip, *traces).result()
        request = RememberRequest(features[None], np.array([gap_s], np.float32), state)
        return self._batcher.remember(request, *([traces] if traces else []))


class _Nowhere:
    """A store that takes everything."""

    def commit(self, commit: object) -> str:
        return "ok"


def unpacked(commit: str, folder: Path) -> Path:
    """The code of a commit."""
    archive = subprocess.Popen(["git", "-C", str(ROOT), "archive", commit], stdout=subprocess.PIPE)
    with archive, tarfile.open(fileobj=archive.stdout, mode="r|") as tar:
        tar.extractall(folder, filter="data")
    return folder


@contextmanager
def collector() -> Iterator[str]:
    """Takes whatever is sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
